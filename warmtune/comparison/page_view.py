"""Chooses what the templates of the page and of the Markdown show."""

from collections.abc import Sequence
from dataclasses import dataclass

from warmtune.analysis.answer_table import GROUPS
from warmtune.comparison.comparison_data import ComparedVariant, FrontierPoint, SettingDifference
from warmtune.comparison.frontier import frontier
from warmtune.comparison.heatmap import HeatMap, heat
from warmtune.comparison.lookup import Lookup
from warmtune.comparison.page_wording import context_name
from warmtune.comparison.panels import controls, forest, rates
from warmtune.io.schemas import Check, Gap
from warmtune.measures import style_probe
from warmtune.presentation.charts.drawing import NARROW, WIDE, Chart
from warmtune.presentation.charts.forest import Rates, dumbbell, strip, strip_axis
from warmtune.presentation.charts.marks import REFERENCE_LOOKS, Interval, limits
from warmtune.presentation.formatting import clipped


@dataclass(frozen=True)
class Against:
    """One variant against its base or its control, over all prompts."""

    kind: str
    probe: Check | None
    gap: Gap
    strip: Chart


@dataclass(frozen=True)
class VariantRow:
    """One variant in the first table."""

    variant: ComparedVariant
    error: float
    """Percent of wrong answers."""
    against: list[Against]


@dataclass(frozen=True)
class VariantTable:
    """The first table."""

    rows: list[VariantRow]
    axis: Chart
    """Of the small charts in it."""


@dataclass(frozen=True)
class CheckRow:
    """One variant's differences to one reference, one per instrument."""

    variant: str
    kind: str
    checks: list[Check | None]
    n: int
    needed: int | None
    """How many replies SocioT would need to show the study's lift; None if it was not measured."""


@dataclass(frozen=True)
class CheckTable:
    """The manipulation check."""

    instruments: list[str]
    rows: list[CheckRow]


@dataclass(frozen=True)
class FrontierView:
    """Warmth against error, as differences to one kind of reference."""

    kind: str
    points: list[FrontierPoint]
    wide: Chart
    narrow: Chart
    left_out: int
    """How many names found no room in the wide chart."""


@dataclass(frozen=True)
class GridView:
    """A variant against one reference in every part of the grid."""

    kind: str
    reference: str
    heat: HeatMap
    forest: list[Chart]


@dataclass(frozen=True)
class VariantDetail:
    """Everything about one variant's errors."""

    index: int
    variant: ComparedVariant
    short: str
    dumbbell: Chart
    conditions: list[Rates]
    benchmarks: list[Rates]
    controls: list[Rates]
    grids: list[GridView]
    """Against the base, then against the control where there is one."""


def summary(lookup: Lookup) -> VariantTable:
    """Return the first table, base first."""
    gaps = [gap for one in lookup.compared for _, gap in _whole(lookup, one)]
    ends = limits([value for gap in gaps for value in (gap.gap, gap.low, gap.high)])
    rows = []
    for one in lookup.found.variants:
        against = [
            Against(kind, lookup.check(style_probe.INSTRUMENT, one.name, gap.reference), gap, _strip(kind, gap, ends))
            for kind, gap in _whole(lookup, one)
        ]
        rows.append(VariantRow(one, _error(lookup, one, against), against))
    return VariantTable(rows, strip_axis("", "", ends))


def _strip(kind: str, gap: Gap, ends: tuple[float, float]) -> Chart:
    return strip("", "", Interval(gap.gap, gap.low, gap.high, REFERENCE_LOOKS[kind]), ends)


def _whole(lookup: Lookup, one: ComparedVariant) -> list[tuple[str, Gap]]:
    pairs = [(kind, lookup.gap(one.name, reference)) for kind, reference in lookup.references(one.name)]
    return [(kind, gap) for kind, gap in pairs if gap]


