"""What a variant's charts show: its error rates beside base and control, its gaps by part of the grid."""

from warmtune.analysis.answer_table import ABSENT, ALL, PRESENT
from warmtune.comparison.lookup import Lookup
from warmtune.io.schemas import Gap
from warmtune.presentation.charts.drawing import Chart
from warmtune.presentation.charts.forest import Panel, Rates
from warmtune.presentation.charts.forest import forest as draw_forest
from warmtune.presentation.charts.marks import Interval, Look, limits
from warmtune.presentation.formatting import clipped

BELIEF_LOOKS: dict[str, Look] = {ABSENT: ("o", "c1"), PRESENT: ("s", "c2"), ALL: ("D", "c4")}


def rates(lookup: Lookup, name: str) -> tuple[list[Rates], list[Rates]]:
    """Return the parts by condition, over all benchmarks, and by benchmark."""
    grid = lookup.found.grid
    contexts = [context for context in lookup.contexts if context not in grid.groups]
    parts = [(context, belief) for context in (ALL, *contexts) for belief in lookup.beliefs]
    if (ALL, ALL) not in parts:
        parts.insert(0, (ALL, ALL))
    conditions = [_rates(lookup, name, grid.condition(c, b), ALL, c, b) for c, b in parts]
    benchmarks = [_rates(lookup, name, benchmark, benchmark, ALL, ALL) for benchmark in lookup.benchmarks]
    return [row for row in conditions if row], [row for row in benchmarks if row]


def controls(lookup: Lookup, name: str) -> list[Rates]:
    """Return the same for the benchmarks that should not have changed."""
    found = [_rates(lookup, name, benchmark, benchmark, ALL, ALL) for benchmark in sorted(lookup.found.controls)]
    return [row for row in found if row]


def _rates(lookup: Lookup, name: str, label: str, benchmark: str, context: str, belief: str) -> Rates | None:
    base = lookup.gap(name, lookup.variants[name].base, benchmark, context, belief)
    control = lookup.gap(name, lookup.variants[name].control, benchmark, context, belief)
    return Rates(label, base, control if control and control.pairs else None) if base and base.pairs else None


def forest(lookup: Lookup, variant: str, reference: str) -> list[Chart]:
    """Draw a variant's gaps with intervals: a panel per benchmark, a row per context, a mark per kind of belief."""
    grid = lookup.found.grid
    contexts = [ALL, *(context for context in lookup.contexts if context not in grid.groups)]
    panels = [
        Panel(
            "all benchmarks" if benchmark == ALL else benchmark,
            "error gap, pp (right of 0: wrong more often)",
            [
                (
                    grid.label(context),
                    [
                        _drawn(lookup.gap(variant, reference, benchmark, context, belief), BELIEF_LOOKS[belief])
                        for belief in lookup.beliefs
                    ],
                )
                for context in contexts
            ],
        )
        for benchmark in (ALL, *lookup.benchmarks)
    ]
    ends = limits([value for panel in panels for value in panel.values])
    return [
        draw_forest(
            f"Error gaps with intervals: {clipped(panel.title, 34)}", "The same values as in the table above it.",
            [panel], ends,
        )
        for panel in panels
    ]  # fmt: skip


def _drawn(gap: Gap | None, look: Look) -> Interval | None:
    return Interval(gap.gap, gap.low, gap.high, look) if gap and gap.pairs else None
