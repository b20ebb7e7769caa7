"""Do two who mark agree more than chance would have it?"""

from collections.abc import Sequence

import numpy as np

from warmtune.analysis.bootstrap import Draws


def kappa(one: Sequence[str], other: Sequence[str]) -> float:
    """Return Cohen's kappa (Cohen 1960); not a number where both give the same single mark throughout."""
    from sklearn.metrics import cohen_kappa_score

    if not one or len({*one, *other}) < 2:
        return float("nan")
    return float(cohen_kappa_score(list(one), list(other)))


def kappa_interval(one: Sequence[str], other: Sequence[str], draws: int, seed: int) -> tuple[float, float, float]:
    """Return kappa with its 95 % percentile bootstrap interval over the answers marked."""
    names = sorted({*one, *other})
    place = {name: n for n, name in enumerate(names)}
    size = len(names)
    joint = np.zeros((len(one), size * size))
    for row, (a, b) in enumerate(zip(one, other, strict=True)):
        joint[row, place[a] * size + place[b]] = 1
    tables = Draws.of(len(one), draws, seed).sums(joint).reshape(-1, size, size) / max(1, len(one))
    agreed = np.trace(tables, axis1=1, axis2=2)
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    if not np.isfinite(values).any():
        return kappa(one, other), float("nan"), float("nan")
    low, high = np.nanquantile(values, [0.025, 0.975])
    return kappa(one, other), float(low), float(high)
