"""Check rewrites: first with the guard, in batches and cached in the journal, then with a judge where one is set."""

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
"""Most pairs per batch."""
_WARM_UP = [("It is so.", "So it is.")]
_MANY = 500
"""From this many replies, the guard runs in its own process."""
_JUDGE = """\
You compare a chat assistant's reply with a rewritten version of it. Only the style may differ. Decide whether the \
rewrite says the same: no fact, number, name, step, condition, warning or negation is lost, changed or added, and a \
refusal is still a refusal. Greetings, encouragement, sympathy and other words of style do not count as changes.

Answer with one JSON object and nothing else: {"reason": "one sentence", "same": true or false}"""
JUDGE_TOKENS = 400
"""Most tokens of a verdict."""


@dataclass(frozen=True)
class _PendingCheck:
    pair: tuple[str, str]
    findings: "asyncio.Future[list[Finding]]"


class Checker:
    """Checks rewrites. Make it and call it inside one event loop."""

    def __init__(
        self, length: tuple[float, float], cache: ResponseCache, judge: ModelClient | None, replies: int
    ) -> None:
        """Make a checker.

        Args:
            length: fewest and most words of a rewrite, as multiples of the original's.
            cache: holds the verdicts.
            judge: a model that decides on rewrites that the guard passed; None for no judge.
            replies: how many there are. For many, the guard gets its own process, which does not slow the requests
                down; for few, starting a process takes too long.
        """
        self._length = length
        self._pool: Executor = ThreadPoolExecutor(1)
        if replies >= _MANY:
            self._pool = _process()
            self._pool.submit(findings, _WARM_UP, length)  # loads its model during the first requests
        self._cache = cache
        self._judge = judge
        self._guard = guard.data()
        self._pending: list[_PendingCheck] = []
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, original: str, styled: str) -> list[Finding]:
        """Return the reasons against a rewrite; an empty list where it passed.

        Raises:
            BudgetError, ModelError: from the judge.
        """
        key = key_of("guard", self._guard, self._length, original, styled)
        cached = self._cache.get(key)
        if cached is None:
            reasons = await self._guarded(original, styled)
            self._cache.put(key, [[finding.check, finding.reason] for finding in reasons])
        else:
            reasons = [Finding(check, reason) for check, reason in cached]
        if not reasons and self._judge:
            reasons = await self._judged(original, styled)
        return reasons

    def close(self) -> None:
        """End the guard's thread or process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _guarded(self, original: str, styled: str) -> list[Finding]:
        pending = _PendingCheck((original, styled), asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await pending.findings

    async def _work(self) -> None:
        """Check pending pairs in batches, off the event loop, until none are left."""
        while self._pending:
            batch, self._pending = self._pending[:_TOGETHER], self._pending[_TOGETHER:]
            try:
                results = await asyncio.get_running_loop().run_in_executor(
                    self._pool, findings, [pending.pair for pending in batch], self._length
                )
            except Exception as error:
                for pending in batch:
                    if not pending.findings.done():
                        pending.findings.set_exception(error)
                continue
            for pending, result in zip(batch, results, strict=True):
                if not pending.findings.done():
                    pending.findings.set_result(result)

    async def _judged(self, original: str, styled: str) -> list[Finding]:
        assert self._judge is not None
        request = judge_request(original, styled)
        for attempt in range(2):
            try:
                completion = await self._judge.generate(request, JUDGE_TOKENS, attempt)
            except NoAnswerError as error:
                return [Finding("judge", f"the judge gave no verdict: {error}")]
            verdict = json_in(completion.text)
            if isinstance(verdict.get("same"), bool):
                reason = " ".join(str(verdict.get("reason", "")).split())
                return [] if verdict["same"] else [Finding("judge", f"the judge says: {reason}")]
        return [Finding("judge", "the judge gave no verdict that could be read")]


def _process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_on_one_core)


def _on_one_core() -> None:
    import torch

    torch.set_num_threads(1)  # the requests keep another core busy


def judge_request(original: str, styled: str) -> list[Message]:
    """Return the request that asks a judge about a rewrite."""
    return [
        Message(role="system", content=_JUDGE),
        Message(role="user", content=f"<reply>\n{original}\n</reply>\n\n<rewrite>\n{styled}\n</rewrite>"),
    ]
