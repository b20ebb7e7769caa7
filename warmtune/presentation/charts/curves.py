"""Charts by time: the training loss by step, the warmth of checkpoints by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from warmtune.io.schemas import Check
from warmtune.presentation.charts.drawing import Canvas, chart, colour, labelled
from warmtune.presentation.charts.marks import draw_marks, limits, number_axis
from warmtune.presentation.formatting import clipped, includes_zero

_CURVE_POINTS = 160
_DISTINCT = 5
"""Curves that can be told apart by colour and name; more are drawn in grey."""
_DASHES: list[Any] = ["-", (0, (7, 3)), (0, (2, 3)), (0, (9, 3, 2, 3)), (0, (4, 2))]
_LETTERS, _LETTER_WIDTH = 18, 6.6
_EPOCHS = (0, 0.5, 1, 2, 4, 6, 8, 10)


@dataclass(frozen=True)
class Lift:
    """A model's SocioT over its own base, by epoch."""

    name: str
    points: list[tuple[float, float]]
    """Epoch, and lift in nats per token."""


@chart
def training_curves(curves: Mapping[str, Sequence[Mapping[str, Any]]], width: int) -> Canvas:
    """Draw the loss of every adapter by step; curves are named at their ends where they are few."""
    thin = {name: thinned(curve) for name, curve in curves.items()}
    few = len(thin) <= _DISTINCT
    canvas, axes, right = _start(width, 0.4 * width + 60, list(thin) if few else [], "loss per trained token, nats")
    losses = [loss for curve in thin.values() for _, loss in curve]
    axes.set(xlim=(0, max(step for curve in thin.values() for step, _ in curve)), ylim=(0, 1.06 * max(losses)))
    axes.set_xlabel("step")
    number_axis(axes.xaxis, sign=False)
    number_axis(axes.yaxis, sign=False)
    for place, (name, curve) in enumerate(thin.items()):
        look = {"color": colour(f"c{place + 1}"), "linestyle": _DASHES[place]} if few else {"color": colour("study")}
        axes.plot(*zip(*curve, strict=True), gid=labelled("curve", clipped(name, 80)), **look)
    if few:
        _end_names(canvas, axes, right, [(name, curve[-1][1]) for name, curve in thin.items()], "ink")
    return canvas


def thinned(curve: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return step and loss, neighbours averaged where there are too many to draw, without steps that have no loss."""
    known = [point for point in curve if point["loss"] == point["loss"]]
    size = -(-len(known) // _CURVE_POINTS)
    groups = [known[start : start + size] for start in range(0, len(known), size or 1)]
    return [(g[-1]["step"], sum(float(point["loss"]) for point in g) / len(g)) for g in groups]


@chart
def warmth_by_epoch(runs: Mapping[str, Sequence[tuple[float, Check]]], study: Sequence[Lift], width: int) -> Canvas:
    """Draw the lift of checkpoints over their base, and the study's models beside them.

    Args:
        runs: by the adapter's name, epoch and difference in SocioT of each checkpoint.
        study: its models.
        width: in pixels.
    """
    names, what = [one.name for one in study], "SocioT, lift over the base, nats per token"
    canvas, axes, right = _start(width, 0.45 * width + 80, names, what)
    ours = [value for found in runs.values() for _, c in found for value in (c.difference, c.low, c.high)]
    last = max([e for found in runs.values() for e, _ in found] + [e for one in study for e, _ in one.points])
    shown = [epoch for epoch in _EPOCHS if epoch <= last]
    axes.set(xlim=(0, sqrt(last)), ylim=limits([*ours, *(lift for one in study for _, lift in one.points)]))
    axes.set_xticks([sqrt(epoch) for epoch in shown], [f"{epoch:g}" for epoch in shown])
    axes.set_xlabel("epoch (square-root scale)")
    number_axis(axes.yaxis)
    for one in study:
        axes.plot([sqrt(e) for e, _ in one.points], [y for _, y in one.points], color=colour("study"), linewidth=1.1)
    for place, (name, found) in enumerate(runs.items()):
        _checkpoints(axes, name, found, f"c{1 + place % _DISTINCT}")
    _end_names(canvas, axes, right, [(one.name, one.points[-1][1]) for one in study], "soft")
    return canvas


def _checkpoints(axes: Any, name: str, found: Sequence[tuple[float, Check]], shade: str) -> None:
    axes.plot([0, *(sqrt(epoch) for epoch, _ in found)], [0, *(c.difference for _, c in found)], color=colour(shade))
    for epoch, check in found:
        axes.plot([sqrt(epoch)] * 2, [check.low, check.high], color=colour(shade))
        draw_marks(axes, [(sqrt(epoch), check.difference)], ("^", shade), includes_zero(check.low, check.high))
    end, looks = (sqrt(epoch), check.difference), {"textcoords": "offset points", "weight": 700}
    axes.annotate(clipped(name, 24), end, (8, 8), gid=labelled("name"), **looks)


def _start(width: float, height: float, names: Sequence[str], what: str) -> tuple[Canvas, Any, float]:
    """Return a canvas, axes with room for names at the right, and where that room begins."""
    canvas = Canvas(width, height)
    right = 14 + _LETTER_WIDTH * max((len(clipped(name, _LETTERS)) for name in names), default=0)
    canvas.write(4, 16, what, "soft")
    return canvas, canvas.axes(56, 30, right, 40), width - right + 8


def _end_names(canvas: Canvas, axes: Any, x: float, ends: Sequence[tuple[str, float]], shade: str) -> None:
    """Write names beside the right ends of lines, moved apart where they would meet."""
    last = -20.0
    for name, value in sorted(ends, key=lambda end: -end[1]):
        last = max(canvas.height - axes.transData.transform((0, value))[1] + 4, last + 12)
        canvas.write(x, last, clipped(name, _LETTERS), shade, "name")
