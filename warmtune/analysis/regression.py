"""The study's four logistic regressions of wrong answers on the variant, the benchmark and the condition.

Standard errors are clustered by question. The study took answers as independent, though a question occurs up to 18
times. Effects are average marginal effects in percentage points.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from warmtune.analysis.answer_table import ABSENT, ALL, COUNTED, PRESENT, Groups, clusters_of
from warmtune.analysis.bootstrap import FEWEST, FloatArray, IntArray
from warmtune.analysis.gaps import comparisons
from warmtune.analysis.power import Z_95
from warmtune.io.schemas import Effect

_ITERATIONS = 100


@dataclass(frozen=True)
class Regression:
    """One regression: the rows it uses, and the factor by which the variant's effect may differ."""

    number: str
    says: str
    factor: str | None
    beliefs: bool
    contexts: bool
    length: bool = False


REGRESSIONS = (
    Regression("1", "no context, no belief", None, beliefs=False, contexts=False),
    Regression("1 + length", "no context, no belief; length as covariate", None, False, False, length=True),
    Regression("2", "by group of contexts, no belief", "group", beliefs=False, contexts=True),
    Regression("3", "by context, no belief", "context", beliefs=False, contexts=True),
    Regression("4", "by belief, all contexts", "opinion", beliefs=True, contexts=True),
)


def regressions(frame: pd.DataFrame, controls: frozenset[str], groups: Groups) -> list[Effect]:
    """Fit every model to every two variants that are compared, control benchmarks left out.

    A table with the answers of several models has a column `model`, which gets fixed effects.
    """
    rows: list[Effect] = []
    for variant, reference in comparisons(frame["variant"].unique()):
        chosen = frame[
            frame["variant"].isin([variant, reference])
            & frame["mark"].isin(COUNTED)
            & ~frame["benchmark"].isin(controls)
        ]
        tuned = chosen.assign(tuned=(chosen["variant"] == variant).astype(float))
        rows += effects(tuned, variant, reference, groups)
    return rows


def effects(rows: pd.DataFrame, variant: str, reference: str, groups: Groups) -> list[Effect]:
    """Fit every model for which the rows hold more than one level of its factor.

    Args:
        rows: counted answers of two variants, with a column `tuned` (1 for the variant, 0 for the reference).
        variant: name of the one.
        reference: name of the other.
        groups: contexts over which an effect is also pooled.
    """
    belief = np.asarray(rows["belief"].astype(object) != "")
    context = np.asarray(rows["context"].astype(object))
    grouped = np.asarray(rows["context"].astype(object).map({c: g for g, held in groups.items() for c in held}))
    grouped = np.where(pd.isna(grouped), context, grouped)
    factors = {"group": grouped, "context": context, "opinion": np.where(belief, PRESENT, ABSENT)}
    fitted: list[Effect] = []
    for regression in REGRESSIONS:
        chosen = (belief <= regression.beliefs) & ((context == "none") | regression.contexts)
        levels = factors[regression.factor][chosen] if regression.factor else np.full(int(chosen.sum()), ALL)
        if not chosen.any() or (regression.factor and len(set(levels)) < 2):
            continue
        fitted += _fit(rows[chosen], levels, regression, variant, reference)
    return fitted


def _fit(rows: pd.DataFrame, levels: Any, regression: Regression, variant: str, reference: str) -> list[Effect]:
    tuned = rows["tuned"].to_numpy()
    names = sorted(set(levels), key=lambda name: (name not in ("none", ABSENT), name))
    dummies = (levels[:, None] == np.array(names[1:])[None]).astype(float)
    columns = [np.ones_like(tuned), *dummies.T, *_fixed(rows)]
    if regression.length:
        columns.append(rows["characters"].to_numpy() / 100)
    fixed = np.stack(columns, axis=1)
    varying = np.concatenate([np.ones((len(tuned), 1)), dummies], axis=1)
    fit = _logit(
        np.asarray(rows["mark"].astype(object) == "incorrect", dtype=float),
        np.concatenate([tuned[:, None] * varying, fixed], axis=1),
        clusters_of(rows),
    )
    questions = int(clusters_of(rows).max()) + 1
    estimates = []
    for name in names:
        chosen = levels == name
        effect, error = _marginal(fit, varying[chosen], fixed[chosen])
        low, high = effect - Z_95 * error, effect + Z_95 * error
        numbers = [100 * value for value in (effect, error, low, high)]
        estimates.append(
            Effect(
                variant,
                reference,
                regression.number,
                regression.says,
                str(name),
                int(chosen.sum()),
                questions,
                *numbers,
            )
        )
    if regression.length:
        slope, error = _marginal_of_length(fit, varying, fixed, tuned)
        ends = (slope - Z_95 * error, slope + Z_95 * error)
        numbers = [100 * value for value in (slope, error, *ends)]
        estimates.append(
            Effect(
                variant, reference, regression.number, "100 characters more", "length", len(rows), questions, *numbers
            )
        )
    return estimates


