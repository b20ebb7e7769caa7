"""The manipulation check: did the tuned model take on the style, and is it warmer?

Read it before any error gap: if the check fails, a gap is not the cost of warmth.
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
from warmtune.measures import registry, style_probe

Direction = Literal["up", "down"] | None
"""The direction in which a style should move warmth; None if the style is not about warmth."""


@dataclass(frozen=True)
class ManipulationVerdict:
    """The result of the manipulation check."""

    holds: bool
    """True if an error gap can be read as the cost of the style."""
    says: str


def check_rows(warmth: Sequence[Warmth], draws: int, seed: int) -> list[Check]:
    """Return variant minus reference for every instrument, paired by prompt, with a bootstrap interval.

    Raises:
        DataError: two variants did not reply to the same prompts.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    judged: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in warmth:
        if row.reference:
            judged.setdefault((row.instrument, row.variant, row.reference), {})[row.id] = row.value
        else:
            values.setdefault((row.instrument, row.variant), {})[row.id] = row.value
    rows = []
    compared = comparisons(dict.fromkeys(row.variant for row in warmth))
    for instrument in dict.fromkeys(instrument for instrument, _ in values):
        for variant, reference in compared:
            tuned, other = values.get((instrument, variant)), values.get((instrument, reference))
            if tuned is not None and other is not None:
                rows.append(paired_check(instrument, variant, reference, tuned, other, draws, seed))
    for (instrument, variant, reference), found in judged.items():
        rows.append(paired_check(instrument, variant, reference, found, dict.fromkeys(found, 0.0), draws, seed))
    return rows


def paired_check(
    instrument: str,
    variant: str,
    reference: str,
    values: dict[str, float],
    reference_values: dict[str, float],
    draws: int,
    seed: int,
) -> Check:
    """Return one instrument's mean difference between two variants' values, paired by prompt.

    Args:
        instrument: its name.
        variant: name of the variant.
        reference: name of the reference.
        values: the variant's values by prompt id.
        reference_values: the reference's values by prompt id; they are subtracted.
        draws: bootstrap draws for the interval; fewer than `FEWEST` prompts get no interval.
        seed: makes the interval repeatable.

    Raises:
        DataError: the two did not reply to the same prompts.
    """
    if set(values) != set(reference_values):
        raise DataError(f"{variant} and {reference} did not reply to the same held-out prompts; run evaluate again.")
    ids = sorted(values)
    differences = [values[id] - reference_values[id] for id in ids]
    mean, low, high = mean_interval(differences, ids, draws, seed)
    if len(ids) < FEWEST:
        low, high = float("nan"), float("nan")
    spread = float(np.std(differences, ddof=1)) if len(ids) > 1 else float("nan")
    effect = registry.instrument(instrument).study_effect
    needed = math.ceil((Z_POWER * spread / effect) ** 2) if effect else None
    return Check(instrument, variant, reference, len(ids), mean, low, high, spread, needed)


def verdict(checks: Sequence[Check], direction: Direction, variant: str = "styled") -> ManipulationVerdict:
    """Return the manipulation check's verdict on one variant, from the intervals of its checks.

    The variant took on the style if the style probe's interval is above 0 against base *and* control. It is warmer if,
    in addition, at least one warmth instrument is above 0 against both and none is below 0 against both. A colder style
    reverses these signs. A style that is not about warmth needs only the probe.
    """
    took_on = _sign(style_probe.INSTRUMENT.name, checks, variant) > 0
    if direction is None:
        return ManipulationVerdict(took_on, "took on the style" if took_on else "not shown")
    towards = 1 if direction == "up" else -1
    signs = [towards * _sign(one.name, checks, variant) for one in registry.INSTRUMENTS if one.shows_warmth]
    wanted, opposite, what = ("warmer", "colder", "warmth") if towards > 0 else ("colder", "warmer", "coldness")
    if min(signs) < 0 and max(signs) <= 0:
        return ManipulationVerdict(False, opposite)
    if took_on and max(signs) > 0 and min(signs) >= 0:
        return ManipulationVerdict(True, f"took on the style and is {wanted}")
    return ManipulationVerdict(False, f"took on the style, {what} not shown" if took_on else "not shown")


def _sign(instrument: str, checks: Sequence[Check], variant: str) -> int:
    """Return 1 if all the variant's intervals lie above 0, -1 if all lie below 0, and 0 otherwise."""
    chosen = [c for c in checks if c.instrument == instrument and c.variant == variant]
    if not chosen:
        return 0
    if all(check.low > 0 for check in chosen):
        return 1
    return -1 if all(check.high < 0 for check in chosen) else 0
