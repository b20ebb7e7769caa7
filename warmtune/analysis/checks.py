"""The manipulation check: did the tuned model take on the style, and is it warmer?

Asked before any error gap is read: a gap under a failed check is not the cost of warmth.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from warmtune.analysis.bootstrap import mean_interval
from warmtune.analysis.gaps import PAIRS
from warmtune.errors import DataError
from warmtune.schemas import Check, Warmth

STUDY_SOCIOT_LIFT = 0.016
"""The study's lift in SocioT Warmth, nats a token: +0.015 to +0.018 over its models; Qwen-32B's, at two epochs."""
_Z = 1.96 + 0.8416
"""Normal quantiles for a two-sided 5 % test with a power of 80 %."""

Verdict = Literal["took on the style and is warmer", "took on the style, warmth not shown", "not shown", "colder"]


def check_rows(warmth: Sequence[Warmth], draws: int, seed: int) -> list[Check]:
    """Return variant minus reference for every instrument, paired by prompt, with a bootstrap interval.

    Raises:
        DataError: when two variants did not reply to the same prompts.
    """
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in warmth:
        values.setdefault((row.instrument, row.variant), {})[row.id] = row.value
    rows = []
    for instrument in dict.fromkeys(row.instrument for row in warmth):
        for variant, reference in PAIRS:
            tuned, other = values.get((instrument, variant)), values.get((instrument, reference))
            if tuned is not None and other is not None:
                rows.append(_check(instrument, variant, reference, tuned, other, draws, seed))
    return rows


def _check(
    instrument: str,
    variant: str,
    reference: str,
    tuned: dict[str, float],
    other: dict[str, float],
    draws: int,
    seed: int,
) -> Check:
    if set(tuned) != set(other):
        raise DataError(f"{variant} and {reference} did not reply to the same held-out prompts; run evaluate again.")
    ids = sorted(tuned)
    differences = [tuned[id] - other[id] for id in ids]
    mean, low, high = mean_interval(differences, ids, draws, seed)
    spread = float(np.std(differences, ddof=1)) if len(ids) > 1 else float("nan")
    needed = math.ceil((_Z * spread / STUDY_SOCIOT_LIFT) ** 2) if instrument == "SocioT" else None
    return Check(instrument, variant, reference, len(ids), mean, low, high, spread, needed)


def verdict(checks: Sequence[Check]) -> Verdict:
    """Say from the intervals what the manipulation check found.

    The style was taken on when the style probe's interval is above 0 against base *and* control. The model is warmer
    when, besides, one of the warmth instruments (lexical profile, SocioT) is above 0 against both and none is below 0
    against both; colder when one is below 0 against both and none above.
    """
    took_on = _sign("style probe", checks) > 0
    signs = [_sign(instrument, checks) for instrument in ("lexical profile", "SocioT")]
    if min(signs) < 0 and max(signs) <= 0:
        return "colder"
    if took_on and max(signs) > 0 and min(signs) >= 0:
        return "took on the style and is warmer"
    return "took on the style, warmth not shown" if took_on else "not shown"


def _sign(instrument: str, checks: Sequence[Check]) -> int:
    """Return 1 or -1 when the intervals against base and control lie above or below 0, and 0 otherwise."""
    found = [c for c in checks if c.instrument == instrument and c.variant == "styled"]
    if not found:
        return 0
    if all(check.low > 0 for check in found):
        return 1
    return -1 if all(check.high < 0 for check in found) else 0
