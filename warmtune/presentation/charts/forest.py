"""Charts of gaps: values with their intervals in rows, and error rates side by side with the gaps beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warmtune.io.schemas import Gap
from warmtune.presentation.charts.drawing import Canvas, chart, colour
from warmtune.presentation.charts.marks import (
    Interval,
    Look,
    axis_number,
    draw_intervals,
    draw_marks,
    limits,
    number_axis,
    round_values,
)
from warmtune.presentation.formatting import clipped, estimate, includes_zero

_ROW, _STRIP = 21, 224


@dataclass(frozen=True)
class Panel:
    """Rows of intervals on one axis."""

    title: str
    axis: str
    rows: Sequence[tuple[str, Sequence[Interval | None]]]
    """Each row's name, and its intervals below each other."""

    @property
    def values(self) -> list[float]:
        """All that its axis must hold."""
        return [v for _, row in self.rows for one in row if one for v in (one.value, one.low, one.high)]

    @property
    def placed(self) -> list[tuple[float, Interval]]:
        """Each interval with its height, in rows."""
        return [
            (place + 0.38 * (offset - (len(row) - 1) / 2), one)
            for place, (_, row) in enumerate(self.rows)
            for offset, one in enumerate(row)
            if one
        ]


@chart
def forest(
    panels: Sequence[Panel], ends: tuple[float, float] | None = None, width: int = 360, names: int = 128,
    legend: Sequence[tuple[str, Look]] = (),
) -> Canvas:  # fmt: skip
    """Draw panels below each other.

    Args:
        panels: at least one.
        ends: of every panel's axis; without them each has its own.
        width: in pixels.
        names: pixels for the rows' names.
        legend: what each look means, written above the first panel.
    """
    heights = [24 + _ROW * len(panel.rows) + 38 for panel in panels]
    canvas, top = Canvas(width, sum(heights)), 0
    for panel, height in zip(panels, heights, strict=True):
        axes = canvas.axes(names, top + 24, 10, sum(heights) - top - height + 38)
        canvas.write(4, top + 14, clipped(panel.title, 34), size=12.5, weight=700)
        axes.set(xlim=ends or limits(panel.values), ylim=(len(panel.rows) - 0.5, -0.5), xlabel=panel.axis)
        axes.set_yticks(range(len(panel.rows)), [clipped(name, 34) for name, _ in panel.rows], color=colour("ink"))
        number_axis(axes.xaxis)
        draw_intervals(axes, panel.placed)
        top += height
    for text, (shape, shade) in legend:
        canvas.figure.axes[0].plot([], [], shape, color=colour(shade), label=text)
    if legend:
        canvas.figure.axes[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(legend), frameon=False)
    return canvas


@chart
def strip(one: Interval, ends: tuple[float, float]) -> Canvas:
    """Draw one interval as a small row for a table that has it in figures beside it."""
    canvas = Canvas(_STRIP + 16, 20)
    axes = canvas.axes(8, 0, 8, 0)
    axes.set(xlim=ends, ylim=(-1, 1))
    axes.set_axis_off()
    for value in round_values(ends, 4):
        axes.axvline(value, color=colour("line" if value else "edge"), linewidth=1 if value else 1.4, zorder=1)
    draw_intervals(axes, [(0, one)], 7)
    return canvas


@chart
def strip_axis(ends: tuple[float, float]) -> Canvas:
    """Draw the axis of such rows."""
    canvas = Canvas(_STRIP + 16, 30)
    for value in round_values(ends, 4):
        x = 8 + _STRIP * (value - ends[0]) / (ends[1] - ends[0])
        canvas.write(x, 27, axis_number(value, True), "soft", ha="center")
        if not value:
            canvas.write(x, 11, "→ wrong more often", "soft")
    return canvas


@dataclass(frozen=True)
class Rates:
    """One part of the grid: error rates of a variant and of what it is compared with, by way of its gaps."""

    label: str
    base: Gap
    control: Gap | None
    """Nothing where there is no control."""


@chart
def dumbbell(groups: Sequence[tuple[str, Sequence[Rates]]], control: bool) -> Canvas:
    """Draw base → control → variant: error rates row by row, with the gaps beside them.

    Args:
        groups: headings with the rows below each.
        control: whether there is one.
    """
    lines: list[tuple[str, Rates | None]] = []
    for heading, found in groups:
        lines += [(heading, None), *((row.label, row) for row in found)] if found else []
    canvas = Canvas(732 if control else 592, 22 + _ROW * len(lines) + 44)
    axes = canvas.axes(216, 22, canvas.width - 446, 44)
    gaps = [gap for _, row in lines if row for gap in (row.base, row.control) if gap]
    most = max([5.0, *(rate for gap in gaps for rate in (gap.reference_error, gap.variant_error))])
    axes.set(xlim=(0, min(100.0, 1.08 * most)), ylim=(len(lines) - 0.5, -0.5), yticks=[])
    axes.set_xlabel("wrong answers, % (right: wrong more often)")
    number_axis(axes.xaxis, sign=False)
    for x, kind in ((462, "base"), *(((600, "control"),) if control else ())):
        canvas.write(x, 14, f"gap to {kind}, pp", "soft")
    for place, (label, row) in enumerate(lines):
        if row:
            _rates(canvas, axes, place, row)
        else:
            canvas.write(4, 22 + _ROW * place + 14, label, "soft")
    return canvas


def _rates(canvas: Canvas, axes: Any, place: int, row: Rates) -> None:
    y = 22 + _ROW * (place + 0.5) + 4
    canvas.write(208, y, clipped(row.label, 34), ha="right")
    axes.plot([row.base.reference_error, row.base.variant_error], [place] * 2, color=colour("edge"), linewidth=2)
    draw_marks(axes, [(row.base.reference_error, place)], ("o", "c6"), hollow=True)
    if row.control:
        draw_marks(axes, [(row.control.reference_error, place)], ("s", "c6"), hollow=False, size=6)
    decides = row.control or row.base
    draw_marks(axes, [(row.base.variant_error, place)], ("D", "c2"), includes_zero(decides.low, decides.high))
    for x, gap in ((462, row.base), (600, row.control)):
        if gap:
            canvas.write(x, y, estimate(gap), weight=400 if includes_zero(gap.low, gap.high) else 700)
