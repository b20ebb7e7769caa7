"""Asking a model, by Inspect's name of it: never twice for the same, within a budget, and with faults told apart.

Inspect brings providers, connection limits, retries with growing pauses, and batch APIs. What is added here: an answer
is in the journal before anything is done with it, and a fault ends the run only where asking again cannot help.
"""

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from warmtune.config.evaluation_settings import JudgeSettings
from warmtune.config.settings import RewriterSettings
from warmtune.errors import ModelError, redacted
from warmtune.io.schemas import Message
from warmtune.models.budget import CostBudget, Price
from warmtune.models.response_cache import ResponseCache, key_of

if TYPE_CHECKING:
    from inspect_ai.model import Model

_LOG = logging.getLogger(__name__)

_RETRIES = 10
"""Inspect's, after its own pauses of 3, 6, 12, ... seconds: three quarters of an hour in all."""
_AT_FIRST = 2
"""The same while no request has succeeded yet: then it may well be the address that is wrong."""
_FAULTS = 4
"""Times a request is sent again after a fault that Inspect does not take for one, such as an answer that is no JSON."""
_HOPELESS = {401: "the key is not accepted", 403: "the key may not use it", 404: "it is not known there"}
_BATCH_REQUESTS = 5000
"""Requests under way with a batch API, which sends them together."""
_BATCHING = ("openai", "anthropic", "google", "grok", "together")
"""Providers whose batch API Inspect uses; to the others it would send single requests, at full price."""


Service = RewriterSettings | JudgeSettings
"""Settings that say how a model is reached."""


class NoAnswerError(Exception):
    """One request got no usable answer, however often it was sent; others may."""


@dataclass(frozen=True)
class Completion:
    """What a model said to one request."""

    text: str
    stop: str
    """Inspect's stop reason; `stop` where the answer ended by itself."""
    input_tokens: int
    output_tokens: int
    usd: float | None
    """None where the model's price is not known."""


