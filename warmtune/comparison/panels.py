"""Charts of one variant: its error rates beside base and control, its gaps with intervals by part of the grid."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from warmtune.analysis.answer_table import ABSENT, ALL, GROUPS, PRESENT
from warmtune.comparison.lookup import Lookup
from warmtune.comparison.page_wording import belief_name, context_name
from warmtune.comparison.svg import Drawing, Scale, Shape, axis_number, short, spanning
from warmtune.io.schemas import Gap, condition
from warmtune.presentation.formatting import estimate, includes_zero

BELIEF_LOOKS: dict[str, tuple[Shape, str]] = {
    ABSENT: ("circle", "c1"),
    PRESENT: ("square", "c2"),
    ALL: ("diamond", "c4"),
}
REFERENCE_LOOKS: dict[str, tuple[Shape, str]] = {"base": ("circle", "c1"), "control": ("square", "c2")}
_ROW = 21
_LABEL = 128
_WIDTH = 360


@dataclass(frozen=True)
class Rates:
    """One part of the grid: error rates of a variant and of what it is compared with, by way of its gaps."""

    label: str
    base: Gap
    control: Gap | None
    """Nothing where there is no control."""


def rates(lookup: Lookup, name: str) -> tuple[list[Rates], list[Rates]]:
    """Return the parts by condition, over all benchmarks, and by benchmark."""
    contexts = [context for context in lookup.contexts if context not in GROUPS]
    parts = [(context, belief) for context in (ALL, *contexts) for belief in lookup.beliefs]
    if (ALL, ALL) not in parts:
        parts.insert(0, (ALL, ALL))
    conditions = [_rates(lookup, name, _condition(c, b), ALL, c, b) for c, b in parts]
    benchmarks = [_rates(lookup, name, benchmark, benchmark, ALL, ALL) for benchmark in lookup.benchmarks]
    return [row for row in conditions if row], [row for row in benchmarks if row]


def controls(lookup: Lookup, name: str) -> list[Rates]:
    """Return the same for the benchmarks that should not have changed."""
    found = [_rates(lookup, name, benchmark, benchmark, ALL, ALL) for benchmark in sorted(lookup.found.controls)]
    return [row for row in found if row]


def _condition(context: str, belief: str) -> str:
    try:
        return condition(context, belief)
    except KeyError:  # a context of the user's own
        return ", ".join([context, *([belief_name(belief)] if belief != ALL else [])])


def _rates(lookup: Lookup, name: str, label: str, benchmark: str, context: str, belief: str) -> Rates | None:
    base = lookup.gap(name, lookup.entrants[name].base, benchmark, context, belief)
    control = lookup.gap(name, lookup.entrants[name].control, benchmark, context, belief)
    return Rates(label, base, control if control and control.pairs else None) if base and base.pairs else None


def dumbbell(lookup: Lookup, entrant: str, name: str) -> Markup:
    """Draw base → control → variant: error rates by condition and by benchmark, with the gaps beside them."""
    groups = [
        (title, rows) for title, rows in zip(("by condition", "by benchmark"), rates(lookup, entrant), strict=True)
    ]
    count = sum(len(rows) + 1 for _, rows in groups if rows)
    has_control = any(row.control for _, rows in groups for row in rows)
    width, height = (732 if has_control else 592), 22 + _ROW * count + 44
    drawing = Drawing(
        width, height, name, f"Error rates of base, {'control, ' if has_control else ''}{short(entrant, 60)}",
        "One row a part of the grid; the numbers beside it, the gaps in percentage points with intervals.",
    )  # fmt: skip
    shown = [v for _, rows in groups for row in rows for v in (row.base.reference_error, row.base.variant_error)]
    shown += [row.control.reference_error for _, rows in groups for row in rows if row.control]
    scale = Scale(0, min(100.0, 1.08 * max([*shown, 5.0])), 216, 446)
    for x, text in ((462, "gap to base"), *([(600, "gap to control")] if has_control else [])):
        drawing.text(x, 14, f"{text}, pp", _class="tick")
    drawing.horizontal(scale, height - 40, 22, "wrong answers, % (right: wrong more often)", sign=False)
    y = 22.0
    for title, rows in groups:
        if rows:
            drawing.text(4, y + 14, title, _class="axis")
            y += _ROW
        for row in rows:
            _dumbbell_row(drawing, row, scale, y + _ROW / 2)
            y += _ROW
    return drawing.svg()


def _dumbbell_row(drawing: Drawing, row: Rates, scale: Scale, y: float) -> None:
    drawing.text(208, y + 4, short(row.label, 34), "end", "row")
    places = [scale(row.base.reference_error), scale(row.base.variant_error)]
    drawing.line(min(places), y, max(places), y, "bar")
    drawing.mark("circle", places[0], y, "c6", True)
    if row.control:
        drawing.mark("square", scale(row.control.reference_error), y, "c6", False, 3.5)
        drawing.text(600, y + 4, estimate(row.control), _class=_weight(row.control))
    shown = row.control or row.base
    drawing.mark("diamond", places[1], y, "c2", includes_zero(shown.low, shown.high))
    drawing.text(462, y + 4, estimate(row.base), _class=_weight(row.base))


def _weight(gap: Gap) -> str:
    return "value" if includes_zero(gap.low, gap.high) else "value shown"


def forest(lookup: Lookup, entrant: str, reference: str, name: str) -> list[Markup]:
    """Draw a variant's gaps with intervals: a panel a benchmark, a row a context, a mark without and with a belief."""
    contexts = [ALL, *(context for context in lookup.contexts if context not in GROUPS)]
    panels = {
        benchmark: [
            (context_name(context), [lookup.gap(entrant, reference, benchmark, context, b) for b in lookup.beliefs])
            for context in contexts
        ]
        for benchmark in (ALL, *lookup.benchmarks)
    }
    ends = [
        v for rows in panels.values() for _, gaps in rows for gap in gaps if gap for v in (gap.gap, gap.low, gap.high)
    ]
    scale = spanning(ends, _LABEL, _WIDTH - 10)
    return [
        _forest_panel(lookup, benchmark, rows, scale, f"{name}-{place}")
        for place, (benchmark, rows) in enumerate(panels.items())
    ]


