"""The frontier: which variants lie in the plane of warmth and error, how they look, and which lines join them."""

from collections.abc import Sequence

from warmtune.comparison.comparison_data import ComparedVariant, FrontierPoint
from warmtune.comparison.lookup import Lookup
from warmtune.comparison.page_wording import KINDS
from warmtune.presentation.charts.drawing import Chart
from warmtune.presentation.charts.marks import Look
from warmtune.presentation.charts.plane import Spot, placed_names, plane
from warmtune.presentation.formatting import clipped, interval, number

LOOKS: dict[str, Look] = {
    "sweep": ("o", "c1"),
    "dial": ("s", "c2"),
    "checkpoints": ("^", "c3"),
    "": ("D", "c4"),
    "control": ("+", "c6"),
}
"""Shape and colour of each line's points."""


def look(one: ComparedVariant) -> Look:
    """Return the shape and colour of a variant."""
    return LOOKS["control" if one.kind == "control" else one.series]


def frontier(lookup: Lookup, kind: str, width: int) -> tuple[Chart, int]:
    """Draw warmth against error gap, both with intervals.

    Args:
        lookup: the comparison.
        kind: `base` or `control`: to what both are differences.
        width: in pixels.

    Returns:
        The chart, and how many names found no room in it.
    """
    points = [point for point in lookup.points(kind) if point.gap == point.gap and point.warmth == point.warmth]
    spots = {id(point): _spot(lookup, point) for point in points}
    lines = [[spots[id(point)] for point in line] for line in lines_through(lookup, points)]
    chart = plane(
        f"Warmth against error gap, both to {KINDS[kind]}", _description(points, kind),
        list(spots.values()), lines, width,
        f"style probe − {kind} (right: more of the style)", f"error gap, pp (above 0: wrong more often than {kind})",
    )  # fmt: skip
    return chart, len(spots) - len(placed_names(list(spots.values()), lines, width))


def _description(points: Sequence[FrontierPoint], kind: str) -> str:
    above = sum(point.gap_low > 0 for point in points)
    below = sum(point.gap_high < 0 for point in points)
    return (
        f"{len(points)} variants. {above} are shown to be wrong more often than {KINDS[kind]}, {below} less often; the"
        f" intervals of {len(points) - above - below} include 0. The table below has every value."
    )


def lines_through(lookup: Lookup, points: Sequence[FrontierPoint]) -> list[list[FrontierPoint]]:
    """Return each line that has several points, as its points in order; the first tells its look.

    A dial goes through the adapter as it was trained, at strength 1, and so do the checkpoints, which end in it; that
    adapter may lie on a sweep's line as well.
    """
    lines: dict[tuple[str, str], list[tuple[float, FrontierPoint]]] = {}
    for point in points:
        if point.x is not None:
            lines.setdefault(lookup.series_of(point.variant), []).append((point.x, point))
    found = []
    for (kind, origin), line in lines.items():
        if kind in ("dial", "checkpoints"):
            trained = [point for point in points if point.variant == origin]
            line += [(1.0 if kind == "dial" else lookup.variants[origin].epochs or 0.0, point) for point in trained]
        if len(line) > 1:
            found.append([point for _, point in sorted(line, key=lambda placed: placed[0])])
    return found


def _spot(lookup: Lookup, point: FrontierPoint) -> Spot:
    failed = bool(lookup.failed(point.variant))
    says = (
        f"{clipped(point.variant, 80)}: style {number(point.warmth, 2)}"
        f" {interval(point.warmth_low, point.warmth_high, 2)}, error gap {number(point.gap)} pp"
        f" {interval(point.gap_low, point.gap_high)}{'; check does not hold' if failed else ''}"
    )
    warmth = (point.warmth, point.warmth_low, point.warmth_high)
    return Spot(
        point.variant, warmth, (point.gap, point.gap_low, point.gap_high), look(lookup.variants[point.variant]),
        failed, says,
    )  # fmt: skip
