"""The stage `rewrite`: rewrite every assistant reply in the style, check it, and set failed attempts aside."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from warmtune.config.settings import RewriterSettings, StyleSettings
from warmtune.errors import DataError
from warmtune.io.schemas import REJECTED, REWRITTEN, Conversation, Rejected, Rewrite, replies, write
from warmtune.models.budget import CostBudget, price_of
from warmtune.models.client import ModelClient
from warmtune.models.response_cache import ResponseCache, key_of, open_response_cache
from warmtune.rewriting.model_rewriter import ModelRewriter
from warmtune.rewriting.phrasebook import PhrasebookRewriter
from warmtune.rewriting.rewrite_check import Checker
from warmtune.rewriting.rewrite_loop import Original, Rewriter, Rewritten, rewrite_all
from warmtune.rewriting.style_strength import Strength, intensity_check, judged_pairs, sociot_lift
from warmtune.runs.store import StageOutput
from warmtune.system.asynchronous import run_async
from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.engine import Engine


def rewrite(
    conversations: Sequence[Conversation],
    style: StyleSettings,
    rewriter: RewriterSettings,
    seed: int,
    engine: Callable[[], "Engine"],
    journals: Path,
    folder: Path,
) -> StageOutput:
    """Write `rewritten.parquet` (every reply that training may see) and `rejected.parquet` (the failed attempts).

    Args:
        conversations: the conversations to rewrite.
        style: the style and its intensity.
        rewriter: the rewriter, its limits, and what to do with failures.
        seed: drives the phrasebook and every draw.
        engine: opens the base as SocioT's language model; called only where SocioT is measured.
        journals: folder of the journals.
        folder: the stage's folder.

    Raises:
        UserError: the rewriter cannot be used, too many replies failed, nothing is left, or the budget is reached.
    """
    work = _Work(style, rewriter, seed, journals, originals_of(conversations))
    if style.changes:
        run_async(work.run())
    else:
        work.done = [Rewritten(original) for original in work.originals]
    rows, rejected, fates = _settle(conversations, work.done, style, rewriter)
    write(folder / REJECTED, Rejected, rejected)
    if not rows:
        reasons = "; ".join(sorted({row.reason for row in rejected if row.reason})[:5])
        raise DataError(
            f"No conversation has a rewrite that passed for all of its replies ({reasons}): nothing is left."
        )
    write(folder / REWRITTEN, Rewrite, rows)
    counts = _counts(conversations, work, rows, fates)
    if style.changes and style.measure.sociot and rewriter.sociot_pairs:
        counts["sociot"] = sociot_lift(rows, engine(), rewriter.sociot_pairs, seed, journals)
    return StageOutput([REWRITTEN, REJECTED], counts)


def originals_of(conversations: Sequence[Conversation]) -> list[Original]:
    """Return every reply with the message that it answers."""
    return [
        Original(c.id, turn, c.label, c.messages[turn - 1]["content"] if turn else "", text)
        for c in conversations
        for turn, text in replies(c)
    ]


def journal_file(folder: Path, style: StyleSettings, rewriter: RewriterSettings) -> Path:
    """Return the journal file of a rewriter for a style at an intensity."""
    who = (rewriter.model or "").rsplit("/", 1)[-1] if rewriter.kind == "model" else rewriter.kind
    slug = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in who)
    return folder / f"{style.name}-{style.intensity:g}-{slug}-{key_of(rewriter.kind, rewriter.model)[:8]}.jsonl"


class _Work:
    """Rewriting, checking and measuring, inside one event loop."""

    def __init__(
        self, style: StyleSettings, rewriter: RewriterSettings, seed: int, journals: Path, originals: list[Original]
    ) -> None:
        self.style, self.rewriter, self.seed = style, rewriter, seed
        self.journals, self.originals = journals, originals
        self.done: list[Rewritten] = []
        self.intensity_rows: list[dict[str, float]] = []
        self.judged: dict[str, float] = {}
        self._budget = CostBudget(rewriter.budget_usd)
        self.clients: list[ModelClient] = []

    async def run(self) -> None:
        """Rewrite and check all replies, then measure the style."""
        with ExitStack() as opened:
            self._opened = opened
            cache = self._open(self.style)
            judge = self._client(self.rewriter.judge, 0.0, cache) if self.rewriter.judge else None
            checker = Checker(self.style.length, cache, judge, len(self.originals))
            opened.callback(checker.close)
            rewriter = self._rewriter(self.style, cache)
            with progress("Rewriting", len(self.originals)) as report:
                self.done = await rewrite_all(
                    self.originals,
                    rewriter,
                    checker,
                    self.rewriter.attempts,
                    self.rewriter.max_failure_rate,
                    self.rewriter.on_failure == "fail",
                    lambda count: report(count, self._note()),
                )
            if self.rewriter.intensity_check_size:
                self.intensity_rows = await intensity_check(
                    self.originals, self.style, self._at(cache), self.rewriter.intensity_check_size, self.seed
                )
            if judge and self.rewriter.sociot_pairs:
                rows = [_row(reply, self.style, "") for reply in self.done if reply.passed]
                self.judged = await judged_pairs(
                    rows, self.style.description, judge, self.rewriter.sociot_pairs, self.seed
                )
            for client in self.clients:
                await client.close()

    @property
    def requests(self) -> dict[str, Any]:
        """Counts of requests and tokens, and their cost; `usd` is None where a price is not known."""
        return {
            "sent": sum(client.sent for client in self.clients),
            "from_the_journal": sum(client.reused for client in self.clients),
            "input_tokens": sum(client.tokens[0] for client in self.clients),
            "output_tokens": sum(client.tokens[1] for client in self.clients),
            "usd": round(self._budget.spent, 6) if all(client.price for client in self.clients) else None,
        }

    def _open(self, style: StyleSettings) -> ResponseCache:
        return self._opened.enter_context(open_response_cache(journal_file(self.journals, style, self.rewriter)))

    def _at(self, cache: ResponseCache) -> Callable[[StyleSettings], Rewriter]:
        """Return a function that makes the rewriter at another intensity, with that intensity's own journal."""
        shared = self.rewriter.kind == "phrasebook"  # it sends no requests, so it needs no other journal
        return lambda style: self._rewriter(style, cache if shared or style == self.style else self._open(style))

    def _rewriter(self, style: StyleSettings, cache: ResponseCache) -> Rewriter:
        if self.rewriter.kind == "phrasebook":
            return PhrasebookRewriter(style, self.seed, self.originals)
        assert self.rewriter.model is not None
        return ModelRewriter(style, self._client(self.rewriter.model, self.rewriter.temperature, cache))

    def _client(self, name: str, temperature: float, cache: ResponseCache) -> ModelClient:
        price = price_of(name, self.rewriter.base_url, self.rewriter.prices)
        if price is None and self.rewriter.budget_usd is not None:
            raise DataError(
                f"rewriter.budget_usd is set, but the price of {name} is not known, so the budget cannot be kept; give"
                " it in a file named by rewriter.prices."
            )
        self.clients.append(ModelClient(name, self.rewriter, temperature, cache, self._budget, price))
        return self.clients[-1]

    def _note(self) -> str:
        return f"${self._budget.spent:.2f}" if self._budget.spent else ""


