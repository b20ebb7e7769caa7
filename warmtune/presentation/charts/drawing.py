"""A chart of matplotlib's: PNG for Markdown, and SVG that fits a page.

matplotlib's own SVG does not: a page's policy forbids inline styles, and colours must follow the theme. So `Chart.svg`
takes only texts and paths from it, and writes colours as the variables of `colours.css`.
"""

import io
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec

from markupsafe import Markup, escape

P = ParamSpec("P")
WIDE, NARROW = 860, 344
"""Pixels of a chart on a screen and on a phone."""
_OURS = "warmtune:"
_KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor")


@cache
def sheet(name: str) -> str:
    """Return the style sheet `colours.css` or `charts.css`."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def _colours() -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):\s*light-dark\((#\w+)", sheet("colours.css")))


def colour(name: str) -> str:
    """Return a colour of the light theme, which `Chart.svg` turns into its variable."""
    return _colours()[name]


@contextmanager
def _style() -> Iterator[None]:
    """Make matplotlib draw as all charts look; a user's own settings stay as they are."""
    import matplotlib

    settings: dict[Any, Any] = {
        "svg.fonttype": "none", "text.parse_math": False, "font.family": "DejaVu Sans", "font.size": 11,
        "figure.dpi": 72, "figure.facecolor": "none", "axes.facecolor": "none", "axes.axisbelow": True,
        "axes.spines.left": False, "axes.spines.right": False, "axes.spines.top": False, "axes.spines.bottom": False,
        "text.color": colour("ink"), "axes.labelcolor": colour("soft"), "xtick.color": colour("soft"),
        "ytick.color": colour("soft"), "grid.color": colour("line"), "grid.linewidth": 1, "xtick.major.size": 0,
        "ytick.major.size": 0, "xaxis.labellocation": "right", "lines.linewidth": 1.6,
        "lines.solid_capstyle": "butt", "lines.markeredgewidth": 1.6,
    }  # fmt: skip
    with matplotlib.rc_context(settings):
        yield


class Canvas:
    """A figure that is measured in pixels from its upper left corner."""

    def __init__(self, width: float, height: float) -> None:
        from matplotlib.figure import Figure

        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / 72, height / 72))

    def axes(self, left: float, top: float, right: float, bottom: float) -> Any:
        """Add axes whose edges lie so far within the figure's."""
        width, height = self.width - left - right, self.height - top - bottom
        box = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(box)

    def write(self, x: float, y: float, text: str, shade: str = "ink", kind: str = "", **looks: Any) -> None:
        """Write a text on a base line; `kind` is its CSS class."""
        at = (x / self.width, 1 - y / self.height)
        self.figure.text(*at, text, color=colour(shade), gid=labelled(kind), verticalalignment="baseline", **looks)


@dataclass(frozen=True)
class Chart:
    """A drawing with what a reader who cannot see it is told."""

    title: str
    description: str
    draw: Callable[[], Canvas]
    """Called when a file is wanted, because hundreds of figures at once would take a gigabyte."""

    def svg(self, name: str) -> Markup:
        """Return the chart for a page; `name` makes its ids unique there."""
        head = Markup('<title id="{0}-t">{1}</title><desc id="{0}-d">{2}</desc>')
        attributes = Markup('role="img" aria-labelledby="{0}-t {0}-d"').format(name)
        return self._svg(attributes, head.format(name, self.title, self.description))

    def bare(self) -> Markup:
        """Return a chart that says nothing that is not said beside it."""
        return self._svg(Markup('aria-hidden="true"'), Markup(""))

    def standalone(self) -> str:
        """Return the chart as a file of its own, in the colours that its reader's system asks for."""
        rules = f"{sheet('colours.css')}svg {{ background: var(--back); }}\n{sheet('charts.css')}"
        return str(self.svg("chart")).replace(">", f"><style>{rules}</style>", 1) + "\n"

    @_style()
    def png(self) -> bytes:
        """Return the chart as PNG, in light colours and twice as large."""
        file = io.BytesIO()
        looks: dict[str, Any] = {"dpi": 144, "facecolor": colour("back"), "metadata": {"Software": None}}
        self.draw().figure.savefig(file, format="png", **looks)
        return file.getvalue()

    @_style()
    def _svg(self, attributes: Markup, head: Markup) -> Markup:
        canvas, file = self.draw(), io.StringIO()
        canvas.figure.savefig(file, format="svg", metadata={"Date": None})
        root = ElementTree.fromstring(file.getvalue())
        marks = {node.get("id", ""): node.get("d", "") for node in root.iter() if _tag(node) == "path"}
        variables = {value: f"var(--{name})" for name, value in _colours().items()}
        return Markup(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0:g} {1:g}" width="{0:g}" height="{1:g}" {2}>'
            "{3}{4}</svg>"
        ).format(canvas.width, canvas.height, attributes, head, Markup("").join(_elements(root, "", marks, variables)))


def chart(draw: Callable[P, Canvas]) -> Callable[Concatenate[str, str, P], Chart]:
    """Make of a function that draws one that returns a `Chart`, and takes its title and description first."""

    def made(title: str, description: str, /, *args: P.args, **kwargs: P.kwargs) -> Chart:
        return Chart(title, description, partial(draw, *args, **kwargs))

    return made


def labelled(kind: str, says: str = "") -> str:
    """Return the `gid` that gives an artist a CSS class and a tooltip in the SVG."""
    return f"{_OURS}{kind}|{says}"


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def _elements(
    node: ElementTree.Element, label: str, marks: Mapping[str, str], variables: Mapping[str, str]
) -> Iterator[Markup]:
    """Yield the texts and paths below a node of matplotlib's SVG.

    Args:
        node: where to look.
        label: class and tooltip of what is below, see `labelled`.
        marks: the path of each mark, by the id with which it is used.
        variables: CSS variable of each colour.
    """
    identity, tag = node.get("id", ""), _tag(node)
    label = identity.removeprefix(_OURS) if identity.startswith(_OURS) else label
    if tag in ("g", "svg"):
        for child in node:
            yield from _elements(child, label, marks, variables)
    elif tag in ("path", "use", "text"):
        kept = dict(pair.split(": ", 1) for pair in node.get("style", "").split("; "))
        looks: dict[str, str] = {name: variables.get(kept[name], kept[name]) for name in _KEPT if name in kept}
        x, y = node.get("x", ""), node.get("y", "")
        if tag == "text":
            yield _element("text", {"x": x, "y": y, **looks}, label, node.text or "")
        elif tag == "use":
            mark = marks[next(value for key, value in node.items() if key.endswith("href"))[1:]]
            yield _element("path", {"d": mark, "transform": f"translate({x} {y})", **looks}, label)
        elif looks.get("fill") != "none" or "stroke" in looks:
            yield _element("path", {"d": node.get("d", ""), **looks}, label)


def _element(tag: str, attributes: Mapping[str, str], label: str, text: str = "") -> Markup:
    kind, _, says = label.partition("|")
    named = {**attributes, "class": kind} if kind else attributes
    written = "".join(f' {name}="{escape(_short(value))}"' for name, value in named.items())
    content = Markup("<title>{}</title>").format(says) if says else escape(text)
    return Markup(f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>")


def _short(value: str) -> str:
    """Write numbers with one decimal and paths without needless spaces."""
    rounded = re.sub(r"-?\d+\.\d+", lambda found: f"{float(found[0]):.1f}".removesuffix(".0"), value)
    return re.sub(r"\s*\b([MLCQz])\s+", r"\1", rounded).strip()
