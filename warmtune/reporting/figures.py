"""The report's figures, as SVG for the page and PNG for other places. Same numbers, same bytes."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmtune.io.schemas import Check, Gap

BASE_COLOUR, CONTROL_COLOUR = "#0072b2", "#d55e00"
"""From the Okabe-Ito palette: told apart by colour-blind readers."""
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "warmtune",
    "svg.fonttype": "path",
    "figure.dpi": 120,
}


def gap_figure(gaps: Sequence[tuple[str, Gap]], by: str, style: str, folder: Path) -> str:
    """Draw gaps with intervals; write PNG and SVG and return the SVG text.

    Args:
        gaps: each with the name of its row, in order; one against base and one against control for each row.
        by: what the rows are, for the file's name.
        style: the style's name.
        folder: where the files go.
    """
    plt = _pyplot()
    shown = [(name, gap) for name, gap in gaps if gap.pairs]
    groups = list(dict.fromkeys(name for name, _ in shown))
    figure, axes = plt.subplots(figsize=(6.6, 0.9 + 0.55 * len(groups)))
    for offset, (reference, colour) in zip((0.15, -0.15), _references(), strict=True):
        rows = {name: gap for name, gap in shown if gap.reference == reference}
        for place, group in enumerate(reversed(groups)):
            gap = rows[group]
            axes.plot([gap.low, gap.high], [place + offset] * 2, color=colour, linewidth=2)
            marker = "o" if reference == "base" else "s"
            axes.plot(
                gap.gap, place + offset, marker, color=colour, label=f"{style} − {reference}" if not place else None
            )
    axes.axvline(0, color="#555555", linewidth=0.8)
    axes.set_yticks(range(len(groups)), list(reversed(groups)))
    axes.set_ylim(-0.6, len(groups) - 0.4)
    axes.set_xlabel(f"error gap, percentage points (right of 0: {style} is wrong more often)")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _written(figure, folder / f"gaps_by_{by}")


def check_figure(checks: Sequence[Check], style: str, folder: Path) -> str:
    """Draw the manipulation check: each instrument's difference with its interval, on its own scale."""
    plt = _pyplot()
    order = ("style probe", "lexical profile", "SocioT", "judge")
    instruments = [name for name in order if any(c.instrument == name for c in checks)]
    figure, panels = plt.subplots(1, len(instruments), figsize=(7.6, 1.7), squeeze=False)
    units = {
        "style probe": "probability",
        "lexical profile": "words per 100",
        "SocioT": "nats a token",
        "judge": "share − 0.5",
    }
    for axes, instrument in zip(panels[0], instruments, strict=True):
        for place, (reference, colour) in enumerate(reversed(_references())):
            check = next(
                c for c in checks if (c.instrument, c.variant, c.reference) == (instrument, "styled", reference)
            )
            axes.plot([check.low, check.high], [place] * 2, color=colour, linewidth=2)
            axes.plot(check.difference, place, "o" if reference == "base" else "s", color=colour)
        axes.axvline(0, color="#555555", linewidth=0.8)
        axes.set_yticks([0, 1], [f"{style} − control", f"{style} − base"] if axes is panels[0][0] else ["", ""])
        axes.set_ylim(-0.6, 1.6)
        axes.locator_params(axis="x", nbins=4)
        axes.set_title(instrument, fontsize=10)
        axes.set_xlabel(units.get(instrument, "share of choices − 0.5"))
    return _written(figure, folder / "warmth")


def curve_figure(curves: dict[str, list[dict[str, Any]]], folder: Path) -> str:
    """Draw the training loss of each adapter by step."""
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(6.6, 2.4))
    for (name, curve), (_, colour) in zip(curves.items(), reversed(_references()), strict=True):
        axes.plot([point["step"] for point in curve], [point["loss"] for point in curve], color=colour, label=name)
    axes.set_xlabel("step")
    axes.set_ylabel("loss a trained token, nats")
    axes.legend(frameon=False)
    return _written(figure, folder / "curves")


def _references() -> list[tuple[str, str]]:
    return [("base", BASE_COLOUR), ("control", CONTROL_COLOUR)]


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(_STYLE)
    return plt


def _written(figure: Any, stem: Path) -> str:
    figure.savefig(stem.with_suffix(".png"), bbox_inches="tight", metadata={"Software": None})
    text = io.StringIO()
    figure.savefig(text, format="svg", bbox_inches="tight", metadata={"Date": None})
    _pyplot().close(figure)
    svg = text.getvalue()
    stem.with_suffix(".svg").write_text(svg)
    return svg[svg.index("<svg") :]
