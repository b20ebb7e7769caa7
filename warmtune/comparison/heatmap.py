"""The heat map: a variant's gaps by context, benchmark and belief, in a scale shared by all variants."""

from dataclasses import dataclass
from math import ceil

from warmtune.analysis.answer_table import ALL
from warmtune.comparison.lookup import Lookup
from warmtune.io.schemas import Gap

STEPS = 5
"""Number of shades on each side of 0."""


@dataclass(frozen=True)
class HeatCell:
    """A part of the grid."""

    gap: Gap | None
    """None if there are no such prompts."""
    tint: str
    """CSS class: `p1` to `p5` above 0, `n1` to `n5` below, empty near 0."""


@dataclass(frozen=True)
class HeatRow:
    """A context, or a group of contexts."""

    context: str
    group: bool
    cells: list[HeatCell]


@dataclass(frozen=True)
class HeatMap:
    """Rows are contexts; columns benchmarks, each without and with a belief."""

    benchmarks: list[str]
    beliefs: list[str]
    rows: list[HeatRow]


def limit(lookup: Lookup) -> float:
    """Return the gap in pp at which the strongest shade begins: 95 % of the gaps are smaller."""
    sizes = sorted(abs(gap.gap) for gap in lookup.found.gaps if gap.pairs)
    return max(1.0, float(ceil(sizes[int(0.95 * (len(sizes) - 1))]))) if sizes else 1.0


def heat(lookup: Lookup, variant: str, reference: str, strongest: float) -> HeatMap:
    """Return the heat map of one variant against one reference."""
    benchmarks = [ALL, *lookup.benchmarks]
    rows = []
    for context in (ALL, *lookup.contexts):
        gaps = [
            lookup.gap(variant, reference, benchmark, context, belief)
            for benchmark in benchmarks
            for belief in lookup.beliefs
        ]
        cells = [HeatCell(gap, _tint(gap, strongest)) if gap and gap.pairs else HeatCell(None, "") for gap in gaps]
        rows.append(HeatRow(context, context in lookup.found.grid.groups, cells))
    return HeatMap(benchmarks, lookup.beliefs, rows)


def _tint(gap: Gap, strongest: float) -> str:
    step = min(STEPS, ceil(STEPS * abs(gap.gap) / strongest - 0.25))
    return f"{'p' if gap.gap > 0 else 'n'}{step}" if step > 0 else ""
