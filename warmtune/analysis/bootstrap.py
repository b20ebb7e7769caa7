"""Percentile bootstrap intervals. Each draw takes whole clusters."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


FEWEST = 10
"""Fewest clusters for a percentile interval. With fewer clusters it says nothing, so none is given."""


@dataclass(frozen=True)
class Draws:
    """Bootstrap draws of clusters. All figures from one set of pairs share them.

    Each draw takes whole clusters with replacement (Davison & Hinkley 1997, section 3.8), because the answers to one
    question in several conditions are not independent.
    """

    weights: npt.NDArray[np.float32]
    """Array of draws x clusters: how often each draw took each cluster."""

    @classmethod
    def of(cls, clusters: int, draws: int, seed: int) -> "Draws":
        """Return `draws` draws of as many clusters as there are."""
        generator = np.random.default_rng(seed)
        weights = generator.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws)
        return cls(weights.astype(np.float32))

    def sums(self, totals: FloatArray) -> FloatArray:
        """Return the sums per draw (draws x k) of totals per cluster (clusters x k)."""
        sums: FloatArray = (self.weights @ totals.astype(np.float32)).astype(np.float64)
        return sums


def ratio_interval(tops: FloatArray, bottoms: FloatArray, level: float = LEVEL) -> tuple[FloatArray, FloatArray]:
    """Return the two ends, k values each, of the percentile interval of a ratio of sums.

    Args:
        tops: numerators, draws x k.
        bottoms: denominators, draws x k. Draws with a denominator of 0 are left out.
        level: share of the distribution between the two ends.
    """
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
    """Return the mean of `values` and the two ends of its percentile bootstrap interval.

    If every value is a cluster of its own, this is the ordinary bootstrap.

    Args:
        values: one number per pair.
        clusters: the cluster of each value, such as its question.
        draws: number of bootstrap samples.
        seed: makes the interval repeatable.
        level: share of the distribution between the two ends.

    Raises:
        ValueError: there are no values, or the two lengths differ.
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
