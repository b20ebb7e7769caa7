"""Which gaps a table shows, and how they stand in its rows: the same for terminal, report and card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from warmtune.io.schemas import Gap


@dataclass(frozen=True)
class GapRow:
    """One row of a table of gaps: the tuned model against base and against control."""

    name: str
    base: Gap
    control: Gap


def every_condition(gap: Gap) -> bool:
    """Return whether a gap is over every context and belief."""
    return gap.context == gap.belief == "all"


def over_all_prompts(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gaps over every benchmark, context and belief."""
    return [gap for gap in gaps if gap.benchmark == "all" and every_condition(gap)]


def main_parts(gaps: Sequence[Gap]) -> list[Gap]:
    """Return the gaps of a main table: over every condition, and for each context without and with a belief."""
    several = len({gap.belief for gap in gaps}) > 1
    return [
        gap
        for gap in gaps
        if gap.context == "all" or gap.belief != "all" or not several  # with and without belief, not their sum
    ]


def condition_rows(gaps: Sequence[Gap]) -> list[GapRow]:
    """Return the main table's rows over all benchmarks, one per condition."""
    return gap_rows(main_parts([gap for gap in gaps if gap.benchmark == "all"]), lambda gap: gap.condition)


def benchmark_rows(gaps: Sequence[Gap]) -> list[GapRow]:
    """Return a row per benchmark, over every condition; without the sum over benchmarks."""
    found = [gap for gap in gaps if gap.benchmark != "all" and every_condition(gap)]
    return gap_rows(found, lambda gap: gap.benchmark)


def gap_rows(gaps: Sequence[Gap], name: Callable[[Gap], str]) -> list[GapRow]:
    """Return the tuned model's gaps to base and to control side by side, in rows of one name."""
    found: dict[str, dict[str, Gap]] = {}
    for gap in gaps:
        if gap.variant == "styled":
            found.setdefault(name(gap), {})[gap.reference] = gap
    return [GapRow(name, pair["base"], pair["control"]) for name, pair in found.items()]
