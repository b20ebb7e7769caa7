"""Tests and effect sizes for paired marks."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from warmtune.analysis.answer_table import ALL, Groups
from warmtune.analysis.bootstrap import FloatArray, IntArray
from warmtune.io.schemas import Gap


def mcnemar(worse: int, better: int) -> float:
    """Return the exact two-sided p of McNemar's test (McNemar 1947; the binomial form).

    It takes pairs as independent. That is right within one part of the grid, where a question occurs once. Over several
    parts the p is too small.

    >>> mcnemar(0, 0)
    1.0
    """
    from scipy.stats import binom

    return float(min(1.0, 2 * binom.cdf(min(worse, better), worse + better, 0.5))) if worse + better else 1.0


def cohens_g(worse: int, better: int) -> float:
    """Return Cohen's g, how far the share of the discordant pairs lies from a half (Cohen 1988, chapter 5).

    0.05 is small, 0.15 medium, 0.25 large; NaN if no pair is discordant. (The study's table prints the z of McNemar's
    test under this name.)
    """
    return abs(worse / (worse + better) - 0.5) if worse + better else float("nan")


def odds_ratio(worse: int, better: int) -> float:
    """Return the odds ratio of McNemar's table, worse to better; infinite if none got better, NaN if none changed."""
    if better:
        return worse / better
    return float("inf") if worse else float("nan")


def clustered_error(values: FloatArray, clusters: IntArray) -> float:
    """Return the standard error of a mean of values that are correlated within clusters.

    It is the sandwich estimator for the mean with the finite-sample factor G / (G - 1) (Liang & Zeger 1986; Miller
    2024, arXiv 2411.00640, eq. 4), the same as Inspect's `stderr(cluster=...)`.
    """
    deviations = np.bincount(np.unique(clusters, return_inverse=True)[1], weights=values - values.mean())
    groups = len(deviations)
    if groups < 2:
        return float("nan")
    return float(np.sqrt(groups / (groups - 1) * (deviations**2).sum()) / len(values))


def clustered_p(difference: FloatArray, clusters: IntArray, otherwise: float) -> float:
    """Return the two-sided p of a mean difference of 0: t with one degree of freedom less than there are questions.

    Args:
        difference: variant wrong minus reference wrong, one value per pair.
        clusters: each pair's question.
        otherwise: the result if the differences do not vary between questions, so that t has no scale.
    """
    from scipy.stats import t

    if not len(difference):
        return float("nan")
    error = clustered_error(difference, clusters)
    if not error > 0:
        return otherwise
    return float(2 * t.sf(abs(difference.mean()) / error, len(np.unique(clusters)) - 1))


def false_discovery(values: Sequence[float]) -> list[float]:
    """Return the p values adjusted to control the false discovery rate (Benjamini & Hochberg 1995)."""
    from statsmodels.stats.multitest import multipletests

    return [float(value) for value in multipletests(values, method="fdr_bh")[1]] if len(values) else []


def adjusted(rows: Sequence[Gap], groups: Groups) -> list[Gap]:
    """Give the smallest parts of the grid their q: McNemar's p, adjusted over all of one comparison's."""
    pooled = {ALL, *groups}
    several = {row.belief for row in rows} != {ALL}
    smallest = [
        index
        for index, row in enumerate(rows)
        if row.benchmark != ALL and row.context not in pooled and (row.belief != ALL or not several) and row.pairs
    ]
    result = list(rows)
    for index, q in zip(smallest, false_discovery([rows[n].p_mcnemar for n in smallest]), strict=True):
        result[index] = replace(rows[index], q=q)
    return result
