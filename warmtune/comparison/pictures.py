"""Charts as files of their own: SVG that carries its colours, and PNG for Markdown. Same numbers, same bytes."""

import re
from functools import cache
from pathlib import Path

from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"
_COLOUR = re.compile(r"(--[\w-]+):\s*light-dark\(([^,]+),\s*([^)]+)\)")


@cache
def style(name: str) -> str:
    """Return one of the page's style sheets: `colours.css`, `charts.css` or `page.css`."""
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def standalone(svg: Markup) -> str:
    """Return a chart with its style sheet, in the colours that its reader's system asks for."""
    return _with_style(svg, f"{style('colours.css')}svg {{ background: var(--back); }}\n{style('charts.css')}")


def png(svg: Markup, zoom: float = 2) -> bytes:
    """Return a chart as PNG in light colours, with the fonts that come with matplotlib."""
    import matplotlib
    from resvg_py import svg_to_bytes

    light = {name: value for name, value, _ in _COLOUR.findall(style("colours.css"))}
    sheet = re.sub(r"var\((--[\w-]+)\)", lambda found: light[found[1]], style("charts.css"))
    return svg_to_bytes(
        svg_string=_with_style(svg, sheet),
        background=light["--back"],
        zoom=zoom,
        skip_system_fonts=True,
        font_dirs=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
    )


def _with_style(svg: Markup, sheet: str) -> str:
    head, rest = str(svg).split(">", 1)
    return f"{head}><style>{sheet}</style>{rest}\n"
