"""A client that asks a model through Inspect, with a cache, a budget, and its own handling of errors.

Inspect has the providers, connection limits, retries with growing pauses, and batch APIs. This client adds that an
answer is in the cache before anybody uses it, and that an error ends the run only if asking again cannot help.
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
"""Inspect's retries of a request, after pauses of 3, 6, 12, ... seconds: three quarters of an hour in all."""
_AT_FIRST = 2
"""Inspect's retries while no request has succeeded yet: the address may be wrong."""
_FAULTS = 4
"""How often this client sends a request again after an error that Inspect does not retry, such as invalid JSON."""
_HOPELESS = {401: "the key is not accepted", 403: "the key may not use it", 404: "it is not known there"}
_BATCH_REQUESTS = 5000
"""Most requests in flight with a batch API, which sends them together."""
_BATCHING = ("openai", "anthropic", "google", "grok", "together")
"""Providers with a batch API that Inspect uses. It would send single requests to others, at full price."""


Service = RewriterSettings | JudgeSettings
"""Settings of the connection to a model."""


class NoAnswerError(Exception):
    """One request got no usable answer, however often it was sent. Other requests may get one."""


@dataclass(frozen=True)
class Completion:
    """A model's answer to one request."""

    text: str
    stop: str
    """Inspect's stop reason; `stop` if the model ended the answer itself."""
    input_tokens: int
    output_tokens: int
    usd: float | None
    """Cost in dollars; None if the model's price is not known."""


class ModelClient:
    """Asks one model.

    Raises:
        ModelError: see `open_model`.
    """

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
        """Input and output tokens of all answers used, those from the cache included."""
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
        """Return a request's key in the cache: a hash of everything that determines its answer."""
        return key_of(name, service.base_url, temperature, list(messages), max_tokens, attempt)

    @property
    def max_concurrency(self) -> int:
        """Most requests in flight."""
        return _BATCH_REQUESTS if self._settings.batch else self._settings.max_connections

    async def generate(self, messages: Sequence[Message], max_tokens: int, attempt: int = 0) -> Completion:
        """Return the answer to a request, from the cache if it was asked before.

        Args:
            messages: the request.
            max_tokens: most tokens of the answer.
            attempt: number of the try; a request whose answer was empty is sent again under another number.

        Raises:
            NoAnswerError: this request gets no usable answer.
            BudgetError: the budget does not allow the request.
            ModelError: no request can succeed: there is no such model, the key is not valid, or no server answers.
        """
        key = self.key(self.name, self._settings, self._temperature, messages, max_tokens, attempt)
        stored = self._cache.get(key)
        if stored is None:
            stored = asdict(await self._paid(messages, max_tokens))
            self._cache.put(key, stored)
            self.sent += 1
        else:
            self.reused += 1
            await self._budget.settle(0.0, stored["usd"] or 0.0)
        completion = Completion(**stored)
        self.tokens[0] += completion.input_tokens
        self.tokens[1] += completion.output_tokens
        return completion

    async def _paid(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        most_usd = 0.0
        if self.price:
            most_usd = self.price.of(
                estimated_tokens(*(m["content"] for m in messages)), max_tokens, self._settings.batch
            )
        await self._budget.reserve(most_usd)
        cost = 0.0
        try:
            completion = await self._sent(messages, max_tokens)
            cost = completion.usd or 0.0
            return completion
        finally:
            await self._budget.settle(most_usd, cost)

    async def _sent(self, messages: Sequence[Message], max_tokens: int) -> Completion:
        """Send a request, and send it again after errors where that may help.

        It is not sent if another request has shown that none can succeed.
        """
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
                    raise NoAnswerError(f"no answer after {fault + 1} requests ({_text_of(error)})") from None
                _LOG.info("%s: sending a request again, %d of %d (%s)", self.name, fault + 1, _FAULTS, _text_of(error))
                await asyncio.sleep(0.5 * 2**fault)
        raise AssertionError("unreachable")

    def _judge_fault(self, error: Exception) -> None:
        """Raise the error that a provider's exception stands for; return if asking again may help."""
        root = _root(error)
        status = next((s for e in (error, root) if isinstance(s := getattr(e, "status_code", None), int)), None)
        if status in _HOPELESS:
            raise ModelError(
                f"The model {self.name} cannot be used: {_HOPELESS[status]} ({_text_of(root)}). Check its name in"
                f" {self._setting}.model{f' and {self._setting}.base_url' if self._settings.base_url else ''}, and the"
                " key."
            ) from None
        if status is not None and 400 <= status < 500 and status not in (408, 409, 429):
            raise NoAnswerError(f"the service refused the request ({_text_of(root)})") from None
        if not self._reached and _unreachable(root):
            where = f" at {self._settings.base_url}" if self._settings.base_url else ""
            raise ModelError(
                f"The model {self.name} cannot be reached{where} ({_text_of(root)}); check the address and that the"
                " server runs."
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
        """Close the model's connections."""
        await self._model.api.aclose()


def open_model(name: str, service: Service, temperature: float, setting: str) -> "Model":
    """Return Inspect's model of this name.

    Raises:
        ModelError: there is no such provider, it lacks a package or a key, or it has no batch API but should use one.
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
        reason = " ".join(Text.from_markup(str(getattr(error, "message", error))).plain.split()).removeprefix("ERROR: ")
        raise ModelError(
            f"The model '{name}' cannot be used: {redacted(reason)} Names are Inspect's, such as"
            " openai/gpt-4o-2024-08-06, anthropic/claude-sonnet-4-5, vllm/ORG/MODEL, or openai-api/SERVICE/MODEL with"
            f" {setting}.base_url and the key in the variable SERVICE_API_KEY."
        ) from None


def json_in(text: str) -> dict[str, object]:
    """Return the last JSON object in a model's answer; an empty one if there is none."""
    for candidate in reversed(re.findall(r"\{[^{}]*\}", text)):
        try:
            tree = json.loads(candidate)
        except ValueError:
            continue
        if isinstance(tree, dict):
            return tree
    return {}


def estimated_tokens(*texts: str) -> int:
    """Return a high estimate of the texts' tokens: three letters per token, one in scripts such as Chinese."""
    count = 0
    for text in texts:
        wide = sum(1 for letter in text if letter > "\u2e80")
        count += wide + (len(text) - wide) // 3 + 8
    return count


def _root(error: BaseException) -> BaseException:
    """Return the provider's own exception, without the wrappers of the retrying library and of Inspect."""
    from tenacity import RetryError

    if isinstance(error, RetryError):
        inner = error.last_attempt.exception()
        return _root(inner) if inner else error
    cause = error.__cause__
    return _root(cause) if type(error).__name__ == "ModelGenerateError" and cause else error


def _unreachable(error: BaseException) -> bool:
    """Return whether an error means that no connection could be made, as opposed to one that broke."""
    names: list[str] = []
    current: BaseException | None = error
    while current is not None and len(names) < 8:
        names.append(type(current).__name__)
        current = current.__cause__ or current.__context__
    return any(name in ("ConnectError", "ConnectionRefusedError", "ClientConnectorError", "gaierror") for name in names)


def _text_of(error: BaseException) -> str:
    """Return an exception's text in one short line, without access keys."""
    if isinstance(error, json.JSONDecodeError):
        return "the answer was no JSON"
    text = redacted(" ".join(str(error).split())) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:297]}..."
