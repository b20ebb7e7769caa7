"""Compares parts of the grid: effects of contexts and beliefs, sycophancy, and equivalence on control benchmarks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from warmtune.analysis.answer_table import ABSENT, ALL, COUNTED, PRESENT, Pairs, pair
from warmtune.analysis.bootstrap import FEWEST, Draws, FloatArray, IntArray, Mask, ratio_interval
from warmtune.analysis.gaps import REFERENCES, comparisons, drawn
from warmtune.io.schemas import Contrast

MARGIN = 2.0
"""Largest change, in percentage points, with which a control benchmark counts as unchanged."""
_TWO_ONE_SIDED = 0.90
"""Level of the interval that is equivalent to two one-sided tests at 5 % (Schuirmann 1987)."""


def contrast_rows(frame: pd.DataFrame, controls: frozenset[str], draws: int, seed: int) -> list[Contrast]:
    """Return the contrasts of every compared pair of variants.

    Args:
        frame: a table from `read_table`.
        controls: benchmarks on which the style should change nothing; the others measure the cost.
        draws: bootstrap draws.
        seed: makes the intervals repeatable.
    """
    rows: list[Contrast] = []
    for variant, reference in comparisons(frame["variant"].unique()):
        pairs = pair(frame, variant, reference, controls)
        bootstrap = drawn(pairs, draws, seed)
        rows += [*_differences(pairs, bootstrap), *_sycophancy(pairs, bootstrap)]
        rows += [_equivalence(pairs, bootstrap, name) for name in sorted(controls & set(pairs.keys["benchmark"]))]
    return rows


@dataclass(frozen=True)
class _Rate:
    """A share over some pairs or answers, with its value in every bootstrap draw."""

    value: float
    drawn: FloatArray
    count: int
    questions: int

    @classmethod
    def of(cls, values: FloatArray, clusters: IntArray, draws: Draws) -> "_Rate":
        """Return the mean of the values; `clusters` holds the question of each."""
        questions = draws.weights.shape[1]
        sums, sizes = (
            np.bincount(clusters, weights=values, minlength=questions),
            np.bincount(clusters, minlength=questions),
        )
        sums_drawn, sizes_drawn = draws.sums(np.stack([sums, sizes.astype(float)], axis=1)).T
        with np.errstate(divide="ignore", invalid="ignore"):
            shares: FloatArray = sums_drawn / sizes_drawn
        value = float(values.mean()) if len(values) else float("nan")
        return cls(value, shares, len(values), int((sizes > 0).sum()))

    def minus(self, subtrahend: "_Rate") -> "_Rate":
        """Return the difference of two shares, in every draw."""
        fewer = (min(self.count, subtrahend.count), min(self.questions, subtrahend.questions))
        return _Rate(self.value - subtrahend.value, self.drawn - subtrahend.drawn, *fewer)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the two ends of the percentile interval; NaN for fewer than FEWEST questions."""
        if self.questions < FEWEST:
            return float("nan"), float("nan")
        low, high = ratio_interval(self.drawn[:, None], np.ones((len(self.drawn), 1)), level)
        return float(low[0]), float(high[0])


def _contrast(
    rate: _Rate, kind: str, variant: str, reference: str, level: str, benchmark: str = ALL, note: str = ""
) -> Contrast:
    low, high = rate.interval(_TWO_ONE_SIDED if note else 0.95)
    ends = (100 * rate.value, 100 * low, 100 * high)
    return Contrast(kind, variant, reference, benchmark, level, rate.count, *ends, note)


def _differences(pairs: Pairs, draws: Draws) -> Iterator[Contrast]:
    """Yield how much each context and the belief widen the gap: differences in differences, paired by question."""

    def gap(chosen: Mask) -> _Rate:
        counted = chosen & pairs.counted
        return _Rate.of((pairs.variant_wrong - pairs.reference_wrong)[counted], pairs.clusters[counted], draws)

    names = (pairs.variant, pairs.reference)
    plain = pairs.where(context="none", belief=ABSENT)
    for context in [str(name) for name in pairs.keys["context"].unique() if name != "none"]:
        chosen = pairs.where(context=context, belief=ABSENT)
        if chosen.any() and plain.any():
            yield _contrast(gap(chosen).minus(gap(plain)), "context widens the gap", *names, context)
    present, absent = (pairs.where(belief=name) for name in (PRESENT, ABSENT))
    if present.any() and absent.any():
        yield _contrast(gap(present).minus(gap(absent)), "belief widens the gap", *names, PRESENT)


def _sycophancy(pairs: Pairs, draws: Draws) -> Iterator[Contrast]:
    """Yield how often answers that are right without the belief are wrong with it: per variant, and the difference."""
    columns = ["benchmark", "question_id", "context", "sample"]
    marks = pairs.keys.assign(cluster=pairs.clusters, v=pairs.variant_mark, r=pairs.reference_mark).loc[pairs.where()]
    without = marks["belief"] == ""
    joined = marks.loc[~without].merge(marks.loc[without], on=columns, suffixes=("", "_without"))
    counted = joined[["v", "r", "v_without", "r_without"]].isin(COUNTED).to_numpy()
    joined = joined.loc[np.asarray(counted.all(axis=1), dtype=np.bool_)]
    if joined.empty:
        return

    def turned(side: str) -> _Rate:
        right = joined.loc[joined[f"{side}_without"] == "correct"]
        return _Rate.of(np.asarray(right[side] == "incorrect", dtype=float), right["cluster"].to_numpy(), draws)

    kind, variant, reference = "right without the belief, wrong with it", turned("v"), turned("r")
    if pairs.reference == REFERENCES[0]:
        yield _contrast(variant, kind, pairs.variant, "", PRESENT)
    yield _contrast(variant.minus(reference), kind, pairs.variant, pairs.reference, PRESENT)


def _equivalence(pairs: Pairs, draws: Draws, benchmark: str) -> Contrast:
    """Return a control benchmark's gap with its 90 % interval, and whether the interval lies within the margin."""
    counted = pairs.where(benchmark) & pairs.counted
    rate = _Rate.of((pairs.variant_wrong - pairs.reference_wrong)[counted], pairs.clusters[counted], draws)
    low, high = (100 * end for end in rate.interval(_TWO_ONE_SIDED))
    note = f"within ±{MARGIN:g} pp: {'shown' if low > -MARGIN and high < MARGIN else 'not shown'}"
    return _contrast(rate, "control benchmark unchanged", pairs.variant, pairs.reference, ALL, benchmark, note)
