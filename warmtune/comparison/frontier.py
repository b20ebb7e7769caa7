"""The frontier: warmth against error, every variant with its intervals in one plane."""

from collections.abc import Sequence

from markupsafe import Markup

from warmtune.comparison.comparison_data import Entrant, Point
from warmtune.comparison.label_placement import Box, place_labels
from warmtune.comparison.lookup import Lookup
from warmtune.comparison.page_wording import KINDS
from warmtune.comparison.svg import Drawing, Scale, Shape, short, spanning
from warmtune.presentation.formatting import includes_zero, interval, number

LOOKS: dict[str, tuple[Shape, str]] = {
    "sweep": ("circle", "c1"),
    "dial": ("square", "c2"),
    "checkpoints": ("triangle", "c3"),
    "": ("diamond", "c4"),
    "control": ("plus", "c6"),
}
"""Shape and colour of each line's points."""


def look(one: Entrant) -> tuple[Shape, str]:
    """Return the shape and colour of an entrant."""
    return LOOKS["control" if one.kind == "control" else one.line]


def frontier(lookup: Lookup, kind: str, width: int, name: str) -> tuple[Markup, int]:
    """Draw warmth against error gap, both with intervals.

    Args:
        lookup: the comparison.
        kind: `base` or `control`: to what both are differences.
        width: in pixels.
        name: unique on the page.

    Returns:
        The SVG, and how many names found no room in it.
    """
    points = [point for point in lookup.points(kind) if point.gap == point.gap and point.warmth == point.warmth]
    height = max(0.5 * width + 40, 330.0)
    drawing = Drawing(
        width, height, name, f"Warmth against error gap, both to {KINDS[kind]}", _frontier_words(points, kind)
    )
    x = spanning([v for p in points for v in (p.warmth, p.warmth_low, p.warmth_high)], 48, width - 14)
    y = spanning([v for p in points for v in (p.gap, p.gap_low, p.gap_high)], height - 40, 30)
    drawing.text(4, 16, f"error gap, pp (above 0: wrong more often than {kind})", _class="axis")
    drawing.vertical(y, 48, width - 14)
    drawing.horizontal(x, height - 40, 30, f"style probe − {kind} (right: more of the style)")
    for entrant, line in lines_of(lookup, points):
        drawing.curve([(x(p.warmth), y(p.gap)) for p in line], look(lookup.entrants[entrant])[1])
    for point in points:
        _whiskers(drawing, lookup, point, x, y)
    named = [(x(p.warmth), y(p.gap), _label(lookup, p.entrant, width)) for p in _ends_first(lookup, points)]
    whiskers = [box for point in points for box in _whisker_boxes(point, x, y)]
    labels = place_labels(named, Box(48, 22, width - 2, height - 42), whiskers)
    for label in labels:
        drawing.text(label.x, label.y, label.text, _class="name")
    for point in points:
        _mark(drawing, lookup, point, x, y)
    return drawing.svg(), len(points) - len(labels)


def _frontier_words(points: Sequence[Point], kind: str) -> str:
    above = sum(point.gap_low > 0 for point in points)
    below = sum(point.gap_high < 0 for point in points)
    return (
        f"{len(points)} variants. {above} are shown to be wrong more often than {KINDS[kind]}, {below} less often; the"
        f" intervals of {len(points) - above - below} include 0. The table below has every value."
    )


def lines_of(lookup: Lookup, points: Sequence[Point]) -> list[tuple[str, list[Point]]]:
    """Return each line that has several points, as the entrant that tells its look and its points in order.

    A dial goes through the adapter as it was trained, at strength 1, and so do the checkpoints, which end in it; it may
    lie on a sweep's line as well.
    """
    lines: dict[tuple[str, str], list[tuple[float, Point]]] = {}
    for point in points:
        if point.place is not None:
            lines.setdefault(lookup.line_of(point.entrant), []).append((point.place, point))
    found = []
    for (kind, origin), line in lines.items():
        own = line[0][1].entrant
        if kind in ("dial", "checkpoints"):
            trained = [point for point in points if point.entrant == origin]
            line += [(1.0 if kind == "dial" else lookup.entrants[origin].epochs or 0.0, point) for point in trained]
        if len(line) > 1:
            found.append((own, [point for _, point in sorted(line, key=lambda placed: placed[0])]))
    return found


def _ends_first(lookup: Lookup, points: Sequence[Point]) -> list[Point]:
    ends = {id(point) for _, line in lines_of(lookup, points) for point in (line[0], line[-1])}
    return sorted(points, key=lambda point: id(point) not in ends)


def _label(lookup: Lookup, name: str, width: int) -> str:
    return ("✗ " if lookup.failed(name) else "") + short(name, 24 if width > 500 else 16)


def _whisker_boxes(point: Point, x: Scale, y: Scale) -> list[Box]:
    """Return the rectangles of a point's intervals that are known."""
    across, up = x(point.warmth), y(point.gap)
    boxes = []
    if point.warmth_low == point.warmth_low:
        boxes.append(Box(x(point.warmth_low), up - 1, x(point.warmth_high), up + 1))
    if point.gap_low == point.gap_low:
        boxes.append(Box(across - 1, y(point.gap_high), across + 1, y(point.gap_low)))
    return boxes


def _whiskers(drawing: Drawing, lookup: Lookup, point: Point, x: Scale, y: Scale) -> None:
    _, colour = look(lookup.entrants[point.entrant])
    kind = f"whisker {colour}{' dashed' if lookup.failed(point.entrant) else ''}"
    for box in _whisker_boxes(point, x, y):
        if box.right - box.left > 2:
            drawing.line(box.left, box.top + 1, box.right, box.top + 1, kind)
        else:
            drawing.line(box.left + 1, box.top, box.left + 1, box.bottom, kind)


def _mark(drawing: Drawing, lookup: Lookup, point: Point, x: Scale, y: Scale) -> None:
    shape, colour = look(lookup.entrants[point.entrant])
    says = (
        f"{short(point.entrant, 80)}: style {number(point.warmth, 2)}"
        f" {interval(point.warmth_low, point.warmth_high, 2)}, error gap {number(point.gap)} pp"
        f" {interval(point.gap_low, point.gap_high)}"
        f"{'; check does not hold' if lookup.failed(point.entrant) else ''}"
    )
    hollow = includes_zero(point.gap_low, point.gap_high)
    drawing.mark(shape, x(point.warmth), y(point.gap), colour, hollow, 5.0, says)
