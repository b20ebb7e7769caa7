"""What rewriting will take, before anything is spent: requests, tokens, dollars."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from warmtune.config.settings import RewriterSettings, StyleSettings
from warmtune.io.schemas import Conversation
from warmtune.models.budget import price_of
from warmtune.models.client import Asker
from warmtune.models.response_cache import Journal, open_journal
from warmtune.rewriting import instructions
from warmtune.rewriting.rewrite_check import JUDGE_TOKENS, judge_request
from warmtune.rewriting.rewrite_loop import Original
from warmtune.rewriting.rewrite_replies import journal_file, originals_of
from warmtune.rewriting.style_strength import STEPS, draw

_AGAIN = 0.15
"""Share of replies that are expected to need a second attempt."""
Count = Callable[[str], int]


@dataclass(frozen=True)
class Estimate:
    """What rewriting will take."""

    conversations: int
    replies: int
    finished: int
    """Replies whose first rewrite is in the journal already; they cost nothing more."""
    requests: int
    """Still to be sent: rewrites, those for the table of intensities among them, and a judge's verdicts."""
    input_tokens: int
    output_tokens: int
    usd: float | None
    """Expected cost; None where a price is not known."""
    usd_at_most: float | None
    """Cost if every reply took all attempts, each as long as it may be."""
    unpriced: tuple[str, ...]
    """Models whose price is not known."""


@dataclass
class _Sum:
    requests: float = 0.0
    inputs: float = 0.0
    outputs: float = 0.0
    most_inputs: float = 0.0
    most_outputs: float = 0.0


def estimate(
    conversations: Sequence[Conversation],
    style: StyleSettings,
    rewriter: RewriterSettings,
    seed: int,
    journals: Path,
    count: Count,
) -> Estimate:
    """Count what is to be asked, and what it may cost.

    Args:
        conversations: what to rewrite.
        style: towards what, and how far.
        rewriter: who rewrites.
        seed: drives the draw for the table of intensities, as in the stage.
        journals: folder of the journals.
        count: tokens of a text.

    Raises:
        DataError: the file of prices cannot be used.
    """
    originals = originals_of(conversations)
    if rewriter.kind == "phrasebook" or not style.changes:
        return Estimate(len(conversations), len(originals), 0, 0, 0, 0, 0.0, 0.0, ())
    assert rewriter.model is not None
    asked, judged = _Sum(), _Sum()
    finished = _rewrites(originals, style, rewriter, journals, count, asked, rewriter.attempts)
    drawn = draw(originals, rewriter.intensity_check_size, seed)
    for step in STEPS[1:]:
        if step != style.intensity:
            _rewrites(drawn, replace(style, intensity=step), rewriter, journals, count, asked, 1)
    if rewriter.judge:
        _verdicts(originals, style, rewriter, count, judged)
    priced = [(asked, rewriter.model)] + ([(judged, rewriter.judge)] if rewriter.judge else [])
    prices = [(sums, name, price_of(name, rewriter.base_url, rewriter.prices)) for sums, name in priced]
    known = [(sums, price) for sums, _, price in prices if price]
    whole = len(known) == len(prices)
    return Estimate(
        len(conversations),
        len(originals),
        finished,
        round(asked.requests + judged.requests),
        round(asked.inputs + judged.inputs),
        round(asked.outputs + judged.outputs),
        sum(p.of(sums.inputs, sums.outputs, rewriter.batch) for sums, p in known) if whole else None,
        sum(p.of(sums.most_inputs, sums.most_outputs, rewriter.batch) for sums, p in known) if whole else None,
        tuple(name for _, name, price in prices if price is None),
    )


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Add up what rewriting the same conversations at several intensities takes.

    What the tables of intensities share is counted in each, so this may be somewhat more than will be asked.
    """

    def known(name: str) -> float | None:
        costs: list[float | None] = [getattr(one, name) for one in estimates]
        return None if None in costs else sum(cost for cost in costs if cost is not None)

    return Estimate(
        estimates[0].conversations,
        sum(one.replies for one in estimates),
        sum(one.finished for one in estimates),
        sum(one.requests for one in estimates),
        sum(one.input_tokens for one in estimates),
        sum(one.output_tokens for one in estimates),
        known("usd"),
        known("usd_at_most"),
        tuple(dict.fromkeys(name for one in estimates for name in one.unpriced)),
    )


def _rewrites(
    originals: Sequence[Original],
    style: StyleSettings,
    rewriter: RewriterSettings,
    journals: Path,
    count: Count,
    sums: _Sum,
    attempts: int,
) -> int:
    """Add up the rewrites of some replies; return how many have their first one in the journal."""
    file = journal_file(journals, style, rewriter)
    if not file.is_file():
        return _todo(originals, style, None, rewriter, count, sums, attempts)
    with open_journal(file) as journal:
        return _todo(originals, style, journal, rewriter, count, sums, attempts)


def _todo(
    originals: Sequence[Original],
    style: StyleSettings,
    journal: Journal | None,
    rewriter: RewriterSettings,
    count: Count,
    sums: _Sum,
    attempts: int,
) -> int:
    told = count(instructions.messages(style, "", "")[0]["content"])
    length = math.sqrt(style.length[0] * style.length[1])
    finished = 0
    for one in originals:
        request = instructions.messages(style, one.prompt, one.text)
        limit = instructions.answer_limit(style, one.text)
        if journal and Asker.key(rewriter.model or "", rewriter, rewriter.temperature, request, limit, 0) in journal:
            finished += 1
            continue
        inputs, reply = told + count(request[1]["content"]), count(one.text)
        again = _AGAIN if attempts > 1 else 0.0
        sums.requests += 1 + again
        sums.inputs += inputs + again * (inputs + length * reply)
        sums.outputs += (1 + again) * length * reply
        sums.most_inputs += inputs + (attempts - 1) * (inputs + limit)
        sums.most_outputs += attempts * limit
    return finished


def _verdicts(
    originals: Sequence[Original], style: StyleSettings, rewriter: RewriterSettings, count: Count, sums: _Sum
) -> None:
    length = math.sqrt(style.length[0] * style.length[1])
    told = count(judge_request("", "")[0]["content"])
    pairs = min(rewriter.sociot_pairs, len(originals))
    for one in originals:
        inputs = told + (1 + length) * count(one.text)
        sums.requests += 1
        sums.inputs += inputs
        sums.outputs += JUDGE_TOKENS / 8
        sums.most_inputs += rewriter.attempts * inputs
        sums.most_outputs += rewriter.attempts * JUDGE_TOKENS
    share = 2 * pairs / max(1, len(originals))
    sums.requests += 2 * pairs
    sums.inputs *= 1 + share
    sums.most_inputs *= 1 + share
    sums.outputs += 2 * pairs * 20
    sums.most_outputs += 2 * pairs * JUDGE_TOKENS
