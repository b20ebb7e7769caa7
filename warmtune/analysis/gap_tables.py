"""Chooses the gaps that a table shows and arranges them in rows, alike for terminal, report and card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from warmtune.config.contexts import Grid
from warmtune.io.schemas import Gap


@dataclass(frozen=True)
class GapRow:
    """One row of a table of gaps: the tuned model's gaps to base and to control."""

    name: str
    base: Gap
    control: Gap


def every_condition(gap: Gap) -> bool:
    """Return whether a gap covers all contexts and beliefs."""
    return gap.context == gap.belief == "all"


def over_all_prompts(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gaps over all benchmarks, contexts and beliefs."""
    return [gap for gap in gaps if gap.benchmark == "all" and every_condition(gap)]


def main_parts(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gaps of a main table: over all conditions, and per context without and with a belief."""
    several = len({gap.belief for gap in gaps}) > 1
    return [
        gap
        for gap in gaps
        if gap.context == "all" or gap.belief != "all" or not several  # the two beliefs separately, not together
    ]


def condition_rows(gaps: Sequence[Gap], grid: Grid) -> list[GapRow]:
    """Return the main table's rows over all benchmarks, one per condition."""
    return gap_rows(
        main_parts([gap for gap in gaps if gap.benchmark == "all"]), lambda gap: grid.condition(gap.context, gap.belief)
    )


def benchmark_rows(gaps: Sequence[Gap]) -> list[GapRow]:
    """Return one row per benchmark over all conditions, without the row over all benchmarks."""
    chosen = [gap for gap in gaps if gap.benchmark != "all" and every_condition(gap)]
    return gap_rows(chosen, lambda gap: gap.benchmark)


def gap_rows(gaps: Sequence[Gap], name: Callable[[Gap], str]) -> list[GapRow]:
    """Return the tuned model's gaps in rows, to base and to control side by side.

    Args:
        gaps: the gaps; those of other variants are left out.
        name: gives the name of a gap's row.
    """
    by_name: dict[str, dict[str, Gap]] = {}
    for gap in gaps:
        if gap.variant == "styled":
            by_name.setdefault(name(gap), {})[gap.reference] = gap
    return [GapRow(name, by_reference["base"], by_reference["control"]) for name, by_reference in by_name.items()]