def _settle(
    conversations: Sequence[Conversation], done: Sequence[Rewritten], style: StyleSettings, rewriter: RewriterSettings
) -> tuple[list[Rewrite], list[Rejected], Counter[str]]:
    """Keep or leave out each conversation; return rows for training, failed attempts, and counts of replies by fate."""
    by_turn = {(reply.original.id, reply.original.turn): reply for reply in done}
    rows: list[Rewrite] = []
    rejected: list[Rejected] = []
    fates: Counter[str] = Counter()
    for conversation in conversations:
        attempted = [by_turn[conversation.id, turn] for turn, _ in replies(conversation)]
        failed = [reply for reply in attempted if reply.attempts and not reply.passed]
        rejected += [row for reply in failed for row in _rejections(reply)]
        if failed and rewriter.on_failure != "original":
            fates["failed, left out"] += len(failed)
            fates["left out with a failed one of the same conversation"] += len(attempted) - len(failed)
            continue
        fates["failed, original kept"] += len(failed)
        passed = [reply for reply in attempted if reply.attempts and reply.passed]
        unchanged = sum(reply.attempts[-1].styled == reply.original.text for reply in passed)
        fates["found in the style already, unchanged"] += unchanged
        fates["rewritten"] += len(attempted) - len(failed) - unchanged
        rows += [_row(reply, style, reply.attempts[-1].reason if reply in failed else "") for reply in attempted]
    return rows, rejected, fates


