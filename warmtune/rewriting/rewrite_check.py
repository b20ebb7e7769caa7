"""The checks of a rewrite: the guard, in batches and kept in the journal; then, where one is set, a judge."""

import asyncio
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from warmtune.io.schemas import Message
from warmtune.models.client import ModelClient, NoAnswerError, json_in
from warmtune.models.response_cache import ResponseCache, key_of
from warmtune.rewriting import guard
from warmtune.rewriting.guard import Finding, findings

_TOGETHER = 32
"""Pairs that are checked at once, at most."""
_WARM_UP = [("It is so.", "So it is.")]
_MANY = 500
"""Replies from which the guard has a process of its own."""
_JUDGE = """\
You compare a chat assistant's reply with a rewritten version of it. Only the style may differ. Decide whether the \
rewrite says the same: no fact, number, name, step, condition, warning or negation is lost, changed or added, and a \
refusal is still a refusal. Greetings, encouragement, sympathy and other words of style do not count as changes.

Answer with one JSON object and nothing else: {"reason": "one sentence", "same": true or false}"""
JUDGE_TOKENS = 400
"""Most tokens of a verdict."""


@dataclass(frozen=True)
class _Waiting:
    pair: tuple[str, str]
    found: "asyncio.Future[list[Finding]]"


class Checker:
    """Checks rewrites; made and used inside one event loop."""

    def __init__(
        self, length: tuple[float, float], cache: ResponseCache, judge: ModelClient | None, replies: int
    ) -> None:
        """Make a checker.

        Args:
            length: fewest and most words of a rewrite, as multiples of the original's.
            cache: where verdicts are kept.
            judge: a model that has the last word, if any.
            replies: how many there are; many are worth a process, so that the guard and the requests hinder each other
                least, and few are not worth the seconds that it takes to start.
        """
        self._length = length
        self._pool: Executor = ThreadPoolExecutor(1)
        if replies >= _MANY:
            self._pool = _process()
            self._pool.submit(findings, _WARM_UP, length)  # loads its model while the first requests are under way
        self._cache = cache
        self._judge = judge
        self._guard = guard.data()
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, original: str, styled: str) -> list[Finding]:
        """Return the reasons against a rewrite; none where it passed.

        Raises:
            BudgetError, ModelError: from the judge.
        """
        key = key_of("guard", self._guard, self._length, original, styled)
        kept = self._cache.get(key)
        if kept is None:
            found = await self._guarded(original, styled)
            self._cache.put(key, [[finding.check, finding.reason] for finding in found])
        else:
            found = [Finding(check, reason) for check, reason in kept]
        if not found and self._judge:
            found = await self._judged(original, styled)
        return found

    def close(self) -> None:
        """End the guard's thread or process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _guarded(self, original: str, styled: str) -> list[Finding]:
        waiting = _Waiting((original, styled), asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await waiting.found

    async def _work(self) -> None:
        """Check what has gathered, off the event loop, until nothing waits."""
        while self._waiting:
            batch, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            try:
                results = await asyncio.get_running_loop().run_in_executor(
                    self._pool, findings, [one.pair for one in batch], self._length
                )
            except Exception as error:
                for one in batch:
                    if not one.found.done():
                        one.found.set_exception(error)
                continue
            for one, result in zip(batch, results, strict=True):
                if not one.found.done():
                    one.found.set_result(result)

    async def _judged(self, original: str, styled: str) -> list[Finding]:
        assert self._judge is not None
        request = judge_request(original, styled)
        for again in range(2):
            try:
                answered = await self._judge.generate(request, JUDGE_TOKENS, again)
            except NoAnswerError as error:
                return [Finding("judge", f"the judge gave no verdict: {error}")]
            verdict = json_in(answered.text)
            if isinstance(verdict.get("same"), bool):
                said = " ".join(str(verdict.get("reason", "")).split())
                return [] if verdict["same"] else [Finding("judge", f"the judge says: {said}")]
        return [Finding("judge", "the judge gave no verdict that could be read")]


def _process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_on_one_core)


def _on_one_core() -> None:
    import torch

    torch.set_num_threads(1)  # the other is busy with the requests


def judge_request(original: str, styled: str) -> list[Message]:
    """Return what a judge is asked about a rewrite."""
    return [
        Message(role="system", content=_JUDGE),
        Message(role="user", content=f"<reply>\n{original}\n</reply>\n\n<rewrite>\n{styled}\n</rewrite>"),
    ]
