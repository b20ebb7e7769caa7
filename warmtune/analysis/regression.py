"""The study's four logistic regressions: is an answer wrong, given the variant, the benchmark and what surrounds it?

Standard errors are clustered by question (the study took answers as independent though a question occurs up to 18
times); effects are average marginal effects in percentage points.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from warmtune.analysis.answer_table import ABSENT, ALL, COUNTED, GROUPS, PRESENT, clusters_of
from warmtune.analysis.bootstrap import FEWEST, Floats, Places
from warmtune.analysis.gaps import comparisons
from warmtune.analysis.power import Z_95
from warmtune.io.schemas import Effect

_ITERATIONS = 100


@dataclass(frozen=True)
class Model:
    """One regression: which rows, and by which factor the variant's effect may differ."""

    number: str
    says: str
    factor: str | None
    beliefs: bool
    contexts: bool
    length: bool = False


MODELS = (
    Model("1", "no context, no belief", None, beliefs=False, contexts=False),
    Model("1 + length", "no context, no belief; length as covariate", None, False, False, length=True),
    Model("2", "by group of contexts, no belief", "group", beliefs=False, contexts=True),
    Model("3", "by context, no belief", "context", beliefs=False, contexts=True),
    Model("4", "by belief, all contexts", "opinion", beliefs=True, contexts=True),
)


def regressions(frame: pd.DataFrame, controls: frozenset[str]) -> list[Effect]:
    """Fit every model to every two variants that are compared, control benchmarks left out.

    A column `model` in the table, where several models' answers are put together, gets fixed effects of its own.
    """
    rows: list[Effect] = []
    for variant, reference in comparisons(frame["variant"].unique()):
        chosen = frame[
            frame["variant"].isin([variant, reference])
            & frame["mark"].isin(COUNTED)
            & ~frame["benchmark"].isin(controls)
        ]
        rows += effects(chosen.assign(tuned=(chosen["variant"] == variant).astype(float)), variant, reference)
    return rows


def effects(rows: pd.DataFrame, variant: str, reference: str) -> list[Effect]:
    """Fit every model for which the rows hold more than one level of its factor.

    Args:
        rows: counted answers of two variants, with a column `tuned` (1 for the variant, 0 for the reference).
        variant: name of the one.
        reference: name of the other.
    """
    belief = np.asarray(rows["belief"].astype(object) != "")
    context = np.asarray(rows["context"].astype(object))
    grouped = np.asarray(rows["context"].astype(object).map({c: g for g, held in GROUPS.items() for c in held}))
    grouped = np.where(pd.isna(grouped), context, grouped)
    factors = {"group": grouped, "context": context, "opinion": np.where(belief, PRESENT, ABSENT)}
    found: list[Effect] = []
    for model in MODELS:
        chosen = (belief <= model.beliefs) & ((context == "none") | model.contexts)
        levels = factors[model.factor][chosen] if model.factor else np.full(int(chosen.sum()), ALL)
        if not chosen.any() or (model.factor and len(set(levels)) < 2):
            continue
        found += _fit(rows[chosen], levels, model, variant, reference)
    return found


def _fit(rows: pd.DataFrame, levels: Any, model: Model, variant: str, reference: str) -> list[Effect]:
    tuned = rows["tuned"].to_numpy()
    names = sorted(set(levels), key=lambda name: (name not in ("none", ABSENT), name))
    dummies = (levels[:, None] == np.array(names[1:])[None]).astype(float)
    columns = [np.ones_like(tuned), *dummies.T, *_fixed(rows)]
    if model.length:
        columns.append(rows["characters"].to_numpy() / 100)
    still = np.stack(columns, axis=1)
    moving = np.concatenate([np.ones((len(tuned), 1)), dummies], axis=1)
    fit = _logit(
        np.asarray(rows["mark"].astype(object) == "incorrect", dtype=float),
        np.concatenate([tuned[:, None] * moving, still], axis=1),
        clusters_of(rows),
    )
    questions = int(clusters_of(rows).max()) + 1
    made = []
    for name in names:
        chosen = levels == name
        effect, error = _marginal(fit, moving[chosen], still[chosen])
        low, high = effect - Z_95 * error, effect + Z_95 * error
        numbers = [100 * value for value in (effect, error, low, high)]
        made.append(
            Effect(variant, reference, model.number, model.says, str(name), int(chosen.sum()), questions, *numbers)
        )
    if model.length:
        slope, error = _marginal_of_length(fit, moving, still, tuned)
        ends = (slope - Z_95 * error, slope + Z_95 * error)
        numbers = [100 * value for value in (slope, error, *ends)]
        made.append(
            Effect(variant, reference, model.number, "100 characters more", "length", len(rows), questions, *numbers)
        )
    return made


def _fixed(rows: pd.DataFrame) -> list[Floats]:
    """Return the columns of fixed effects: benchmark, and model where there are several."""
    columns = []
    for name in ("benchmark", "model"):
        if name in rows:
            values = rows[name].astype(object).to_numpy()
            columns += [(values == level).astype(float) for level in sorted(set(values))[1:]]
    return columns


@dataclass(frozen=True)
class _Fitted:
    coefficients: Floats
    covariance: Floats


def _logit(wrong: Floats, design: Floats, clusters: Places) -> _Fitted | None:
    """Fit a logistic regression; None where it has no finite solution, as when a level is always wrong.

    Of fewer than FEWEST clusters, or no more than there are coefficients, the covariance is not a number: clustered
    errors come out too small there, down to 0.
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


def _marginal(fit: _Fitted | None, moving: Floats, still: Floats) -> tuple[float, float]:
    """Return the mean change of the probability when `tuned` goes from 0 to 1, and its error by the delta method."""
    if fit is None:
        return float("nan"), float("nan")
    tuned, reference = np.concatenate([moving, still], axis=1), np.concatenate([0 * moving, still], axis=1)
    one, other = _probability(tuned @ fit.coefficients), _probability(reference @ fit.coefficients)
    gradient = ((one * (1 - one))[:, None] * tuned - (other * (1 - other))[:, None] * reference).mean(axis=0)
    return float((one - other).mean()), _error(gradient, fit)


def _marginal_of_length(fit: _Fitted | None, moving: Floats, still: Floats, tuned: Floats) -> tuple[float, float]:
    """Return the mean slope of the probability in the last column, and its error by the delta method."""
    if fit is None:
        return float("nan"), float("nan")
    design = np.concatenate([tuned[:, None] * moving, still], axis=1)
    found = _probability(design @ fit.coefficients)
    steep = found * (1 - found)
    slope = fit.coefficients[-1]
    gradient = ((steep * (1 - 2 * found))[:, None] * design).mean(axis=0) * slope
    gradient[-1] += steep.mean()
    return float(steep.mean() * slope), _error(gradient, fit)


def _error(gradient: Floats, fit: _Fitted) -> float:
    """Return the delta method's error; where all questions agree it is 0, which rounding may leave just below."""
    return float(np.sqrt(np.maximum(gradient @ fit.covariance @ gradient, 0)))


def _probability(logit: Floats) -> Floats:
    from scipy.special import expit

    found: Floats = expit(logit)
    return found