def _fixed(rows: pd.DataFrame) -> list[FloatArray]:
    """Return the columns of fixed effects: of the benchmark, and of the model if the rows have that column."""
    columns = []
    for name in ("benchmark", "model"):
        if name in rows:
            values = rows[name].astype(object).to_numpy()
            columns += [(values == level).astype(float) for level in sorted(set(values))[1:]]
    return columns


@dataclass(frozen=True)
class _Fitted:
    coefficients: FloatArray
    covariance: FloatArray


def _logit(wrong: FloatArray, design: FloatArray, clusters: IntArray) -> _Fitted | None:
    """Fit a logistic regression; return None if it has no finite solution, as with a level that is always wrong.

    Clustered errors are too small, down to 0, with few clusters. So the covariance is NaN with fewer than FEWEST
    clusters, and with no more clusters than coefficients.

    Args:
        wrong: 1.0 for a wrong answer; one value per row.
        design: rows x coefficients.
        clusters: each row's question.
    """
    import warnings

    from statsmodels.discrete.discrete_model import Logit
    from statsmodels.tools.sm_exceptions import ConvergenceWarning, PerfectSeparationError, PerfectSeparationWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            fit = Logit(wrong, design).fit(
                disp=False, maxiter=_ITERATIONS, cov_type="cluster", cov_kwds={"groups": clusters}
            )
        except (ConvergenceWarning, PerfectSeparationError, PerfectSeparationWarning, np.linalg.LinAlgError):
            return None
    if not np.isfinite(fit.bse).all():
        return None
    covariance = np.asarray(fit.cov_params())
    if len(np.unique(clusters)) < max(FEWEST, design.shape[1] + 1):
        covariance = np.full_like(covariance, np.nan)
    return _Fitted(np.asarray(fit.params), covariance)


def _marginal(fit: _Fitted | None, varying: FloatArray, fixed: FloatArray) -> tuple[float, float]:
    """Return the mean change of the probability as `tuned` goes from 0 to 1, and its delta-method standard error."""
    if fit is None:
        return float("nan"), float("nan")
    tuned, reference = np.concatenate([varying, fixed], axis=1), np.concatenate([0 * varying, fixed], axis=1)
    with_tuning, without = _probability(tuned @ fit.coefficients), _probability(reference @ fit.coefficients)
    gradient = (
        (with_tuning * (1 - with_tuning))[:, None] * tuned - (without * (1 - without))[:, None] * reference
    ).mean(axis=0)
    return float((with_tuning - without).mean()), _error(gradient, fit)


def _marginal_of_length(
    fit: _Fitted | None, varying: FloatArray, fixed: FloatArray, tuned: FloatArray
) -> tuple[float, float]:
    """Return the mean slope of the probability in the last column, and its delta-method standard error."""
    if fit is None:
        return float("nan"), float("nan")
    design = np.concatenate([tuned[:, None] * varying, fixed], axis=1)
    probability = _probability(design @ fit.coefficients)
    steep = probability * (1 - probability)
    slope = fit.coefficients[-1]
    gradient = ((steep * (1 - 2 * probability))[:, None] * design).mean(axis=0) * slope
    gradient[-1] += steep.mean()
    return float(steep.mean() * slope), _error(gradient, fit)


def _error(gradient: FloatArray, fit: _Fitted) -> float:
    """Return the delta-method standard error. Rounding may put a variance of 0 just below 0, so it is clipped."""
    return float(np.sqrt(np.maximum(gradient @ fit.covariance @ gradient, 0)))


def _probability(logit: FloatArray) -> FloatArray:
    from scipy.special import expit

    probability: FloatArray = expit(logit)
    return probability
