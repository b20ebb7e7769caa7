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
"""Finished replies from which the share of failures says something."""


@dataclass(frozen=True)
class Original:
    """One reply to be rewritten."""

    id: str
    turn: int
    """Index of the message in its conversation."""
    label: str
    prompt: str
    """The message it answers."""
    text: str


@dataclass(frozen=True)
class Attempt:
    """One rewrite and what speaks against it."""

    styled: str
    raw: str
    """What the rewriter said, before the rewrite was taken out of it."""
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> str:
        """All that speaks against it, in one line; empty where it passed."""
        return "; ".join(finding.reason for finding in self.findings)


@dataclass
class Rewritten:
    """One reply with its attempts; the last one passed, or none did."""

    original: Original
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there is a rewrite that passed."""
        return bool(self.attempts) and not self.attempts[-1].findings


class Draft(NamedTuple):
    """What a rewriter made of one reply, still unchecked."""

    styled: str
    raw: str
    """All that the rewriter said."""
    problem: str
    """What is wrong with the form of what it said; empty where nothing is."""


class Rewriter(Protocol):
    """Makes one rewrite; `before` are the attempts that did not pass."""

    @property
    def max_concurrency(self) -> int:
        """How many replies may be worked on at the same time."""

    async def attempt(self, original: Original, before: Sequence[Attempt]) -> Draft:
        """Return one rewrite.

        Raises:
            NoAnswerError: there is none for this reply.
            UserError: there is none for any reply.
        """


Check = Callable[[str, str], Awaitable[list[Finding]]]


async def rewrite_all(
    originals: Sequence[Original],
    rewriter: Rewriter,
    check: Check,
    attempts: int,
    max_failed: float,
    fail_at_once: bool,
    report: Callable[[int], None],
) -> list[Rewritten]:
    """Rewrite every reply, in whatever order; return them in the order given.

    What is under way when something ends the work is finished first, so that no answer that was paid for is lost.

    Args:
        originals: the replies.
        rewriter: makes one rewrite.
        check: returns the reasons against a rewrite.
        attempts: rewrites of one reply, at most.
        max_failed: share of failed replies above which the work stops.
        fail_at_once: whether one failed reply stops the work.
        report: is told how many are finished.

    Raises:
        DataError: too many replies failed.
        UserError: no reply can be rewritten, or the budget is reached.
    """
    done: dict[int, Rewritten] = {}
    stopped: list[UserError] = []
    queue = iter(enumerate(originals))

    async def one(place: int, original: Original) -> None:
        done[place] = await _rewrite(original, rewriter, check, attempts)
        report(len(done))
        if not done[place].passed and fail_at_once:
            raise DataError(f"{_failure(done[place])} rewriter.on_failure=fail stops the run at such a reply.")
        _bearable(done, max_failed, len(originals))

    async def work(queue: Iterator[tuple[int, Original]]) -> None:
        for place, original in queue:
            if stopped:
                return
            try:  # a task of its own for each reply: what Inspect records of it is freed with it
                await asyncio.create_task(one(place, original))
            except UserError as error:
                stopped.append(error)

    await asyncio.gather(*(work(queue) for _ in range(min(rewriter.max_concurrency, len(originals)))))
    if stopped:
        raise _most_telling(stopped, len(done), len(originals))
    return [done[place] for place in range(len(originals))]


async def _rewrite(original: Original, rewriter: Rewriter, check: Check, attempts: int) -> Rewritten:
    made = Rewritten(original)
    while len(made.attempts) < attempts and not made.passed:
        try:
            draft = await rewriter.attempt(original, made.attempts)
        except NoAnswerError as error:
            made.attempts.append(Attempt("", "", (Finding("answer", str(error)),)))
            break
        found = [Finding("form", draft.problem)] if draft.problem else await check(original.text, draft.styled)
        made.attempts.append(Attempt(draft.styled, draft.raw, tuple(found)))
    return made


def _bearable(done: dict[int, Rewritten], most: float, total: int) -> None:
    failed = [made for made in done.values() if not made.passed]
    if len(done) >= min(_FIRST, total) and len(failed) > most * len(done):
        checks = Counter(made.attempts[-1].findings[0].check for made in failed).most_common(3)
        said = ", ".join(f"{check} {count}" for check, count in checks)
        raise DataError(
            f"{len(failed)} of the first {len(done)} replies have no rewrite that passed, which is more than"
            f" rewriter.max_failure_rate={most:g} allows: something is wrong with the rewriter. By check: {said}. For"
            f" example, {_failure(failed[0])} Try another model, style or intensity; or allow more with"
            " rewriter.max_failure_rate=SHARE."
        )


def _failure(made: Rewritten) -> str:
    last = made.attempts[-1]
    shown = last.styled if len(last.styled) <= 160 else f"{last.styled[:157]}..."
    return (
        f"reply {made.original.id}/{made.original.turn} failed {len(made.attempts)} times, the last time because"
        f" {last.reason}; the rewrite was {shown!r}."
    )


def _most_telling(stopped: Sequence[UserError], done: int, total: int) -> UserError:
    """Return the error to show: the first one, for a budget with how far the work came."""
    first = stopped[0]
    if isinstance(first, BudgetError):
        first.args = (
            f"The budget is reached: ${first.spent:.4f} of rewriter.budget_usd={first.budget:g} are spent, and"
            f" {done} of {total} replies are finished. They are kept: the same command with a larger"
            " rewriter.budget_usd goes on from here and pays for nothing twice.",
        )
    return first
