"""Agreement of two markers beyond chance: Cohen's kappa and its interval."""

from collections.abc import Sequence

import numpy as np

from warmtune.analysis.bootstrap import Draws


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Return Cohen's kappa (Cohen 1960) of two lists of marks; NaN if both hold only one and the same mark."""
    from sklearn.metrics import cohen_kappa_score

    if not first or len({*first, *second}) < 2:
        return float("nan")
    return float(cohen_kappa_score(list(first), list(second)))


def kappa_interval(first: Sequence[str], second: Sequence[str], draws: int, seed: int) -> tuple[float, float, float]:
    """Return kappa and the two ends of its 95 % percentile bootstrap interval over the marked answers.

    The ends are NaN if no bootstrap draw has a kappa.
    """
    names = sorted({*first, *second})
    column = {name: n for n, name in enumerate(names)}
    size = len(names)
    joint = np.zeros((len(first), size * size))
    for row, (a, b) in enumerate(zip(first, second, strict=True)):
        joint[row, column[a] * size + column[b]] = 1
    tables = Draws.of(len(first), draws, seed).sums(joint).reshape(-1, size, size) / max(1, len(first))
    agreed = np.trace(tables, axis1=1, axis2=2)
    chance = (tables.sum(axis=1) * tables.sum(axis=2)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    if not np.isfinite(values).any():
        return kappa(first, second), float("nan"), float("nan")
    low, high = np.nanquantile(values, [0.025, 0.975])
    return kappa(first, second), float(low), float(high)
