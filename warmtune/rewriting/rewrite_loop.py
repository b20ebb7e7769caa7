"""Rewrite, check, and rewrite again with the reason, for many replies at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from warmtune.errors import BudgetError, DataError, UserError
from warmtune.models.client import NoAnswerError
from warmtune.rewriting.guard import Finding

_FIRST = 24
"""Fewest finished replies before the share of failures counts."""


@dataclass(frozen=True)
class Original:
    """One reply to be rewritten."""

    id: str
    turn: int
    """Index of the message in its conversation."""
    label: str
    prompt: str
    """The message that the reply answers."""
    text: str


@dataclass(frozen=True)
class Attempt:
    """One rewrite and the findings against it."""

    styled: str
    raw: str
    """The rewriter's whole answer, which contains the rewrite."""
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> str:
        """All findings in one line; empty where the rewrite passed."""
        return "; ".join(finding.reason for finding in self.findings)


@dataclass
class Rewritten:
    """One reply with its attempts; either the last attempt passed, or none did."""

    original: Original
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """True when an attempt passed."""
        return bool(self.attempts) and not self.attempts[-1].findings


class Draft(NamedTuple):
    """A rewriter's unchecked answer for one reply."""

    styled: str
    raw: str
    """The whole answer."""
    problem: str
    """What is wrong with the answer's form; empty where nothing is."""


class Rewriter(Protocol):
    """Makes one rewrite at a time."""

    @property
    def max_concurrency(self) -> int:
        """How many replies it may rewrite at the same time."""

    async def attempt(self, original: Original, before: Sequence[Attempt]) -> Draft:
        """Return one rewrite; `before` holds the attempts that did not pass.

        Raises:
            NoAnswerError: the rewriter has no answer for this reply.
            UserError: the rewriter has no answer for any reply.
        """


CheckRewrite = Callable[[str, str], Awaitable[list[Finding]]]


async def rewrite_all(
    originals: Sequence[Original],
    rewriter: Rewriter,
    check: CheckRewrite,
    attempts: int,
    max_failed: float,
    fail_at_once: bool,
    report: Callable[[int], None],
) -> list[Rewritten]:
    """Rewrite every reply, in any order; return them in the order given.

    After an error, replies that are in progress are finished first, so that no paid answer is lost.

    Args:
        originals: the replies.
        rewriter: makes one rewrite.
        check: returns the reasons against a rewrite.
        attempts: most rewrites per reply.
        max_failed: largest share of failed replies; above it, the work stops.
        fail_at_once: whether one failed reply stops the work.
        report: called with the number of finished replies.

    Raises:
        DataError: too many replies failed.
        UserError: no reply can be rewritten, or the budget is reached.
    """
    done: dict[int, Rewritten] = {}
    stopped: list[UserError] = []
    queue = iter(enumerate(originals))

    async def finish(index: int, original: Original) -> None:
        done[index] = await _rewrite(original, rewriter, check, attempts)
        report(len(done))
        if not done[index].passed and fail_at_once:
            raise DataError(f"{_failure(done[index])} rewriter.on_failure=fail stops the run at such a reply.")
        _check_failure_rate(done, max_failed, len(originals))

    async def work(queue: Iterator[tuple[int, Original]]) -> None:
        for index, original in queue:
            if stopped:
                return
            try:  # each reply has its own task, so that Inspect's records of it are freed when it ends
                await asyncio.create_task(finish(index, original))
            except UserError as error:
                stopped.append(error)

    await asyncio.gather(*(work(queue) for _ in range(min(rewriter.max_concurrency, len(originals)))))
    if stopped:
        raise _most_telling(stopped, len(done), len(originals))
    return [done[index] for index in range(len(originals))]


async def _rewrite(original: Original, rewriter: Rewriter, check: CheckRewrite, attempts: int) -> Rewritten:
    rewritten = Rewritten(original)
    while len(rewritten.attempts) < attempts and not rewritten.passed:
        try:
            draft = await rewriter.attempt(original, rewritten.attempts)
        except NoAnswerError as error:
            rewritten.attempts.append(Attempt("", "", (Finding("answer", str(error)),)))
            break
        reasons = [Finding("form", draft.problem)] if draft.problem else await check(original.text, draft.styled)
        rewritten.attempts.append(Attempt(draft.styled, draft.raw, tuple(reasons)))
    return rewritten


def _check_failure_rate(done: dict[int, Rewritten], max_failed: float, total: int) -> None:
    failed = [reply for reply in done.values() if not reply.passed]
    if len(done) >= min(_FIRST, total) and len(failed) > max_failed * len(done):
        checks = Counter(reply.attempts[-1].findings[0].check for reply in failed).most_common(3)
        by_check = ", ".join(f"{check} {count}" for check, count in checks)
        raise DataError(
            f"{len(failed)} of the first {len(done)} replies have no rewrite that passed, which is more than"
            f" rewriter.max_failure_rate={max_failed:g} allows: something is wrong with the rewriter. By check:"
            f" {by_check}. For example, {_failure(failed[0])} Try another model, style or intensity; or allow more with"
            " rewriter.max_failure_rate=SHARE."
        )


def _failure(reply: Rewritten) -> str:
    last = reply.attempts[-1]
    shown = last.styled if len(last.styled) <= 160 else f"{last.styled[:157]}..."
    return (
        f"reply {reply.original.id}/{reply.original.turn} failed {len(reply.attempts)} times, the last time because"
        f" {last.reason}; the rewrite was {shown!r}."
    )


def _most_telling(stopped: Sequence[UserError], done: int, total: int) -> UserError:
    """Return the error to show: the first one; a budget error also says how many replies are finished."""
    first = stopped[0]
    if isinstance(first, BudgetError):
        first.args = (
            f"The budget is reached: ${first.spent:.4f} of rewriter.budget_usd={first.budget:g} are spent, and"
            f" {done} of {total} replies are finished. They are kept: the same command with a larger"
            " rewriter.budget_usd goes on from here and pays for nothing twice.",
        )
    return first
