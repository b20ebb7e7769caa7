"""Renders a conversation as the model's prompt text. Training, answering and counting use the same rendering."""

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
"""Of a long text, this many characters per token of the limit are tokenized first; English has about four per token."""
_FIRST = 1.5
"""How many bytes to tokenize per byte above the limit. This shows that a text fits if its tokens have three bytes."""
_SLACK = 64
"""Tokens by which such a beginning must exceed the limit for the text to be too long; a cut can add fewer."""


@dataclass(frozen=True)
class Rules:
    """What a chat template demands of a conversation, found by trying it."""

    system: bool
    """Whether the first message may be a system message, shown in the same place at any length of the conversation."""
    alternating: bool
    """Whether user and assistant must take turns."""
    stable: bool
    """Whether earlier turns are rendered the same way after later ones are added."""


_U, _A = {"role": "user", "content": "Uu"}, {"role": "assistant", "content": "Aa"}
_S = {"role": "system", "content": "Ss"}
_known_rules: dict[str, Rules] = {}


def rules(tokenizer: "PreTrainedTokenizerBase") -> Rules:
    """Return a template's rules; each template is tried once per process."""
    template = str(tokenizer.chat_template)
    if template not in _known_rules:
        with_system = [_try(tokenizer, [_S, _U, _A]), _try(tokenizer, [_S, _U, _A, _U, _A])]
        is_shown = all("Ss" in text for text in with_system)
        without_system = [_try(tokenizer, [_U, _A]), _try(tokenizer, [_U, _A, _U, _A])]
        _known_rules[template] = Rules(
            system=is_shown and with_system[1].startswith(with_system[0].split("Ss")[0] + "Ss"),
            alternating=_try(tokenizer, [_U, _U, _A]).count("Uu") < 2,
            stable=bool(without_system[0]) and without_system[1].startswith(without_system[0].rstrip()),
        )
    return _known_rules[template]


def _try(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]]) -> str:
    """Return the template's rendering of some messages; an empty text if it refuses them."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(messages, tokenize=False))
    except TemplateError:
        return ""


def fitted(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> list[Message]:
    """Return the messages in the form that the model's template takes, for training and answering alike.

    If the template takes no system message, its text moves to the beginning of the first user message. If the template
    demands alternating roles, consecutive messages of one role are joined.
    """
    template_rules, fitting = rules(tokenizer), list(messages)
    if not template_rules.system and fitting and fitting[0]["role"] == "system":
        system, fitting = fitting[0]["content"], fitting[1:]
        if system.strip() and fitting:
            fitting[0] = {**fitting[0], "content": f"{system}\n\n{fitting[0]['content']}"}
    if template_rules.alternating:
        joined: list[Message] = []
        for message in fitting:
            if joined and joined[-1]["role"] == message["role"]:
                joined[-1] = {**message, "content": f"{joined[-1]['content']}\n\n{message['content']}"}
            else:
                joined.append(message)
        fitting = joined
    return fitting


def render(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], generation: bool = False) -> str:
    """Return the text that the model reads; with `generation`, up to the beginning of its reply.

    Raises:
        ModelError: the model's chat template refuses the messages.
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
    """Return the token ids of rendered text. The template writes the special tokens, so this adds none."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


@dataclass
class TokenLength:
    """Counts the tokens of a rendered conversation. A pickled copy leaves the tokenizer out and loads it anew."""

    base: Base

    def __call__(self, messages: Sequence[Message], limit: int) -> int:
        """Return the number of tokens, or another number on the same side of `limit`."""
        text = render(self._tokenizer, messages)
        if self._bytewise:
            upper_bound = self._at_most(text, limit)
            if upper_bound <= limit:
                return upper_bound
        if len(text) > 2 * _LONG * limit:
            lower_bound = self._count(text[: _LONG * (limit + _SLACK)])
            if lower_bound > limit + _SLACK:
                return lower_bound
        return self._count(text)

    def _at_most(self, text: str, limit: int) -> int:
        """Return an upper bound of a text's number of tokens: no token is shorter than a byte.

        The beginning is tokenized only if that can bring the bound under the limit.
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
        """Whether every token of the tokenizer stands for at least one byte of the text.

        Then a text has no more tokens than bytes. A normalizer could make the text longer, so there must be none.
        """
        if not self._tokenizer.is_fast:
            return False
        tree = json.loads(self._tokenizer.backend_tokenizer.to_str())
        return tree["normalizer"] is None and "ByteLevel" in json.dumps(tree["pre_tokenizer"])

    def _count(self, text: str) -> int:
        if self._tokenizer.is_fast:
            encodings = self._tokenizer.backend_tokenizer.encode_batch_fast([text], add_special_tokens=False)
            return len(encodings[0].ids)  # without offsets, which take half of the time
        return len(encode(self._tokenizer, text))

    @cached_property
    def _tokenizer(self) -> "PreTrainedTokenizerBase":
        return load_tokenizer(self.base)

    def __getstate__(self) -> dict[str, Base]:
        return {"base": self.base}
