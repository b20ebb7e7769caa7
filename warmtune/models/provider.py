"""The in-process engine as a model provider of Inspect: `warmtune/NAME`, with the adapter as a model argument.

Inspect sends its samples one by one. The provider gathers them until no more arrive, and answers them in batches. Model
names contain the adapter's fingerprint, because Inspect's cache goes by name.
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
"""A batch starts when no request has arrived for this long."""
_EXPECTED_SECONDS = 10.0
"""The same while more requests are expected."""
_engines: dict[str, "_Worker"] = {}
_opening = threading.Lock()


@modelapi(name="warmtune")
class WarmtuneAPI(ModelAPI):
    """`warmtune/NAME[:ADAPTER]`: NAME is an entry of conf/model; `-M adapter=FOLDER` names the adapter's folder.

    `-M scale=0.5` applies the adapter at half its strength.
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
        output = await asyncio.wrap_future(self.worker.submit(request, self.batch_size))
        return _output(self.model_name, output)

    def max_connections(self) -> int:
        """Return how many samples Inspect may send before it waits: more than there are, so that batches are full."""
        return 100_000

    def connection_key(self) -> str:
        """Return the scope of the limit `max_connections`."""
        return "warmtune"


def host(engine: Engine, expected: int, answered: Callable[[int], None]) -> str:
    """Register an engine as the model of its base, without an entry in conf/model, and return its name for Inspect.

    Args:
        engine: the engine, loaded.
        expected: how many requests will come. The first batch waits for all of them. So batches do not depend on how
            fast requests arrive, and are alike for every variant.
        answered: called after each batch with its number of answers.
    """
    name = f"{engine.base.name}@{engine.base.fingerprint[:12]}"
    with _opening:
        _engines[name] = _Worker(engine, expected, answered)
    return f"warmtune/{name}"


def _output(model_name: str, answer: EngineOutput) -> ModelOutput:
    reason: StopReason = "stop" if answer.stopped else "max_tokens"
    output = ModelOutput.from_content(model_name, answer.text, stop_reason=reason)
    output.usage = ModelUsage(
        input_tokens=answer.prompt_tokens,
        output_tokens=answer.tokens,
        total_tokens=answer.prompt_tokens + answer.tokens,
    )
    return output


@dataclass(frozen=True)
class _QueuedRequest:
    request: Request
    prompt: list[int]
    batch_size: int
    answer: "Future[EngineOutput]"


class _Worker:
    """A thread that gives one engine the gathered requests, in batches."""

    def __init__(self, engine: Engine, expected: int = 0, answered: Callable[[int], None] | None = None) -> None:
        self.engine = engine
        self._expected = expected
        self._answered = answered
        self._queue: SimpleQueue[_QueuedRequest] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True, name="warmtune-engine").start()

    def submit(self, request: Request, batch_size: int) -> "Future[EngineOutput]":
        """Put a request into the queue, and return the future of its answer."""
        queued = _QueuedRequest(request, self.engine.encode(request), batch_size, Future())
        self._queue.put(queued)
        return queued.answer

    def _run(self) -> None:
        waiting: list[_QueuedRequest] = []
        while True:
            waiting += self._gather(block=not waiting)
            # The longest prompts come first. The order is the same for every variant, so that batches are alike.
            waiting.sort(key=lambda queued: (kind_of(queued.request), -len(queued.prompt), queued.prompt))
            first = waiting[0]
            lengths = [len(queued.prompt) for queued in waiting if kind_of(queued.request) == kind_of(first.request)]
            size = like_length(lengths, first.batch_size)
            self._answer(waiting[:size])
            waiting = waiting[size:]

    def _gather(self, block: bool) -> list[_QueuedRequest]:
        """Return the requests that have arrived.

        With `block`, wait for at least one, and then until all expected ones are there or none arrives for a while.
        """
        arrived = [self._queue.get()] if block else []
        while True:
            timeout = _EXPECTED_SECONDS if len(arrived) < self._expected else _QUIET_SECONDS if block else 0.001
            try:
                arrived.append(self._queue.get(timeout=timeout))
            except Empty:
                self._expected = max(0, self._expected - len(arrived))
                return arrived
            if 0 < self._expected <= len(arrived):
                self._expected = 0
                return arrived

    def _answer(self, batch: list[_QueuedRequest]) -> None:
        live = [queued for queued in batch if queued.answer.set_running_or_notify_cancel()]
        try:
            outputs = self.engine.complete([queued.request for queued in live], len(live)) if live else []
        except BaseException as error:  # an error belongs to the requests of this batch; the thread goes on
            for queued in live:
                queued.answer.set_exception(error)
            return
        for queued, output in zip(live, outputs, strict=True):
            queued.answer.set_result(output)
        if self._answered:
            self._answered(len(live))
