"""The in-process engine as an Inspect model provider: `warmtune/NAME` with the adapter as a model argument.

Inspect sends its samples one by one; they are gathered here until no more arrive, and answered in batches. Model names
carry the adapter's fingerprint, because Inspect's cache goes by name.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from inspect_ai.model import (
    ChatMessage,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from warmtune.config.compose import model_settings
from warmtune.errors import ModelError
from warmtune.io.schemas import Message
from warmtune.models.base import locate
from warmtune.models.engine import Engine, EngineOutput, Request, kind_of, like_length

_QUIET_SECONDS = 0.2
"""A batch starts once no request has arrived for this long."""
_EXPECTED_SECONDS = 10.0
"""... or, while more are expected, for this long."""
_engines: dict[str, "_Worker"] = {}
_opening = threading.Lock()


@modelapi(name="warmtune")
class WarmtuneAPI(ModelAPI):
    """`warmtune/NAME[:ADAPTER]`: NAME is an entry of conf/model; `-M adapter=FOLDER` names the adapter's folder.

    `-M scale=0.5` applies it at half its strength.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        adapter: str | None = None,
        scale: float = 1.0,
        batch_size: int = 64,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config or GenerateConfig())
        name = model_name.split(":")[0]
        with _opening:
            if name not in _engines:
                _engines[name] = _Worker(Engine(locate(model_settings(name))))
            self.worker = _engines[name]
        self.adapter = self.worker.engine.add_adapter(Path(adapter)) if adapter else None
        self.scale = float(scale)
        self.batch_size = batch_size

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """Answer one conversation; see `ModelAPI.generate`."""
        if tools:
            raise ModelError("The in-process engine answers in words and cannot call tools; use another provider.")
        request = Request(
            messages=tuple(Message(role=message.role, content=message.text) for message in input),
            max_tokens=config.max_tokens or 256,
            adapter=self.adapter,
            scale=self.scale,
            temperature=config.temperature or 0.0,
            seed=config.seed or 0,
        )
        found = await asyncio.wrap_future(self.worker.submit(request, self.batch_size))
        return _output(self.model_name, found)

    def max_connections(self) -> int:
        """Return how many samples Inspect may have waiting here: as many as there are, so that batches are full."""
        return 100_000

    def connection_key(self) -> str:
        """Return the scope of that limit."""
        return "warmtune"


def host(engine: Engine, expected: int, answered: Callable[[int], None]) -> str:
    """Make an engine answer for its base, whatever conf/model says of it, and return its name for Inspect.

    Args:
        engine: the engine, loaded.
        expected: how many requests will come. The first batch waits for them all, so that batches do not depend on
            how fast they arrive and are alike for every variant.
        answered: called after each batch with the number of its answers.
    """
    name = f"{engine.base.name}@{engine.base.fingerprint[:12]}"
    with _opening:
        _engines[name] = _Worker(engine, expected, answered)
    return f"warmtune/{name}"


def _output(model_name: str, found: EngineOutput) -> ModelOutput:
    reason: StopReason = "stop" if found.stopped else "max_tokens"
    output = ModelOutput.from_content(model_name, found.text, stop_reason=reason)
    output.usage = ModelUsage(
        input_tokens=found.prompt_tokens,
        output_tokens=found.tokens,
        total_tokens=found.prompt_tokens + found.tokens,
    )
    return output


@dataclass(frozen=True)
class _Waiting:
    request: Request
    prompt: list[int]
    batch_size: int
    answer: "Future[EngineOutput]"


class _Worker:
    """A thread that feeds one engine with what has gathered."""

    def __init__(self, engine: Engine, expected: int = 0, answered: Callable[[int], None] | None = None) -> None:
        self.engine = engine
        self._expected = expected
        self._answered = answered
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="warmtune-engine").start()

    def submit(self, request: Request, batch_size: int) -> "Future[EngineOutput]":
        """Put a request in the queue and return the future of its answer."""
        waiting = _Waiting(request, self.engine.encode(request), batch_size, Future())
        self._queue.put(waiting)
        return waiting.answer

    def _run(self) -> None:
        waiting: list[_Waiting] = []
        while True:
            waiting += self._gather(block=not waiting)
            # The longest prompts first: the same order for every variant, so that all see like batches.
            waiting.sort(key=lambda one: (kind_of(one.request), -len(one.prompt), one.prompt))
            first = waiting[0]
            same = [len(one.prompt) for one in waiting if kind_of(one.request) == kind_of(first.request)]
            size = like_length(same, first.batch_size)
            self._answer(waiting[:size])
            waiting = waiting[size:]

    def _gather(self, block: bool) -> list[_Waiting]:
        """Return what has arrived; with `block`, wait for at least one, then until all came or it is quiet."""
        found = [self._queue.get()] if block else []
        while True:
            patience = _EXPECTED_SECONDS if len(found) < self._expected else _QUIET_SECONDS if block else 0.001
            try:
                found.append(self._queue.get(timeout=patience))
            except Empty:
                self._expected = max(0, self._expected - len(found))
                return found
            if 0 < self._expected <= len(found):
                self._expected = 0
                return found

    def _answer(self, batch: list[_Waiting]) -> None:
        live = [one for one in batch if one.answer.set_running_or_notify_cancel()]
        try:
            found = self.engine.complete([one.request for one in live], len(live)) if live else []
        except BaseException as error:  # a failed batch fails its own requests, never the thread
            for one in live:
                one.answer.set_exception(error)
            return
        for one, completion in zip(live, found, strict=True):
            one.answer.set_result(completion)
        if self._answered:
            self._answered(len(live))
