"""Marks, intervals and axes as every chart has them.

Everywhere a hollow mark means that the interval includes 0, and shapes say what colours say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warmtune.presentation.charts.drawing import Canvas, chart, colour, labelled
from warmtune.presentation.formatting import includes_zero, number

Look = tuple[str, str]
"""A mark's shape, as matplotlib names it, and its colour, as `colours.css` does."""
REFERENCE_LOOKS: dict[str, Look] = {"base": ("o", "c1"), "control": ("s", "c2")}


@dataclass(frozen=True)
class Interval:
    """A value between the ends of its interval."""

    value: float
    low: float
    high: float
    look: Look


def draw_marks(
    axes: Any, points: Sequence[tuple[float, float]], look: Look, hollow: bool, size: float = 8, says: str = ""
) -> None:
    """Draw marks of one look; `says` is their tooltip."""
    if points:
        axes.plot(
            *zip(*points, strict=True), look[0], color=colour(look[1]), markersize=size, clip_on=False, zorder=3,
            markerfacecolor=colour("back" if hollow else look[1]), gid=labelled("", says),
        )  # fmt: skip


def draw_intervals(axes: Any, placed: Sequence[tuple[float, Interval]], size: float = 6) -> None:
    """Draw intervals at their heights: a line with a mark, or a mark alone where there is no interval."""
    for look in dict.fromkeys(one.look for _, one in placed):
        same = [(y, one) for y, one in placed if one.look == look and one.value == one.value]
        lines = [(y, one.low, one.high) for y, one in same if one.low == one.low]
        if lines:
            axes.hlines(*zip(*lines, strict=True), color=colour(look[1]))
        for hollow in (True, False):
            points = [(one.value, y) for y, one in same if includes_zero(one.low, one.high) is hollow]
            draw_marks(axes, points, look, hollow, size)


@chart
def key_mark(shape: str, shade: str, hollow: bool) -> Canvas:
    """Draw a mark alone, for a legend."""
    canvas = Canvas(14, 14)
    axes = canvas.axes(0, 0, 0, 0)
    axes.set_axis_off()
    draw_marks(axes, [(0.0, 0.0)], (shape, shade), hollow)
    return canvas


def limits(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    """Return the ends of an axis that holds 0 and all values that are numbers, with some room at both ends."""
    known = [0.0, *(value for value in values if value == value)]
    low, high = min(known), max(known)
    room = margin * (high - low) or 1.0
    return low - (room if low < 0 else room / 2), high + room


def round_values(ends: Sequence[float], count: int = 5) -> list[float]:
    """Return round values between the ends of an axis."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(*ends)
    return [float(value) for value in values if ends[0] <= value <= ends[1]]


def number_axis(axis: Any, sign: bool = True) -> None:
    """Give an axis whose limits are set round ticks and grid lines, and one whose numbers have signs a line at 0."""
    ticks = round_values(axis.get_view_interval())
    axis.set_ticks(ticks, [axis_number(value, sign) for value in ticks])
    axis.grid(True)
    if sign:
        line = axis.axes.axvline if axis.axis_name == "x" else axis.axes.axhline
        line(0, color=colour("edge"), linewidth=1.4, zorder=1)


def axis_number(value: float, sign: bool) -> str:
    """Write a tick's value with all the digits it has.

    >>> axis_number(2.5, True), axis_number(-0.25, True), axis_number(0.1 + 0.2, False), axis_number(10.0, True)
    ('+2.5', '−0.25', '0.3', '+10')
    """
    return number(value, len(f"{value:.9f}".rstrip("0").partition(".")[2]), sign)
