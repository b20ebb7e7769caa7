"""Drawing SVG: elements, scales, axes and marks. Colours are CSS classes, so that one drawing serves every theme.

Everywhere a hollow mark means that the interval includes 0, and shapes say what colours say.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup, escape

from warmtune.presentation.formatting import number

Shape = Literal["circle", "square", "triangle", "diamond", "plus"]
LETTER = 0.56
"""Width of a letter over the font's size, on average."""


def element(tag: str, content: str = "", **attributes: object) -> Markup:
    """Return one element; texts and attributes are escaped, numbers get one decimal, and `_class` means `class`.

    >>> str(element("circle", cx=1.25, r=3, _class="a"))
    '<circle cx="1.2" r="3" class="a"/>'
    """
    named = [(key.strip("_").replace("_", "-"), value) for key, value in attributes.items() if value not in (None, "")]
    head = tag + "".join(f' {key}="{escape(_plain(value))}"' for key, value in named)
    return Markup(f"<{head}>{escape(content)}</{tag}>" if content else f"<{head}/>")


def _plain(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def short(text: str, letters: int) -> str:
    """Return a text fit for a label: one line without control characters, and cut with an ellipsis where too long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= letters else line[: letters - 1] + "…"


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Return round values inside the scale."""
        from matplotlib.ticker import MaxNLocator

        found = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high)
        slack = 1e-9 * (self.high - self.low)
        return [float(value) for value in found if self.low - slack <= value <= self.high + slack]


def spanning(values: Sequence[float], start: float, end: float, margin: float = 0.06) -> Scale:
    """Return a scale that holds 0 and all values that are numbers, with some room at both ends."""
    known = [0.0, *(value for value in values if value == value)]
    low, high = min(known), max(known)
    room = margin * (high - low) or 1.0
    return Scale(low - (room if low < 0 else room / 2), high + room, start, end)


@dataclass
class Drawing:
    """An SVG image that grows."""

    width: float
    height: float
    name: str
    """Makes the ids of title and description unique on a page."""
    title: str
    description: str
    parts: list[Markup] = field(default_factory=list)

    def add(self, tag: str, content: str = "", **attributes: object) -> None:
        """Append an element."""
        self.parts.append(element(tag, content, **attributes))

    def text(self, x: float, y: float, text: str, anchor: str = "", _class: str = "") -> None:
        """Append a text; `anchor` is `middle`, `end` or nothing."""
        self.add("text", text, x=x, y=y, text_anchor=anchor, _class=_class)

    def line(self, x1: float, y1: float, x2: float, y2: float, _class: str) -> None:
        """Append a straight line."""
        self.add(
            "path", d=f"M{_plain(float(x1))} {_plain(float(y1))}L{_plain(float(x2))} {_plain(float(y2))}", _class=_class
        )

    def curve(self, places: Sequence[tuple[float, float]], _class: str, says: str = "") -> None:
        """Append a line through some places; `says` is its tooltip."""
        points = "L".join(f"{_plain(float(x))} {_plain(float(y))}" for x, y in places)
        title = element("title", says) if says else Markup("")
        self.add("path", title, d=f"M{points}", _class=f"{_class} curve")

    def mark(
        self, shape: Shape, x: float, y: float, colour: str, hollow: bool, size: float = 4.5, says: str = ""
    ) -> None:
        """Append a mark of a shape; `says` is its tooltip."""
        title = element("title", says) if says else Markup("")
        kind = f"mark {colour}{' hollow' if hollow else ''}"
        if shape == "circle":
            self.add("circle", title, cx=float(x), cy=float(y), r=float(size), _class=kind)
        else:
            self.add("path", title, d=_outline(shape, x, y, size), _class=kind)

    def horizontal(self, scale: Scale, y: float, top: float, label: str, sign: bool = True) -> None:
        """Append the horizontal axis below `y`, with grid lines up to `top`."""
        for value in scale.ticks():
            zero = abs(value) < 1e-12 * max(1, abs(scale.high))
            self.line(scale(value), top, scale(value), y, "zero" if zero and sign else "grid")
            self.text(scale(value), y + 15, axis_number(value, sign), "middle", "tick")
        self.text(scale.end, y + 32, label, "end", "axis")

    def vertical(self, scale: Scale, left: float, right: float, sign: bool = True) -> None:
        """Append the vertical axis at `left`, with grid lines to `right`."""
        for value in scale.ticks():
            zero = abs(value) < 1e-12 * max(1, abs(scale.high))
            self.line(left, scale(value), right, scale(value), "zero" if zero and sign else "grid")
            self.text(left - 6, scale(value) + 4, axis_number(value, sign), "end", "tick")

    def svg(self) -> Markup:
        """Return the whole image."""
        head = element("title", self.title, id=f"{self.name}-t") + element(
            "desc", self.description, id=f"{self.name}-d"
        )
        return Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" width="{}" height="{}" role="img"'
            ' aria-labelledby="{}-t {}-d">{}{}</svg>'
        ).format(
            *(_plain(v) for v in (self.width, self.height) * 2), self.name, self.name, head, Markup("").join(self.parts)
        )


def axis_number(value: float, sign: bool) -> str:
    """Write a tick's value with all the digits it has.

    >>> axis_number(2.5, True), axis_number(-0.25, True), axis_number(0.1 + 0.2, False), axis_number(10.0, True)
    ('+2.5', '−0.25', '0.3', '+10')
    """
    return number(value, len(f"{value:.9f}".rstrip("0").partition(".")[2]), sign)


def _outline(shape: Shape, x: float, y: float, size: float) -> str:
    s = size
    corners = {
        "square": [(-s, -s), (s, -s), (s, s), (-s, s)],
        "triangle": [(0, -1.25 * s), (1.15 * s, 0.85 * s), (-1.15 * s, 0.85 * s)],
        "diamond": [(0, -1.3 * s), (1.3 * s, 0), (0, 1.3 * s), (-1.3 * s, 0)],
    }
    if shape == "plus":
        return f"M{x - s:.1f} {y:.1f}h{2 * s:.1f}M{x:.1f} {y - s:.1f}v{2 * s:.1f}"
    return "M" + "L".join(f"{x + dx:.1f} {y + dy:.1f}" for dx, dy in corners[shape]) + "Z"