def check_changed(rows: Sequence[Rewrite], style: StyleSettings) -> None:
    """Raise where the rewrites equal their originals: the tuned model would be its own control.

    Intensity 0 passes, because there the two are the same on purpose.

    Raises:
        DataError: fewer than two conversations have a reply that changed.
    """
    if not style.changes:
        return
    changed = {row.id for row in rows if row.styled != row.original}
    if len(changed) < 2:
        raise DataError(
            f"Rewriting towards '{style.name}' at intensity {style.intensity:g} changed the replies of {len(changed)}"
            f" of {len({row.id for row in rows})} conversations: the others are in this style already, or the rewriter"
            " has nothing to change in them. Raise style.intensity, let a model rewrite (rewriter=model), or give"
            " other data or a style with more phrases."
        )


def _row(reply: Rewritten, style: StyleSettings, failure: str) -> Rewrite:
    original, strength = reply.original, Strength(style.measure)
    styled = reply.attempts[-1].styled if reply.attempts and not failure else original.text
    return Rewrite(
        id=original.id,
        turn=original.turn,
        label=original.label,
        original=original.text,
        styled=styled,
        intensity=0.0 if failure else style.intensity,
        reason=failure,
        attempts=len(reply.attempts),
        strength_before=strength(original.text, original.text),
        strength_after=strength(styled, original.text),
    )


def _rejections(reply: Rewritten) -> list[Rejected]:
    original = reply.original
    return [
        Rejected(
            original.id, original.turn, original.label, number, original.text, attempt.styled,
            attempt.findings[0].check if attempt.findings else "", attempt.reason,
        )
        for number, attempt in enumerate(reply.attempts, start=1)
    ]  # fmt: skip


def _counts(
    conversations: Sequence[Conversation], work: _Work, rows: Sequence[Rewrite], fates: Counter[str]
) -> dict[str, Any]:
    """Return the counts for the manifest; `replies` is the sum over `fates`."""
    total = sum(1 for conversation in conversations for _ in replies(conversation))
    if fates.total() != total:
        raise AssertionError(f"the replies do not add up: {fates}, {total} in all")
    passed = [row for row in rows if not row.reason]
    tried = [attempt for reply in work.done for attempt in reply.attempts]
    failed = [reply.original.label for reply in work.done if reply.attempts and not reply.passed]
    words = [(len(row.original.split()), len(row.styled.split())) for row in passed]
    return {
        "conversations": len(conversations),
        "conversations_kept": len({row.id for row in rows}),
        "replies": total,
        "fates": {fate: count for fate, count in fates.items() if count},
        "failed_by_type": dict(Counter(failed)),
        "attempts": len(tried),
        "passed_at_attempt": {str(n): c for n, c in sorted(Counter(row.attempts for row in passed).items())},
        "refused_by_check": dict(Counter(finding.check for attempt in tried for finding in attempt.findings)),
        "requests": work.requests,
        "words_before": round(mean(before for before, _ in words), 1) if words else None,
        "words_after": round(mean(after for _, after in words), 1) if words else None,
        "strength_before": round(mean(row.strength_before for row in passed), 3) if passed else None,
        "strength_after": round(mean(row.strength_after for row in passed), 3) if passed else None,
        "intensity_check": work.intensity_rows,
        "judge": work.judged,
        "sociot": {},
    }
