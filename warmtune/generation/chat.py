"""How a conversation is shown to the model: one rendering for training, answering and counting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warmtune.errors import ModelError
from warmtune.schemas import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def render(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], generation: bool = False) -> str:
    """Return the text the model is shown; with `generation`, up to where its reply begins.

    Raises:
        ModelError: when the model's chat template refuses the messages.
    """
    from jinja2 import TemplateError

    try:
        text: Any = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=generation)
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise ModelError(
            f"The model's chat template refuses a conversation with the roles {roles} ({error}); leave such"
            " conversations out of the data."
        ) from None
    return str(text)


def encode(tokenizer: "PreTrainedTokenizerBase", text: str) -> list[int]:
    """Tokenize rendered text. The template writes the special tokens itself, so none is added here."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids
