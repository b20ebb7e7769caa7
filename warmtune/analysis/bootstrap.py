"""Percentile bootstrap intervals, with whole clusters drawn."""

from collections.abc import Hashable, Sequence

import numpy as np

LEVEL = 0.95


def mean_interval(
    values: Sequence[float], clusters: Sequence[Hashable], draws: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean of `values` and its 95 % percentile bootstrap interval.

    Whole clusters are drawn with replacement (Davison & Hinkley 1997, section 3.8), because the answers to one question
    in several conditions are not independent. With every value a cluster of its own this is the ordinary bootstrap.

    Args:
        values: one number a pair.
        clusters: for each value what it belongs to, such as its question.
        draws: number of bootstrap samples.
        seed: makes the interval repeatable.

    Raises:
        ValueError: when there are no values, or the lengths differ.
    """
    if not values or len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    number: dict[Hashable, int] = {}
    index = np.array([number.setdefault(cluster, len(number)) for cluster in clusters])
    sums = np.bincount(index, weights=np.asarray(values, dtype=float))
    sizes = np.bincount(index)
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(sums), size=(draws, len(sums)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(np.mean(values)), float(low), float(high)
