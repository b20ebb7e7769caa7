"""The plane of warmth and error: variants with both intervals, and lines through those that belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from warmtune.presentation.charts.drawing import NARROW, Canvas, chart, colour
from warmtune.presentation.charts.label_placement import Box, PlacedName, place_labels
from warmtune.presentation.charts.marks import Look, draw_marks, limits, number_axis
from warmtune.presentation.formatting import clipped, includes_zero

_LEFT, _TOP, _RIGHT, _BOTTOM = 48, 30, 14, 40


@dataclass(frozen=True)
class Spot:
    """A variant in the plane, each coordinate a value, the low and the high end of its interval."""

    name: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    look: Look
    doubtful: bool
    """Drawn with dashed intervals and a cross before its name."""
    says: str


Lines = Sequence[Sequence[Spot]]


@chart
def plane(spots: Sequence[Spot], lines: Lines, width: int, right: str, up: str) -> Canvas:
    """Draw the plane.

    Args:
        spots: all of them.
        lines: through which of them a line goes, in its order.
        width: in pixels.
        right: what is drawn to the right.
        up: what is drawn upwards.
    """
    canvas, (xlim, ylim) = Canvas(width, _height(width)), _ends(spots)
    axes = canvas.axes(_LEFT, _TOP, _RIGHT, _BOTTOM)
    axes.set(xlim=xlim, ylim=ylim, xlabel=right)
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    canvas.write(4, 16, up, "soft")
    for line in lines:
        axes.plot([one.x[0] for one in line], [one.y[0] for one in line], color=colour(line[0].look[1]))
    for one in spots:
        looks: dict[str, Any] = {"color": colour(one.look[1]), "linestyle": (0, (3, 3)) if one.doubtful else "-"}
        axes.plot(one.x[1:], [one.y[0]] * 2, **looks)
        axes.plot([one.x[0]] * 2, one.y[1:], **looks)
        draw_marks(axes, [(one.x[0], one.y[0])], one.look, includes_zero(*one.y[1:]), 9, one.says)
    for name in placed_names(spots, lines, width):
        canvas.write(name.x, name.y, name.text, kind="name", weight=700)
    return canvas


def _height(width: float) -> float:
    return max(0.5 * width + 40, 330.0)


def _ends(spots: Sequence[Spot]) -> tuple[tuple[float, float], tuple[float, float]]:
    return limits([value for one in spots for value in one.x]), limits([value for one in spots for value in one.y])


def placed_names(spots: Sequence[Spot], lines: Lines, width: int) -> list[PlacedName]:
    """Return the names that there is room for, those at the ends of lines first."""
    height, ((x_low, x_high), (y_low, y_high)) = _height(width), _ends(spots)

    def pixel(x: float, y: float) -> tuple[float, float]:
        across, up = (x - x_low) / (x_high - x_low), (y - y_low) / (y_high - y_low)
        return _LEFT + across * (width - _LEFT - _RIGHT), height - _BOTTOM - up * (height - _TOP - _BOTTOM)

    ends = {id(one) for line in lines for one in (line[0], line[-1])}
    named = [
        (*pixel(one.x[0], one.y[0]), ("✗ " if one.doubtful else "") + clipped(one.name, 24 if width > NARROW else 16))
        for one in sorted(spots, key=lambda one: id(one) not in ends)
    ]
    whiskers = []
    for one in spots:
        (left, bottom), (across, middle), (right, top) = map(pixel, one.x[1::-1] + one.x[2:], one.y[1::-1] + one.y[2:])
        whiskers += [Box(left, middle - 1, right, middle + 1), Box(across - 1, top, across + 1, bottom)]
    return place_labels(named, Box(_LEFT, 22, width - 2, height - _BOTTOM - 2), whiskers)
