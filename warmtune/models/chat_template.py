"""How a conversation is shown to the model: one rendering for training, answering and counting."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from warmtune.errors import ModelError
from warmtune.io.schemas import Message
from warmtune.models.base import Base, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_LONG = 5
"""A text is first tried by its first characters, this many a token: English has about four."""
_FIRST = 1.5
"""Times the bytes above the limit that are counted to see whether a text fits: three bytes a token suffice then."""
_SLACK = 64
"""... and counts as too long when that beginning exceeds the limit by so many tokens, more than a cut can add."""


@dataclass(frozen=True)
class Rules:
    """What a chat template asks of a conversation, found out by trying it."""

    system: bool
    """Whether a system message may stand first, and is shown in the same place however long the conversation gets."""
    alternating: bool
    """Whether user and assistant must take turns."""
    stable: bool
    """Whether earlier turns are shown the same way once later ones follow."""


_U, _A = {"role": "user", "content": "Uu"}, {"role": "assistant", "content": "Aa"}
_S = {"role": "system", "content": "Ss"}
_found: dict[str, Rules] = {}


def rules(tokenizer: "PreTrainedTokenizerBase") -> Rules:
    """Find out a template's rules; it is tried once."""
    template = str(tokenizer.chat_template)
    if template not in _found:
        once = [_try(tokenizer, [_S, _U, _A]), _try(tokenizer, [_S, _U, _A, _U, _A])]
        shown = all("Ss" in text for text in once)
        bare = [_try(tokenizer, [_U, _A]), _try(tokenizer, [_U, _A, _U, _A])]
        _found[template] = Rules(
            system=shown and once[1].startswith(once[0].split("Ss")[0] + "Ss"),
            alternating=_try(tokenizer, [_U, _U, _A]).count("Uu") < 2,
            stable=bool(bare[0]) and bare[1].startswith(bare[0].rstrip()),
        )
    return _found[template]


def _try(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> str:
    """Return what the template makes of some messages, nothing where it refuses them."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False))
    except TemplateError:
        return ""


def fitted(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> list[Message]:
    """Return the messages as the model's template takes them: for training and for answering alike.

    A system message that it does not take goes to the beginning of the first user message, and messages of one role
    in a row are joined where it wants turns to be taken.
    """
    wanted, found = rules(tokenizer), list(messages)
    if not wanted.system and found and found[0]["role"] == "system":
        system, found = found[0]["content"], found[1:]
        if system.strip() and found:
            found[0] = {**found[0], "content": f"{system}\n\n{found[0]['content']}"}
    if wanted.alternating:
        joined: list[Message] = []
        for message in found:
            if joined and joined[-1]["role"] == message["role"]:
                joined[-1] = {**message, "content": f"{joined[-1]['content']}\n\n{message['content']}"}
            else:
                joined.append(message)
        found = joined
    return found


def render(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], generation: bool = False) -> str:
    """Return the text the model is shown; with `generation`, up to where its reply begins.

    Raises:
        ModelError: when the model's chat template refuses the messages.
    """
    from jinja2 import TemplateError

    shown = fitted(tokenizer, messages)
    try:
        text: Any = tokenizer.apply_chat_template(list(shown), tokenize=False, add_generation_prompt=generation)
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
