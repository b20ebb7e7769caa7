"""What rewriting will take, before anything is spent: requests, tokens, dollars."""

import math
from collections.abc import Callable, Container, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warmtune.config.settings import RewriterSettings, StyleSettings
from warmtune.io.schemas import Conversation
from warmtune.models.budget import price_of
from warmtune.models.client import ModelClient
from warmtune.models.response_cache import open_response_cache
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
class _Usage:
    """What is asked of one model."""

    model: str
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
    found = Estimate(len(conversations), len(originals), 0, 0, 0, 0, usd=0.0, usd_at_most=0.0, unpriced=())
    if rewriter.kind == "phrasebook" or not style.changes:
        return found
    assert rewriter.model is not None
    asked = _Usage(rewriter.model)
    counting = _Rewrites(rewriter, journals, count, asked)
    finished = counting.add(originals, style, rewriter.attempts)
    drawn = draw(originals, rewriter.intensity_check_size, seed)
    for step in STEPS[1:]:
        if step != style.intensity:
            counting.add(drawn, replace(style, intensity=step), 1)
    used = [asked, _verdicts(originals, style, rewriter, count)] if rewriter.judge else [asked]
    prices = {one.model: price_of(one.model, rewriter.base_url, rewriter.prices) for one in used}
    priced = [(one, price) for one in used if (price := prices[one.model])]
    usd = [price.of(one.inputs, one.outputs, rewriter.batch) for one, price in priced]
    most = [price.of(one.most_inputs, one.most_outputs, rewriter.batch) for one, price in priced]
    known = len(priced) == len(used)
    return replace(
        found,
        finished=finished,
        requests=round(sum(one.requests for one in used)),
        input_tokens=round(sum(one.inputs for one in used)),
        output_tokens=round(sum(one.outputs for one in used)),
        usd=sum(usd) if known else None,
        usd_at_most=sum(most) if known else None,
        unpriced=tuple(name for name, price in prices.items() if price is None),
    )


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Add up what rewriting the same conversations at several intensities takes.

    What the tables of intensities share is counted in each, so this may be somewhat more than will be asked.
    """
    sums: dict[str, Any] = {}
    for name in ("replies", "finished", "requests", "input_tokens", "output_tokens", "usd", "usd_at_most"):
        values = [getattr(one, name) for one in estimates]
        sums[name] = None if None in values else sum(values)
    unpriced = tuple(dict.fromkeys(name for one in estimates for name in one.unpriced))
    return replace(estimates[0], **sums, unpriced=unpriced)


@dataclass(frozen=True)
class _Rewrites:
    """Counts rewrites that are still to be asked."""

    rewriter: RewriterSettings
    journals: Path
    count: Count
    usage: _Usage

    def add(self, originals: Sequence[Original], style: StyleSettings, attempts: int) -> int:
        """Count the rewrites of some replies; return how many have their first one in the journal."""
        file, rewriter, usage = journal_file(self.journals, style, self.rewriter), self.rewriter, self.usage
        told = self.count(instructions.messages(style, "", "")[0]["content"])
        length = math.sqrt(style.length[0] * style.length[1])
        again = _AGAIN if attempts > 1 else 0.0
        finished = 0
        with open_response_cache(file) if file.is_file() else nullcontext[Container[str]](()) as cache:
            for one in originals:
                request = instructions.messages(style, one.prompt, one.text)
                limit = instructions.answer_limit(style, one.text)
                if ModelClient.key(usage.model, rewriter, rewriter.temperature, request, limit, 0) in cache:
                    finished += 1
                    continue
                inputs, reply = told + self.count(request[1]["content"]), self.count(one.text)
                usage.requests += 1 + again
                usage.inputs += inputs + again * (inputs + length * reply)
                usage.outputs += (1 + again) * length * reply
                usage.most_inputs += inputs + (attempts - 1) * (inputs + limit)
                usage.most_outputs += attempts * limit
        return finished


def _verdicts(originals: Sequence[Original], style: StyleSettings, rewriter: RewriterSettings, count: Count) -> _Usage:
    """Count a judge's verdicts: one per rewrite, and two per pair whose style it compares."""
    usage = _Usage(rewriter.judge or "")
    length = math.sqrt(style.length[0] * style.length[1])
    told = count(judge_request("", "")[0]["content"])
    pairs = min(rewriter.sociot_pairs, len(originals))
    for one in originals:
        inputs = told + (1 + length) * count(one.text)
        usage.requests += 1
        usage.inputs += inputs
        usage.outputs += JUDGE_TOKENS / 8
        usage.most_inputs += rewriter.attempts * inputs
        usage.most_outputs += rewriter.attempts * JUDGE_TOKENS
    share = 2 * pairs / max(1, len(originals))
    usage.requests += 2 * pairs
    usage.inputs *= 1 + share
    usage.most_inputs *= 1 + share
    usage.outputs += 2 * pairs * 20
    usage.most_outputs += 2 * pairs * JUDGE_TOKENS
    return usage