class ModelClient:
    """One model."""

    def __init__(
        self,
        name: str,
        service: Service,
        temperature: float,
        cache: ResponseCache,
        budget: CostBudget,
        price: Price | None,
        setting: str = "rewriter",
    ) -> None:
        self.name = name
        self.sent = 0
        self.reused = 0
        self.tokens = [0, 0]
        """Tokens in and out of all answers used, earlier ones as well."""
        self._settings = service
        self._setting = setting
        self._temperature = temperature
        self._cache = cache
        self._budget = budget
        self.price = price
        self._model = open_model(name, service, temperature, setting)
        self._reached = False
        self._hopeless: ModelError | None = None

    @staticmethod
    def key(
        name: str,
        service: Service,
        temperature: float,
        messages: Sequence[Message],
        max_tokens: int,
        attempt: int,
    ) -> str:
        """Return the journal's key of a request: the whole of what determines its answer."""
        return key_of(name, service.base_url, temperature, list(messages), max_tokens, attempt)

    @property
    def max_concurrency(self) -> int:
        """Requests that may be under way."""
        return _BATCH_REQUESTS if self._settings.batch else self._settings.max_connections

    async def generate(self, messages: Sequence[Message], max_tokens: int, attempt: int = 0) -> Completion:
        """Return the answer to a request, from the journal where it was asked before.

        Args:
            messages: the request.
            max_tokens: most tokens of the answer.
            attempt: tells apart requests that are sent again as they are, because the answer was empty.

        Raises:
            NoAnswerError: this request gets none.
            BudgetError: the budget does not allow it.
            ModelError: no request can succeed: no such model, no valid key, nobody there.
        """
        key = self.key(self.name, self._settings, self._temperature, messages, max_tokens, attempt)
        found = self._cache.get(key)
        if found is None:
            found = asdict(await self._paid(messages, max_tokens))
            self._cache.put(key, found)
            self.sent += 1
        else:
            self.reused += 1
            await self._budget.settle(0.0, found["usd"] or 0.0)
        answered = Completion(**found)
        self.tokens[0] += answered.input_tokens
        self.tokens[1] += answered.output_tokens
        return answered

    async def _paid(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        most = 0.0
        if self.price:
            most = self.price.of(estimated_tokens(*(m["content"] for m in messages)), max_tokens, self._settings.batch)
        await self._budget.reserve(most)
        cost = 0.0
        try:
            answered = await self._sent(messages, max_tokens)
            cost = answered.usd or 0.0
            return answered
        finally:
            await self._budget.settle(most, cost)

    async def _sent(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        """Send a request, unless another has shown that none can succeed; send it again where that may help."""
        for fault in range(_FAULTS + 1):
            if self._hopeless:
                raise self._hopeless
            try:
                completion = await self._generated(messages, max_tokens)
                self._reached = True
                return completion
            except (NoAnswerError, ModelError):
                raise
            except Exception as error:
                self._judge_fault(error)
                if fault == _FAULTS:
                    raise NoAnswerError(f"no answer after {fault + 1} requests ({_said(error)})") from None
                _LOG.info("%s: sending a request again, %d of %d (%s)", self.name, fault + 1, _FAULTS, _said(error))
                await asyncio.sleep(0.5 * 2**fault)
        raise AssertionError("unreachable")

    def _judge_fault(self, error: Exception) -> None:
        """Raise what an exception of a provider means; return where asking again may help."""
        root = _root(error)
        status = next((s for e in (error, root) if isinstance(s := getattr(e, "status_code", None), int)), None)
        if status in _HOPELESS:
            raise ModelError(
                f"The model {self.name} cannot be used: {_HOPELESS[status]} ({_said(root)}). Check its name in"
                f" {self._setting}.model{f' and {self._setting}.base_url' if self._settings.base_url else ''}, and the"
                " key."
            ) from None
        if status is not None and 400 <= status < 500 and status not in (408, 409, 429):
            raise NoAnswerError(f"the service refused the request ({_said(root)})") from None
        if not self._reached and _unreachable(root):
            where = f" at {self._settings.base_url}" if self._settings.base_url else ""
            raise ModelError(
                f"The model {self.name} cannot be reached{where} ({_said(root)}); check the address and that the server"
                " runs."
            ) from None

    async def _generated(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        from inspect_ai.model import ChatMessage, GenerateConfig
        from pydantic import TypeAdapter

        sent = TypeAdapter(list[ChatMessage]).validate_python(list(messages))
        retries = _RETRIES if self._reached else _AT_FIRST
        output = await self._model.generate(sent, config=GenerateConfig(max_tokens=max_tokens, max_retries=retries))
        usage = output.usage
        input_tokens = usage.input_tokens if usage else estimated_tokens(*(m["content"] for m in messages))
        output_tokens = usage.output_tokens if usage else estimated_tokens(output.completion)
        usd = self.price.of(input_tokens, output_tokens, self._settings.batch) if self.price else None
        stop = output.stop_reason if output.choices else "unknown"
        return Completion(output.completion, stop, input_tokens, output_tokens, usd)

    async def close(self) -> None:
        """Close its connections."""
        await self._model.api.aclose()


def open_model(name: str, service: Service, temperature: float, setting: str) -> "Model":
    """Return Inspect's model.

    Raises:
        ModelError: there is no such provider, a package it needs is not installed, or it has no key.
    """
    if service.batch and name.split("/")[0] not in _BATCHING:
        raise ModelError(
            f"{setting}.batch is true, but Inspect has no batch API for the model '{name}', only for"
            f" {', '.join(_BATCHING)}; leave {setting}.batch out."
        )
    from inspect_ai._util.error import PrerequisiteError
    from inspect_ai.model import GenerateConfig, get_model
    from rich.text import Text

    config = GenerateConfig(
        temperature=temperature,
        max_connections=_BATCH_REQUESTS if service.batch else service.max_connections,
        attempt_timeout=None if service.batch else service.attempt_timeout,
        batch=service.batch or None,
    )
    try:
        return get_model(name, base_url=service.base_url, config=config, memoize=False)
    except (PrerequisiteError, ValueError, ImportError) as error:
        said = " ".join(Text.from_markup(str(getattr(error, "message", error))).plain.split()).removeprefix("ERROR: ")
        raise ModelError(
            f"The model '{name}' cannot be used: {redacted(said)} Names are Inspect's, such as"
            " openai/gpt-4o-2024-08-06, anthropic/claude-sonnet-4-5, vllm/ORG/MODEL, or openai-api/SERVICE/MODEL with"
            f" {setting}.base_url and the key in the variable SERVICE_API_KEY."
        ) from None


def json_in(text: str) -> dict[str, object]:
    """Return the last JSON object in a model's answer, an empty one where there is none."""
    for found in reversed(re.findall(r"\{[^{}]*\}", text)):
        try:
            tree = json.loads(found)
        except ValueError:
            continue
        if isinstance(tree, dict):
            return tree
    return {}


def estimated_tokens(*texts: str) -> int:
    """Return about how many tokens texts have, rather too many: three letters each, or one of a script like Chinese."""
    count = 0
    for text in texts:
        wide = sum(1 for letter in text if letter > "\u2e80")
        count += wide + (len(text) - wide) // 3 + 8
    return count


def _root(error: BaseException) -> BaseException:
    """Return the provider's own exception inside those of the retrying library and of Inspect."""
    from tenacity import RetryError

    if isinstance(error, RetryError):
        inner = error.last_attempt.exception()
        return _root(inner) if inner else error
    cause = error.__cause__
    return _root(cause) if type(error).__name__ == "ModelGenerateError" and cause else error


def _unreachable(error: BaseException) -> bool:
    """Tell a connection that could not be made from one that broke."""
    names: list[str] = []
    here: BaseException | None = error
    while here is not None and len(names) < 8:
        names.append(type(here).__name__)
        here = here.__cause__ or here.__context__
    return any(name in ("ConnectError", "ConnectionRefusedError", "ClientConnectorError", "gaierror") for name in names)


def _said(error: BaseException) -> str:
    """Return what an exception says, in one short line and without keys."""
    if isinstance(error, json.JSONDecodeError):
        return "the answer was no JSON"
    text = redacted(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}..."
