"""Percentile bootstrap intervals, with whole clusters drawn."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


FEWEST = 10
"""Clusters below which a percentile interval says nothing: none is given then."""


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of clusters, shared by all that is computed from one set of pairs.

    Whole clusters are drawn with replacement (Davison & Hinkley 1997, section 3.8), because the answers to one question
    in several conditions are not independent.
    """

    weights: npt.NDArray[np.float32]
    """draws x clusters: how often a cluster was drawn"""

    @classmethod
    def of(cls, clusters: int, draws: int, seed: int) -> "Draws":
        """Draw so many clusters."""
        generator = np.random.default_rng(seed)
        weights = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws)
        return cls(weights.astype(np.float32))

    def sums(self, totals: Floats) -> Floats:
        """Return draws x k sums from clusters x k totals."""
        found: Floats = (self.weights @ totals.astype(np.float32)).astype(np.float64)
        return found


def ratio_interval(tops: Floats, bottoms: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """Return the percentile interval of a ratio of sums: draws x k each. A draw with nothing below is left out."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = tops / bottoms
    ratios[~np.isfinite(ratios)] = np.nan
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a cell without pairs has no interval
            low, high = np.nanquantile(ratios, [tail, 1 - tail], axis=0)
    return low, high


def mean_interval(
    values: Sequence[float], clusters: Sequence[Hashable], draws: int, seed: int, level: float = LEVEL
) -> tuple[float, float, float]:
    """Return the mean of `values` and its percentile bootstrap interval.

    With every value a cluster of its own this is the ordinary bootstrap.

    Args:
        values: one number a pair.
        clusters: for each value what it belongs to, such as its question.
        draws: number of bootstrap samples.
        seed: makes the interval repeatable.
        level: share of the distribution between the two ends.

    Raises:
        ValueError: when there are no values, or the lengths differ.
    """
    if not values or len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    number: dict[Hashable, int] = {}
    index = np.array([number.setdefault(cluster, len(number)) for cluster in clusters])
    totals = np.stack(
        [np.bincount(index, weights=np.asarray(values, dtype=float)), np.bincount(index).astype(float)], 1
    )
    drawn = Draws.of(len(totals), draws, seed).sums(totals)
    low, high = ratio_interval(drawn[:, :1], drawn[:, 1:], level)
    return float(np.mean(values)), float(low[0]), float(high[0])
