"""Where the names of points go, so that none lies on another."""

from collections.abc import Sequence
from dataclasses import dataclass

LETTER = 0.56
"""Width of a letter over the font's size, on average."""
_SIZE = 11.0
_GAP = 9.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Return whether two rectangles share some place."""
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def within(self, other: "Box") -> bool:
        """Return whether this one lies inside another."""
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class PlacedName:
    """A name with the place of its text's base line."""

    text: str
    x: float
    y: float


def place_labels(points: Sequence[tuple[float, float, str]], room: Box, lines: Sequence[Box] = ()) -> list[PlacedName]:
    """Place as many names as there is room for.

    Args:
        points: pixel of each point and its name; earlier ones choose first.
        room: where names may stand.
        lines: what a name should not lie on where it need not.
    """
    taken = [Box(x - 6, y - 6, x + 6, y + 6) for x, y, _ in points]
    placed = []
    for x, y, text in points:
        free = [one for one in _candidates(x, y, text) if _box(one).within(room) and not _meets(_box(one), taken)]
        if free:
            best = next((one for one in free if not _meets(_box(one), lines)), free[0])
            taken.append(_box(best))
            placed.append(best)
    return placed


def _meets(box: Box, others: Sequence[Box]) -> bool:
    return any(box.meets(other) for other in others)


def _box(label: PlacedName) -> Box:
    width = len(label.text) * LETTER * _SIZE
    return Box(label.x - 1, label.y - _SIZE, label.x + width + 1, label.y + 3)


def _candidates(x: float, y: float, text: str) -> list[PlacedName]:
    """Return places, the best first: beside the point clear of its whiskers, then further off."""
    width = len(text) * LETTER * _SIZE
    found = []
    for step in (1.0, 1.9, 3.0):
        up, down = y - 0.6 * _GAP * step, y + 0.6 * _GAP * step + 9
        right, left = x + _GAP * 0.8, x - _GAP * 0.8 - width
        found += [PlacedName(text, *place) for place in ((right, up), (right, down), (left, up), (left, down))]
    return found
