"""Error gaps: how much more often one variant is wrong than another on the same prompts.

A pair is one prompt with the answers of both variants. Pairs with a refusal or an undecided answer are counted, and
left out of the error rates, as the study does with refusals.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from warmtune.analysis.answer_table import ABSENT, ALL, PRESENT, Groups, Pairs, pair
from warmtune.analysis.bootstrap import FEWEST, Draws, FloatArray, Mask, ratio_interval
from warmtune.analysis.significance import adjusted, clustered_p, cohens_g, mcnemar, odds_ratio
from warmtune.io.schemas import Gap

REFERENCES = ("base", "control")
"""The variants that others are compared with. Only the gap to `control` can be ascribed to the style."""


def comparisons(variants: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs to compare, as (variant, reference): each with base and control, and control with base.

    >>> comparisons(["base", "control", "styled"])
    [('styled', 'base'), ('styled', 'control'), ('control', 'base')]
    """
    names = list(variants)
    others = [name for name in names if name not in REFERENCES]
    return [
        (variant, reference)
        for variant in [*others, "control"]
        for reference in REFERENCES
        if variant in names and reference in names and variant != reference
    ]


@dataclass(frozen=True)
class Cell:
    """A part of the grid. Each field may be `all`; `context` may name a group; `belief` is `absent` or `present`."""

    benchmark: str
    context: str
    belief: str


def cells(keys: pd.DataFrame, groups: Groups) -> list[Cell]:
    """Return every part of the grid for which there are prompts, whole first."""
    benchmarks = [ALL, *keys["benchmark"].drop_duplicates().astype(str)]
    contexts = list(keys["context"].drop_duplicates().astype(str))
    pooled = [name for name, held in groups.items() if len(set(held) & set(contexts)) > 1]
    beliefs = [ALL] if keys["belief"].nunique() < 2 else [ALL, ABSENT, PRESENT]
    return [Cell(*names) for names in product(benchmarks, [ALL, *contexts, *pooled], beliefs)]


def gap_rows(frame: pd.DataFrame, controls: frozenset[str], groups: Groups, draws: int, seed: int) -> list[Gap]:
    """Return the gaps of every two variants that are compared, in every part of the grid.

    Args:
        frame: see `analysis.table`.
        controls: benchmarks that should not have changed; they stay out of the gaps over all.
        groups: contexts over which gaps are also pooled.
        draws: bootstrap draws.
        seed: makes the intervals repeatable.

    Raises:
        DataError: two variants were not asked the same prompts.
    """
    rows: list[Gap] = []
    for variant, reference in comparisons(frame["variant"].unique()):
        found = pair(frame, variant, reference, controls, groups)
        rows += gaps_of(found, drawn(found, draws, seed))
    return rows


def drawn(pairs: Pairs, draws: int, seed: int) -> Draws:
    """Return bootstrap draws of the questions of some pairs."""
    return Draws.of(int(pairs.clusters.max()) + 1, draws, seed)


def gaps_of(pairs: Pairs, draws: Draws) -> list[Gap]:
    """Return the gaps of one comparison, whole first, with the false discovery rate over its smallest parts."""
    parts = [(cell, pairs.where(cell.benchmark, cell.context, cell.belief)) for cell in cells(pairs.keys, pairs.groups)]
    parts = [(cell, chosen) for cell, chosen in parts if chosen.any()]
    used = [chosen & pairs.counted for _, chosen in parts]
    variant, reference, count = (
        np.stack([_per_question(pairs, values, chosen) for chosen in used], axis=1)
        for values in (pairs.variant_wrong, pairs.reference_wrong, np.ones(len(pairs.keys)))
    )
    tops, bottoms, below = (draws.sums(totals) for totals in (variant - reference, count, reference))
    intervals = ratio_interval(tops, bottoms)
    relative = ratio_interval(tops, below)
    rows = [
        _gap(pairs, cell, chosen, counted, tuple(float(ends[index]) for ends in (*intervals, *relative)))
        for index, ((cell, chosen), counted) in enumerate(zip(parts, used, strict=True))
    ]
    return adjusted(rows, pairs.groups)


def _per_question(pairs: Pairs, values: FloatArray, chosen: Mask) -> FloatArray:
    questions = int(pairs.clusters.max()) + 1
    return np.bincount(pairs.clusters[chosen], weights=values[chosen], minlength=questions).astype(float)


def _gap(pairs: Pairs, cell: Cell, chosen: Mask, counted: Mask, ends: Sequence[float]) -> Gap:
    variant, reference = pairs.variant_wrong[counted], pairs.reference_wrong[counted]
    difference = variant - reference
    worse, better = int((difference > 0).sum()), int((difference < 0).sum())
    total = int(counted.sum())
    questions = len(np.unique(pairs.clusters[counted]))
    low, high, relative_low, relative_high = ends if questions >= FEWEST else [float("nan")] * 4
    gap = float(difference.mean()) if total else float("nan")
    base = float(reference.mean()) if total else float("nan")
    refused = int((pairs.refused & chosen).sum())
    return Gap(
        variant=pairs.variant,
        reference=pairs.reference,
        benchmark=cell.benchmark,
        context=cell.context,
        belief=cell.belief,
        questions=questions,
        pairs=total,
        refused=refused,
        undecided=int(chosen.sum()) - total - refused,
        reference_error=100 * base,
        variant_error=100 * float(variant.mean()) if total else float("nan"),
        gap=100 * gap,
        low=100 * low,
        high=100 * high,
        p=clustered_p(difference, pairs.clusters[counted], mcnemar(worse, better))
        if questions >= FEWEST
        else float("nan"),
        worse=worse,
        better=better,
        p_mcnemar=mcnemar(worse, better),
        q=float("nan"),
        cohens_g=cohens_g(worse, better),
        odds_ratio=odds_ratio(worse, better),
        relative=100 * gap / base if base else float("nan"),
        relative_low=100 * relative_low if base else float("nan"),
        relative_high=100 * relative_high if base else float("nan"),
    )
