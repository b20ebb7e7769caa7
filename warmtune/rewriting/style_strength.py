"""Measure how much of the style the rewritten data has: by word lists, a probe, SocioT, and a judge of pairs."""

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any, TypeVar

from warmtune.analysis.bootstrap import mean_interval
from warmtune.config.settings import MeasureSettings, StyleSettings
from warmtune.errors import UserError
from warmtune.io.schemas import Rewrite
from warmtune.measures.lexical_profile import profile
from warmtune.measures.sociot import sociot
from warmtune.measures.style_judge import share_for_second
from warmtune.measures.style_probe import probe_ladder
from warmtune.models.cached_scorer import CachedScorer
from warmtune.models.client import ModelClient, NoAnswerError
from warmtune.rewriting.rewrite_loop import Original, Rewriter

if TYPE_CHECKING:
    from warmtune.models.engine import Engine

STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)
_DRAWS = 2000
_WORDS = re.compile(r"\w+")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Strength:
    """A style's own measure, from the style's file: hits of its word lists per 100 words."""

    measure: MeasureSettings

    def __call__(self, text: str, original: str) -> float:
        """Return how strong the style is in a text; `original` is the text before rewriting."""
        if self.measure.lexicon == "warmth":
            return profile(text).total
        words = len(_WORDS.findall(text))
        if words == 0:
            return 0.0
        text = text.replace("’", "'")
        hits = self._hits(self.measure.more, text) - self._hits(self.measure.less, text)
        saved = 100 * (1 - words / max(1, len(_WORDS.findall(original)))) if self.measure.shorter else 0.0
        return hits * 100 / words + saved

    def _hits(self, patterns: Sequence[str], text: str) -> int:
        return sum(len(re.findall(pattern, text, re.IGNORECASE)) for pattern in patterns)


async def intensity_check(
    originals: Sequence[Original],
    style: StyleSettings,
    rewriter_at: Callable[[StyleSettings], Rewriter],
    count: int,
    seed: int,
) -> list[dict[str, float]]:
    """Rewrite a draw of replies at every intensity without checks, and measure the style at each.

    Args:
        originals: the replies to draw from.
        style: the style at the run's intensity.
        rewriter_at: makes the rewriter at another intensity.
        count: how many replies to draw.
        seed: drives the draw and the probe.

    Returns:
        One row per intensity. `strength` is the mean of the style's own measure, and `probe` the mean probability of a
        cross-validated probe (original replies, rewrites at intensity 1). `strength_share` and `probe_share` say where
        each mean lies between its values at the lowest and the highest intensity. Empty where fewer than two
        conversations have a reply with a rewrite at every intensity.
    """
    drawn = draw(originals, count, seed)
    steps = sorted({*STEPS, style.intensity})
    versions: list[list[str]] = [[original.text for original in drawn]]
    for step in steps[1:]:
        rewriter = rewriter_at(replace(style, intensity=step))
        limit = asyncio.Semaphore(rewriter.max_concurrency)

        async def first(original: Original, rewriter: Rewriter = rewriter, limit: asyncio.Semaphore = limit) -> str:
            async with limit:
                try:
                    return (await rewriter.attempt(original, [])).styled
                except (NoAnswerError, UserError):
                    return ""

        versions.append(list(await asyncio.gather(*(first(original) for original in drawn))))
    complete = [n for n in range(len(drawn)) if all(texts[n].strip() for texts in versions)]
    ids = [drawn[n].id for n in complete]
    if len(set(ids)) < 2:
        return []
    versions = [[texts[n] for n in complete] for texts in versions]
    probed = await asyncio.to_thread(probe_ladder, ids, versions, seed)
    strength = Strength(style.measure)
    means = [
        mean(strength(text, original) for text, original in zip(texts, versions[0], strict=True)) for texts in versions
    ]
    rows = []
    for step, value, probability in zip(steps, means, [mean(scores) for scores in probed], strict=True):
        rows.append({"intensity": step, "replies": len(complete), "strength": value, "probe": probability})
    for row in rows:
        for name in ("strength", "probe"):
            row[f"{name}_share"] = _share(row[name], rows[0][name], rows[-1][name])
    return [{name: round(value, 4) for name, value in row.items()} for row in rows]


def sociot_lift(rows: Sequence[Rewrite], engine: "Engine", count: int, seed: int, journals: Path) -> dict[str, Any]:
    """Measure SocioT Warmth of a draw of replies before and after rewriting, in nats per token.

    Returns:
        Number of pairs, means before and after, the mean paired difference (`lift`) with its 95 % interval (bootstrap
        over conversations), and the language model. Empty where fewer than two replies changed.
    """
    drawn = draw([row for row in rows if row.styled != row.original], count, seed)
    if len(drawn) < 2:
        return {}
    texts = [text for row in drawn for text in (row.original, row.styled)]
    scores = sociot(texts, CachedScorer(engine, engine.base.fingerprint, journals))
    before, after = scores[::2], scores[1::2]
    lifts = [later - earlier for earlier, later in zip(before, after, strict=True)]
    lift, low, high = mean_interval(lifts, [row.id for row in drawn], _DRAWS, seed)
    figures = {"before": mean(before), "after": mean(after), "lift": lift, "low": low, "high": high}
    rounded: dict[str, Any] = {name: round(value, 5) for name, value in figures.items()}
    return {"pairs": len(drawn), **rounded, "model": engine.base.hub}


async def judged_pairs(
    rows: Sequence[Rewrite], description: str, judge: ModelClient, count: int, seed: int
) -> dict[str, float]:
    """Ask a judge, blind and in both orders, which of two versions has more of the style.

    Returns:
        Number of judged pairs, number of pairs without a readable verdict (`unread`), and the share of choices for the
        rewrite with its 95 % interval (bootstrap over conversations). A pair with two different choices counts half.
    """
    drawn = draw([row for row in rows if row.styled != row.original], count, seed)
    limit = asyncio.Semaphore(judge.max_concurrency)

    async def judged_one(row: Rewrite) -> float | None:
        async with limit:
            return await share_for_second(judge, description, row.original, row.styled)

    shares = await asyncio.gather(*(judged_one(row) for row in drawn))
    judged = [(row.id, value) for row, value in zip(drawn, shares, strict=True) if value is not None]
    if len(judged) < 2:
        return {"pairs": len(judged), "unread": len(drawn) - len(judged)}
    share, low, high = mean_interval([value for _, value in judged], [name for name, _ in judged], _DRAWS, seed)
    rounded = {name: round(value, 4) for name, value in {"share": share, "low": low, "high": high}.items()}
    return {"pairs": len(judged), "unread": len(drawn) - len(judged), **rounded}


def draw(items: Sequence[Item], count: int, seed: int) -> list[Item]:
    """Return a seeded draw of `count` items in their order, or all items where there are fewer."""
    if count >= len(items):
        return list(items)
    return [items[n] for n in sorted(random.Random(seed).sample(range(len(items)), count))]


def _share(value: float, lowest: float, highest: float) -> float:
    return (value - lowest) / (highest - lowest) if highest != lowest else float("nan")
