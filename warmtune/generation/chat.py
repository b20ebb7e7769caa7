"""How a conversation is shown to the model: one rendering for training, answering and counting."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from warmtune.errors import ModelError
from warmtune.generation.base import Base, load_tokenizer
from warmtune.schemas import Message

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LONG = 5
"""A text is first tried by its first characters, this many a token: English has about four."""
_FIRST = 1.5
"""Times the bytes above the limit that are counted to see whether a text fits: three bytes a token suffice then."""
_SLACK = 64
"""... and counts as too long when that beginning exceeds the limit by so many tokens, more than a cut can add."""


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


@dataclass
class TokenLength:
    """Counts a conversation's tokens as the model is shown it; travels to other processes without its tokenizer."""

    base: Base

    def __call__(self, messages: Sequence[Message], limit: int) -> int:
        """Return the number of tokens, or some number on the same side of `limit`."""
        text = render(self._tokenizer, messages)
        if self._bytewise:
            most = self._at_most(text, limit)
            if most <= limit:
                return most
        if len(text) > 2 * _LONG * limit:
            least = self._count(text[: _LONG * (limit + _SLACK)])
            if least > limit + _SLACK:
                return least
        return self._count(text)

    def _at_most(self, text: str, limit: int) -> int:
        """Return a number that a text's tokens do not exceed: no token is shorter than a byte.

        Only as much from the beginning is really counted as could bring that number under the limit.
        """
        total = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        beyond = total + _SLACK - limit
        if beyond <= 0 or _FIRST * beyond > total:
            return total
        first = text[: int(_FIRST * beyond)]
        rest = total - len(first.encode("utf-8", "surrogatepass"))
        return self._count(first) + _SLACK + rest

    @cached_property
    def _bytewise(self) -> bool:
        """Whether the tokenizer takes texts as they are, byte by byte at worst.

        A text of fewer bytes than a limit then has fewer tokens, too; a normalizer could lengthen it.
        """
        if not self._tokenizer.is_fast:
            return False
        tree = json.loads(self._tokenizer.backend_tokenizer.to_str())
        return tree["normalizer"] is None and "ByteLevel" in json.dumps(tree["pre_tokenizer"])

    def _count(self, text: str) -> int:
        if self._tokenizer.is_fast:
            found = self._tokenizer.backend_tokenizer.encode_batch_fast([text], add_special_tokens=False)
            return len(found[0].ids)  # without offsets, which take half of the time
        return len(encode(self._tokenizer, text))

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        return load_tokenizer(self.base)

    def __getstate__(self) -> dict[str, Base]:
        return {"base": self.base}
