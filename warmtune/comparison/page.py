"""Writes a comparison: one self-contained HTML page, the same as Markdown with figures, and CSV tables."""

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from warmtune import __version__
from warmtune.comparison import checkpoints, heatmap, page_view, page_wording, panels
from warmtune.comparison.comparison_data import Comparison
from warmtune.comparison.comparison_tables import csv_text, ordered_answers, tables
from warmtune.comparison.frontier import look
from warmtune.comparison.lookup import Lookup
from warmtune.comparison.packed import packed
from warmtune.config.contexts import BELIEF_LABELS
from warmtune.measures.registry import INSTRUMENTS
from warmtune.presentation import formatting
from warmtune.presentation.charts.curves import training_curves, warmth_by_epoch
from warmtune.presentation.charts.drawing import NARROW, WIDE, Chart, sheet
from warmtune.presentation.charts.marks import REFERENCE_LOOKS, Look, key_mark
from warmtune.presentation.templates import environment
from warmtune.runs.store import write_atomically

if TYPE_CHECKING:
    from jinja2 import Environment

HTML, MARKDOWN = "compare.html", "compare.md"
_SCRIPTS = ("data.js", "choices.js", "diff.js", "answers.js", "start.js")
_EPOCHS = (
    "SocioT Warmth of checkpoints, lift over the base",
    "Lift by epoch with intervals; thin lines: the five models of the study over their epoch 0.",
)
_CURVES = ("Training loss by step", "One curve per adapter. The table below has their first and last values.")
"""Title and description of the charts by time."""
_SERIES_NAMES = {"": "on its own", "control": "control"}


def write_comparison(found: Comparison, folder: Path) -> list[Path]:
    """Write `compare.html`, `compare.md` with its PNG figures, `frontier.svg`, and one CSV file per table.

    Args:
        found: at least one of its variants has gaps to the base.
        folder: where the files go; those of an earlier comparison are replaced.

    Returns:
        The files that were written.
    """
    lookup = Lookup(found)
    shown = _shown(lookup)
    figures = _figures(lookup, shown)
    files = {folder / HTML: html(lookup, shown), folder / MARKDOWN: _rendered("compare.md.j2", shown)}
    frames = tables(found) | {"answers": ordered_answers(found)}
    files |= {folder / f"{name}.csv": csv_text(frame) for name, frame in frames.items()}
    if "frontier" in figures:
        files[folder / "frontier.svg"] = figures["frontier"].standalone()
    folder.mkdir(parents=True, exist_ok=True)
    pngs = [_write_png(folder / f"{name}.png", chart) for name, chart in figures.items()]
    for file, text in files.items():
        write_atomically(file, text)
    return [*files, *pngs]


def html(lookup: Lookup, shown: Mapping[str, Any]) -> str:
    """Return the page. Its policy allows only its own script and style sheet."""
    style = "\n".join((sheet("colours.css"), sheet("charts.css"), _template("page.css")))
    script = f'"use strict";\n(() => {{\n{_script()}}})();\n'
    return _rendered(
        "compare.html.j2",
        {
            **shown,
            "style": Markup(style),
            "script": Markup(script),
            "style_hash": _hash(style),
            "script_hash": _hash(script),
            "data": packed(lookup, _views(shown)),
        },
    )


def _views(shown: Mapping[str, Any]) -> dict[str, str]:
    """Return the markup of the charts and tables that are not shown at first, by the page's key for each."""
    parts: Any = _environment(html=True).get_template("parts.html.j2").make_module(dict(shown))
    chosen: page_view.VariantDetail = shown["chosen"]
    views = {}
    for one in shown["details"]:
        views[f"rates-{one.index}"] = str(parts.rates(one))
        views |= {f"grid-{one.index}-{against.kind}": str(parts.grid(one, against)) for against in one.grids}
    del views[f"rates-{chosen.index}"], views[f"grid-{chosen.index}-{chosen.grids[-1].kind}"]
    return views