def _error(lookup: Lookup, one: ComparedVariant, against: Sequence[Against]) -> float:
    """Return the error rate on the pairs of a gap; for a base, on the pairs of the first variant to it."""
    if against:
        return against[0].gap.variant_error
    firsts = [gap for other in lookup.compared if (gap := lookup.gap(other.name, one.name))]
    return firsts[0].reference_error if firsts else float("nan")


def check_table(lookup: Lookup) -> CheckTable:
    """Return the instruments' differences, without the parts of the lexical profile."""
    instruments = [name for name in dict.fromkeys(c.instrument for c in lookup.found.checks) if ":" not in name]
    rows = []
    for one in lookup.found.variants:
        for kind, reference in (("base", one.base), ("control", one.control)):
            checks = [lookup.check(instrument, one.name, reference) for instrument in instruments]
            known = [check for check in checks if check]
            needed = next((check.needed for check in known if check.needed), None)
            if known:
                rows.append(CheckRow(one.name, kind, checks, max(check.n for check in known), needed))
    return CheckTable(instruments, rows)


def frontiers(lookup: Lookup) -> list[FrontierView]:
    """Return the planes of warmth and error: to the base, and to each variant's control."""
    found = []
    for kind in ("base", "control"):
        points = lookup.points(kind)
        if points:
            wide, left_out = frontier(lookup, kind, WIDE)
            narrow, _ = frontier(lookup, kind, NARROW)
            found.append(FrontierView(kind, points, wide, narrow, left_out))
    return found


def details(lookup: Lookup, strongest: float) -> list[VariantDetail]:
    """Return every compared variant in detail.

    Args:
        lookup: the comparison.
        strongest: gap in pp of the heat map's strongest shade.
    """
    return [_detail(lookup, one, place, strongest) for place, one in enumerate(lookup.compared)]


def _detail(lookup: Lookup, one: ComparedVariant, place: int, strongest: float) -> VariantDetail:
    conditions, benchmarks = rates(lookup, one.name)
    control = any(row.control for row in (*conditions, *benchmarks))
    grids = [
        GridView(
            kind,
            reference,
            heat(lookup, one.name, reference, strongest),
            forest(lookup, one.name, reference),
        )
        for kind, reference in lookup.references(one.name)
    ]
    return VariantDetail(
        place,
        one,
        clipped(one.name, 30),
        dumbbell(
            f"Error rates of base, {'control, ' if control else ''}{clipped(one.name, 60)}",
            "One row per part of the grid; the numbers beside it are the gaps in percentage points with intervals.",
            (("by condition", conditions), ("by benchmark", benchmarks)),
            control,
        ),
        conditions,
        benchmarks,
        controls(lookup, one.name),
        grids,
    )


def first_shown(lookup: Lookup, found: Sequence[VariantDetail]) -> VariantDetail:
    """Return the variant that the page opens with: of those whose check holds the one with most of its style."""

    def rank(one: VariantDetail) -> tuple[bool, bool, float]:
        check = lookup.probe(one.variant.name)
        return (
            one.variant not in lookup.tested,
            bool(lookup.failed(one.variant.name)),
            -check.difference if check else 0.0,
        )

    return min(found, key=rank)


def filter_options(lookup: Lookup) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the explorer's benchmarks and contexts: value and name of each."""
    answers = lookup.found.answers
    benchmarks = [(name, name) for name in dict.fromkeys(answers["benchmark"].astype(str))]
    if lookup.found.controls:
        benchmarks.insert(0, ("all", "all in the gaps"))
    contexts = list(dict.fromkeys(answers["context"].astype(str)))
    contexts += [name for name, held in GROUPS.items() if len(set(held) & set(contexts)) > 1]
    return benchmarks, [(name, context_name(name)) for name in contexts]


def by_value(runs: Sequence[str], one: SettingDifference) -> list[tuple[str, list[str]]]:
    """Return a setting's values, each with the runs that have it."""
    values: dict[str, list[str]] = {}
    for run, value in zip(runs, one.values, strict=True):
        values.setdefault(value, []).append(run)
    return list(values.items())
