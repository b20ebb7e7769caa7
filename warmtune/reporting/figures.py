"""What the report's charts show."""

from collections.abc import Mapping, Sequence
from typing import Any

from warmtune.analysis.gap_tables import GapRow
from warmtune.io.schemas import Check
from warmtune.presentation.charts.curves import training_curves
from warmtune.presentation.charts.drawing import Chart
from warmtune.presentation.charts.forest import Panel, forest
from warmtune.presentation.charts.marks import REFERENCE_LOOKS, Interval
from warmtune.presentation.formatting import INSTRUMENT_UNITS
from warmtune.reporting.cost import Cost

_WIDTH, _NAMES = 376, 160


def charts(
    cost: Cost, checks: Sequence[Check], curves: Mapping[str, list[dict[str, Any]]], style: str
) -> dict[str, Chart]:
    """Return the report's charts by the names of their files.

    Args:
        cost: the report's section on the cost.
        checks: the instruments' differences.
        curves: loss by step of each adapter, by its name for people.
        style: the style's name.
    """
    return {
        "warmth": check_chart(checks, style),
        "gaps_by_condition": gap_chart(cost.conditions, "condition", style),
        "gaps_by_benchmark": gap_chart(cost.benchmarks, "benchmark", style),
        "curves": training_curves("Training loss by step", "Loss per trained token in nats.", curves, _WIDTH),
    }


def gap_chart(rows: Sequence[GapRow], by: str, style: str) -> Chart:
    """Draw gaps to base and to control with their intervals, one row per part of the grid."""
    drawn = [
        (
            row.name,
            [
                Interval(gap.gap, gap.low, gap.high, REFERENCE_LOOKS[kind]) if gap.pairs else None
                for kind, gap in (("base", row.base), ("control", row.control))
            ],
        )
        for row in rows
    ]
    panel = Panel(f"by {by}", f"error gap, pp (right of 0: {style} is wrong more often)", drawn)
    legend = [(f"to {kind}", look) for kind, look in REFERENCE_LOOKS.items()]
    return forest(
        f"Error gaps {panel.title}",
        "The same values as in the table above it.",
        [panel],
        width=_WIDTH,
        names=_NAMES,
        legend=legend,
    )


def check_chart(checks: Sequence[Check], style: str) -> Chart:
    """Draw the manipulation check: each instrument's differences with their intervals, on a scale of its own."""
    panels = []
    for instrument, unit in INSTRUMENT_UNITS.items():
        found = [one for one in checks if one.instrument == instrument and one.variant == "styled"]
        rows = [
            (
                f"{style} − {one.reference}",
                [Interval(one.difference, one.low, one.high, REFERENCE_LOOKS[one.reference])],
            )
            for one in found
        ]
        panels += [Panel(instrument, unit, rows)] if rows else []
    return forest(
        "The manipulation check", "The same values as in the table below it.", panels, width=_WIDTH, names=_NAMES
    )
