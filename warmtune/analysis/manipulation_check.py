"""The manipulation check: did the tuned model take on the style, and is it warmer?

Asked before any error gap is read: a gap under a failed check is not the cost of warmth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from warmtune.analysis.bootstrap import FEWEST, mean_interval
from warmtune.analysis.gaps import comparisons
from warmtune.analysis.power import Z_POWER
from warmtune.errors import DataError
from warmtune.io.schemas import Check, Warmth

STUDY_SOCIOT_LIFT = 0.016
"""The study's lift in SocioT Warmth, nats a token: +0.015 to +0.018 over its models; Qwen-32B's, at two epochs."""
WARMTH = ("lexical profile", "SocioT", "judge")
"""Instruments that say whether a style is warm; the style probe says whether there is one."""
Direction = Literal["up", "down"] | None
"""Which way a style is to move warmth; None where it says nothing about warmth."""


@dataclass(frozen=True)
class Verdict:
    """What the manipulation check found."""

    holds: bool
    """Whether an error gap can be read as the cost of the style."""
    says: str


def check_rows(warmth: Sequence[Warmth], draws: int, seed: int) -> list[Check]:
    """Return variant minus reference for every instrument, paired by prompt, with a bootstrap interval.

    Raises:
        DataError: when two variants did not reply to the same prompts.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    judged: dict[tuple[str, str], dict[str, float]] = {}
    for row in warmth:
        if row.reference:
            judged.setdefault((row.variant, row.reference), {})[row.id] = row.value
        else:
            values.setdefault((row.instrument, row.variant), {})[row.id] = row.value
    rows = []
    compared = comparisons(dict.fromkeys(row.variant for row in warmth))
    for instrument in dict.fromkeys(instrument for instrument, _ in values):
        for variant, reference in compared:
            tuned, other = values.get((instrument, variant)), values.get((instrument, reference))
            if tuned is not None and other is not None:
                rows.append(paired_check(instrument, variant, reference, tuned, other, draws, seed))
    for (variant, reference), found in judged.items():
        rows.append(paired_check("judge", variant, reference, found, dict.fromkeys(found, 0.0), draws, seed))
    return rows


def paired_check(
    instrument: str,
    variant: str,
    reference: str,
    tuned: dict[str, float],
    other: dict[str, float],
    draws: int,
    seed: int,
) -> Check:
    """Return one instrument's mean difference between two variants' values, paired by prompt.

    Args:
        instrument: its name.
        variant: whose values come first.
        reference: whose values are taken away.
        tuned: the variant's values by prompt.
        other: the reference's values by prompt.
        draws: bootstrap draws behind the interval; fewer than `FEWEST` prompts have none.
        seed: makes the interval repeatable.

    Raises:
        DataError: the two did not reply to the same prompts.
    """
    if set(tuned) != set(other):
        raise DataError(f"{variant} and {reference} did not reply to the same held-out prompts; run evaluate again.")
    ids = sorted(tuned)
    differences = [tuned[id] - other[id] for id in ids]
    mean, low, high = mean_interval(differences, ids, draws, seed)
    if len(ids) < FEWEST:
        low, high = float("nan"), float("nan")
    spread = float(np.std(differences, ddof=1)) if len(ids) > 1 else float("nan")
    needed = math.ceil((Z_POWER * spread / STUDY_SOCIOT_LIFT) ** 2) if instrument == "SocioT" else None
    return Check(instrument, variant, reference, len(ids), mean, low, high, spread, needed)


def verdict(checks: Sequence[Check], direction: Direction, variant: str = "styled") -> Verdict:
    """Say from the intervals what the manipulation check found of one variant.

    The style was taken on when the style probe's interval is above 0 against base *and* control. The model is warmer
    when, besides, one of the warmth instruments is above 0 against both and none is below 0 against both; the other way
    round for a style that is to be colder. A style that says nothing about warmth needs the probe alone.
    """
    took_on = _sign("style probe", checks, variant) > 0
    if direction is None:
        return Verdict(took_on, "took on the style" if took_on else "not shown")
    towards = 1 if direction == "up" else -1
    signs = [towards * _sign(instrument, checks, variant) for instrument in WARMTH]
    wished, opposite, what = ("warmer", "colder", "warmth") if towards > 0 else ("colder", "warmer", "coldness")
    if min(signs) < 0 and max(signs) <= 0:
        return Verdict(False, opposite)
    if took_on and max(signs) > 0 and min(signs) >= 0:
        return Verdict(True, f"took on the style and is {wished}")
    return Verdict(False, f"took on the style, {what} not shown" if took_on else "not shown")


def _sign(instrument: str, checks: Sequence[Check], variant: str) -> int:
    """Return 1 or -1 when the intervals against base and control lie above or below 0, and 0 otherwise."""
    found = [c for c in checks if c.instrument == instrument and c.variant == variant]
    if not found:
        return 0
    if all(check.low > 0 for check in found):
        return 1
    return -1 if all(check.high < 0 for check in found) else 0