def _forest_panel(
    lookup: Lookup, benchmark: str, rows: Sequence[tuple[str, list[Gap | None]]], scale: Scale, name: str
) -> Markup:
    title = "all benchmarks" if benchmark == ALL else short(benchmark, 34)
    height = 24 + _ROW * len(rows) + 38
    drawing = Drawing(
        _WIDTH, height, name, f"Error gaps with intervals: {title}", "The same values as in the table above it."
    )
    drawing.text(4, 14, title, _class="head")
    drawing.horizontal(scale, height - 38, 22, "error gap, pp (right of 0: wrong more often)")
    for place, (label, gaps) in enumerate(rows):
        middle = 24 + _ROW * (place + 0.5)
        drawing.text(_LABEL - 8, middle + 4, short(label, 20), "end", "row")
        for offset, (belief, gap) in enumerate(zip(lookup.beliefs, gaps, strict=True)):
            y = middle + (offset - (len(gaps) - 1) / 2) * 8
            if gap:
                _interval(drawing, gap, scale, y, *BELIEF_LOOKS[belief], size=3.2)
    return drawing.svg()


def strip(kind: str, gap: Gap, scale: Scale) -> Markup:
    """Draw a gap over all prompts as one small row for a table that has it in figures beside it."""
    drawing = Drawing(scale.end + 8, 20, "", "", "")
    for value in scale.ticks(4):
        drawing.line(scale(value), 0, scale(value), 20, "grid" if value else "zero")
    _interval(drawing, gap, scale, 10.0, *REFERENCE_LOOKS[kind], size=3.6)
    return _bare(drawing)


def strip_axis(scale: Scale) -> Markup:
    """Draw the axis of such rows."""
    drawing = Drawing(scale.end + 8, 30, "", "", "")
    drawing.text(scale(0), 11, "→ wrong more often", _class="tick")
    for value in scale.ticks(4):
        drawing.text(scale(value), 27, axis_number(value, True), "middle", "tick")
    return _bare(drawing)


def _bare(drawing: Drawing) -> Markup:
    """Return a drawing that says nothing that is not said beside it."""
    return Markup('<svg viewBox="0 0 {0:g} {1:g}" width="{0:g}" height="{1:g}" aria-hidden="true">{2}</svg>').format(
        drawing.width, drawing.height, Markup("").join(drawing.parts)
    )


def _interval(drawing: Drawing, gap: Gap, scale: Scale, y: float, shape: Shape, colour: str, size: float) -> None:
    if not gap.pairs:
        return
    if gap.low == gap.low:
        drawing.line(scale(gap.low), y, scale(gap.high), y, f"whisker {colour}")
    drawing.mark(shape, scale(gap.gap), y, colour, includes_zero(gap.low, gap.high), size)
