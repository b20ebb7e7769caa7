"""Estimate the requests, tokens and dollars of rewriting, before anything is spent."""

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
    """Requests, tokens and cost of rewriting."""

    conversations: int
    replies: int
    finished: int
    """Replies with a first rewrite in the journal; they cost nothing more."""
    requests: int
    """Requests still to send: rewrites, rewrites for the table of intensities, and a judge's verdicts."""
    input_tokens: int
    output_tokens: int
    usd: float | None
    """Expected cost in dollars; None where a price is not known."""
    usd_at_most: float | None
    """Cost if every reply took all attempts, each at its token limit; None where a price is not known."""
    unpriced: tuple[str, ...]
    """Models without a known price."""


@dataclass
class _Usage:
    """Expected and largest usage of one model: requests and tokens."""

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
    """Count the requests and tokens still needed, and estimate their cost.

    Args:
        conversations: the conversations to rewrite.
        style: the style and its intensity.
        rewriter: the rewriter and the judge.
        seed: drives the draw for the table of intensities, as in the stage.
        journals: folder of the journals.
        count: returns the number of tokens of a text.

    Raises:
        DataError: the file of prices cannot be used.
    """
    originals = originals_of(conversations)
    nothing = Estimate(len(conversations), len(originals), 0, 0, 0, 0, usd=0.0, usd_at_most=0.0, unpriced=())
    if rewriter.kind == "phrasebook" or not style.changes:
        return nothing
    assert rewriter.model is not None
    rewrites = _Usage(rewriter.model)
    counting = _Rewrites(rewriter, journals, count, rewrites)
    finished = counting.add(originals, style, rewriter.attempts)
    drawn = draw(originals, rewriter.intensity_check_size, seed)
    for step in STEPS[1:]:
        if step != style.intensity:
            counting.add(drawn, replace(style, intensity=step), 1)
    usages = [rewrites, _verdicts(originals, style, rewriter, count)] if rewriter.judge else [rewrites]
    prices = {usage.model: price_of(usage.model, rewriter.base_url, rewriter.prices) for usage in usages}
    priced = [(usage, price) for usage in usages if (price := prices[usage.model])]
    usd = [price.of(usage.inputs, usage.outputs, rewriter.batch) for usage, price in priced]
    most = [price.of(usage.most_inputs, usage.most_outputs, rewriter.batch) for usage, price in priced]
    all_priced = len(priced) == len(usages)
    return replace(
        nothing,
        finished=finished,
        requests=round(sum(usage.requests for usage in usages)),
        input_tokens=round(sum(usage.inputs for usage in usages)),
        output_tokens=round(sum(usage.outputs for usage in usages)),
        usd=sum(usd) if all_priced else None,
        usd_at_most=sum(most) if all_priced else None,
        unpriced=tuple(name for name, price in prices.items() if price is None),
    )


def total(estimates: Sequence[Estimate]) -> Estimate:
    """Add up the estimates for the same conversations at several intensities.

    Every estimate counts the rewrites that the tables of intensities share, so the sum may be somewhat too high.
    """
    sums: dict[str, Any] = {}
    for name in ("replies", "finished", "requests", "input_tokens", "output_tokens", "usd", "usd_at_most"):
        values = [getattr(part, name) for part in estimates]
        sums[name] = None if None in values else sum(values)
    unpriced = tuple(dict.fromkeys(name for part in estimates for name in part.unpriced))
    return replace(estimates[0], **sums, unpriced=unpriced)


@dataclass(frozen=True)
class _Rewrites:
    """Counts the rewrites still to request."""

    rewriter: RewriterSettings
    journals: Path
    count: Count
    usage: _Usage

    def add(self, originals: Sequence[Original], style: StyleSettings, attempts: int) -> int:
        """Add the rewrites of some replies to the usage; return how many have their first rewrite in the journal."""
        file, rewriter, usage = journal_file(self.journals, style, self.rewriter), self.rewriter, self.usage
        rules = self.count(instructions.messages(style, "", "")[0]["content"])
        length = math.sqrt(style.length[0] * style.length[1])
        retry_share = _AGAIN if attempts > 1 else 0.0
        finished = 0
        with open_response_cache(file) if file.is_file() else nullcontext[Container[str]](()) as cache:
            for original in originals:
                request = instructions.messages(style, original.prompt, original.text)
                limit = instructions.answer_limit(style, original.text)
                if ModelClient.key(usage.model, rewriter, rewriter.temperature, request, limit, 0) in cache:
                    finished += 1
                    continue
                inputs, reply = rules + self.count(request[1]["content"]), self.count(original.text)
                usage.requests += 1 + retry_share
                usage.inputs += inputs + retry_share * (inputs + length * reply)
                usage.outputs += (1 + retry_share) * length * reply
                usage.most_inputs += inputs + (attempts - 1) * (inputs + limit)
                usage.most_outputs += attempts * limit
        return finished


def _verdicts(originals: Sequence[Original], style: StyleSettings, rewriter: RewriterSettings, count: Count) -> _Usage:
    """Count a judge's verdicts: one per rewrite, and two per pair for the comparison of styles."""
    usage = _Usage(rewriter.judge or "")
    length = math.sqrt(style.length[0] * style.length[1])
    rules = count(judge_request("", "")[0]["content"])
    pairs = min(rewriter.sociot_pairs, len(originals))
    for original in originals:
        inputs = rules + (1 + length) * count(original.text)
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