@cache
def _script() -> str:
    return "".join(_template(name) for name in _SCRIPTS)


def _template(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _shown(lookup: Lookup) -> dict[str, Any]:
    """Gather all that the templates show."""
    found, strongest = lookup.found, heatmap.limit(lookup)
    details = page_view.details(lookup, strongest)
    benchmarks, contexts = page_view.filter_options(lookup)
    curves = {name: curve for name, curve in found.curves.items() if curve}
    checks, lifts = checkpoints.checkpoint_checks(lookup), checkpoints.study_lifts()
    return {
        "version": __version__,
        "found": found,
        "lookup": lookup,
        "f": formatting,
        "words": page_wording,
        "label": found.grid.label,
        "beliefs": BELIEF_LABELS,
        "prompts": len(found.answers) // len(found.variants),
        "benchmark_names": list(dict.fromkeys(found.answers["benchmark"].astype(str))),
        "glance": page_wording.glance(lookup),
        "any_failed": any(lookup.failed(one.name) for one in found.variants),
        "summary": page_view.summary(lookup),
        "reference_looks": REFERENCE_LOOKS,
        "checks": page_view.check_table(lookup),
        "units": {one.name: one.unit for one in INSTRUMENTS},
        "frontiers": page_view.frontiers(lookup),
        "series": _series_looks(lookup),
        "details": details,
        "chosen": page_view.first_shown(lookup, details),
        "strongest": strongest,
        "belief_looks": panels.BELIEF_LOOKS,
        "checkpoints": checks,
        "checkpoint_chart": _both(partial(warmth_by_epoch, *_EPOCHS, checks, lifts)) if checks else {},
        "lifts": lifts,
        "study_sociot": checkpoints.study_sociot(),
        "curves": curves,
        "curve_chart": _both(partial(training_curves, *_CURVES, curves)) if curves else {},
        "filter_benchmarks": benchmarks,
        "filter_contexts": contexts,
        "by_value": partial(page_view.by_value, found.runs),
        "key_mark": _key_mark,
    }


@cache
def _key_mark(shape: str, shade: str, hollow: bool) -> Markup:
    return key_mark("", "", shape, shade, hollow).bare()


def _both(draw: Callable[[int], Chart]) -> dict[str, Chart]:
    return {"wide": draw(WIDE), "narrow": draw(NARROW)}


def _series_looks(lookup: Lookup) -> dict[str, Look]:
    """Return the looks of the comparison's series, by the names that readers see."""
    looks = {}
    for one in lookup.compared:
        series = "control" if one.kind == "control" else one.series
        looks[_SERIES_NAMES.get(series, series)] = look(one)
    return looks


def _figures(lookup: Lookup, shown: Mapping[str, Any]) -> dict[str, Chart]:
    """Return the charts that go beside the Markdown, by the name of their file."""
    chosen: page_view.VariantDetail = shown["chosen"]
    figures = {"frontier" if one.kind == "base" else "frontier_control": one.wide for one in shown["frontiers"]}
    figures["error_rates"] = chosen.dumbbell
    figures["gaps"] = chosen.grids[-1].forest[0]
    if shown["checkpoints"]:
        figures["checkpoints"] = shown["checkpoint_chart"]["wide"]
    if shown["curves"]:
        figures["curves"] = shown["curve_chart"]["wide"]
    return figures


def _write_png(file: Path, chart: Chart) -> Path:
    scratch = file.with_name(f".{file.name}")
    scratch.write_bytes(chart.png())
    scratch.replace(file)
    return file


def _rendered(template: str, shown: Mapping[str, Any]) -> str:
    return _environment(template.endswith("html.j2")).get_template(template).render(**shown)


def _environment(html: bool) -> "Environment":
    found = environment("warmtune.comparison", html)
    found.filters["md"] = page_wording.markdown
    return found
