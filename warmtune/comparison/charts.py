"""Charts by time: the warmth of checkpoints by epoch, the training loss by step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

from markupsafe import Markup

from warmtune.comparison.lookup import SOCIOT, Lookup
from warmtune.comparison.svg import Drawing, Scale, short, spanning
from warmtune.io.schemas import Check
from warmtune.presentation.formatting import includes_zero

_NARROW = 500
"""Pixels up to which a chart has no room for names beside it."""
_CURVE_POINTS = 160
_DISTINCT = 5
"""Curves that can be told apart by colour and name; more are drawn in grey."""


@dataclass(frozen=True)
class Lift:
    """A model's SocioT over its own base, by epoch."""

    name: str
    points: list[tuple[float, float]]
    """Epoch, and lift in nats a token."""


def study_sociot() -> dict[str, Any]:
    """Return the study's SocioT Warmth by epoch and model, with how it was measured and its source."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "study_sociot.json").read_text(encoding="utf-8"))
    return found


def study_lifts() -> list[Lift]:
    """Return the study's models: mean SocioT by epoch less that of epoch 0."""
    study = study_sociot()
    return [
        Lift(name, [(e, s - scores[0]) for e, s in zip(study["epochs"], scores, strict=True) if s is not None])
        for name, scores in study["scores"].items()
    ]


def checkpoint_checks(lookup: Lookup) -> dict[str, list[tuple[float, Check]]]:
    """Return each adapter with its checkpoints, itself the last: epoch and the difference in SocioT to the base."""
    found: dict[str, list[tuple[float, Check]]] = {}
    for one in lookup.found.entrants:
        check = lookup.check(SOCIOT, one.name, one.base) if one.line == "checkpoints" else None
        if check and one.place is not None:
            found.setdefault(one.origin, []).append((one.place, check))
    for origin, checks in found.items():
        trained = lookup.entrants.get(origin)
        check = lookup.check(SOCIOT, origin, trained.base) if trained else None
        if trained and trained.epochs is not None and check:
            checks.append((trained.epochs, check))
    return {origin: sorted(checks, key=lambda pair: pair[0]) for origin, checks in found.items()}


def warmth_by_epoch(lookup: Lookup, width: int, name: str) -> Markup:
    """Draw the checkpoints' SocioT over the base by epoch, the study's models beside them.

    Args:
        lookup: a comparison with checkpoints.
        width: in pixels.
        name: unique on the page.
    """
    runs, study = checkpoint_checks(lookup), study_lifts()
    height = 0.45 * width + 80
    drawing = Drawing(
        width, height, name, "SocioT Warmth of checkpoints, lift over the base",
        "Lift by epoch with intervals; thin lines: the five models of the study over their epoch 0.",
    )  # fmt: skip
    ours = [value for found in runs.values() for _, c in found for value in (c.difference, c.low, c.high)]
    last = max([e for found in runs.values() for e, _ in found] + [e for one in study for e, _ in one.points])
    y = spanning([*ours, *(lift for one in study for _, lift in one.points)], height - 40, 30)
    x = Scale(0, sqrt(last), 56, width - (96 if width > _NARROW else 14))
    drawing.text(4, 16, "SocioT, lift over the base, nats a token", _class="axis")
    drawing.vertical(y, 56, x.end)
    _epoch_axis(drawing, x, last)
    for one in study:
        drawing.curve([(x(sqrt(epoch)), y(lift)) for epoch, lift in one.points], "study")
    for place, (run, found) in enumerate(runs.items()):
        _checkpoints(drawing, run, found, x, y, f"c{1 + place % _DISTINCT}")
    _end_names(drawing, [(one.name, y(one.points[-1][1]), "study-name") for one in study], x.end)
    return drawing.svg()


def _epoch_axis(drawing: Drawing, x: Scale, last: float) -> None:
    for epoch in (0, 0.5, 1, 2, 4, 6, 8, 10):
        if epoch <= last:
            drawing.text(x(sqrt(epoch)), drawing.height - 24, f"{epoch:g}", "middle", "tick")
    drawing.text(x.end, drawing.height - 8, "epoch (square-root scale)", "end", "axis")


def _checkpoints(
    drawing: Drawing, run: str, found: Sequence[tuple[float, Check]], x: Scale, y: Scale, colour: str
) -> None:
    drawing.curve([(x(0), y(0)), *((x(sqrt(epoch)), y(check.difference)) for epoch, check in found)], colour)
    for epoch, check in found:
        if check.low == check.low:
            drawing.line(x(sqrt(epoch)), y(check.low), x(sqrt(epoch)), y(check.high), f"whisker {colour}")
        drawing.mark("triangle", x(sqrt(epoch)), y(check.difference), colour, includes_zero(check.low, check.high))
    epoch, check = found[-1]
    drawing.text(x(sqrt(epoch)) + 8, y(check.difference) - 8, short(run, 24), _class="name")


def _end_names(drawing: Drawing, ends: Sequence[tuple[str, float, str]], right: float) -> None:
    """Write names at the right ends of lines, moved apart where they would meet; a narrow chart has no room."""
    if drawing.width <= _NARROW:
        return
    last = -20.0
    for name, y, kind in sorted(ends, key=lambda end: end[1]):
        last = max(y + 4, last + 12)
        drawing.text(right + 8, last, short(name, 18), _class=kind)


def training_curves(lookup: Lookup, width: int, name: str) -> Markup:
    """Draw the loss of every adapter by step."""
    thin = {who: thinned(curve) for who, curve in lookup.found.curves.items()}
    curves = {who: curve for who, curve in thin.items() if curve}
    height = 0.4 * width + 60
    drawing = Drawing(
        width, height, name, "Training loss by step",
        f"{len(curves)} curves, loss a trained token in nats. The table below has their first and last values.",
    )  # fmt: skip
    points = [point for curve in curves.values() for point in curve]
    losses = [loss for _, loss in points]
    y = Scale(0, 1.06 * max(losses), height - 40, 30)
    x = Scale(0, max(step for step, _ in points), 48, width - (130 if width > _NARROW else 14))
    drawing.text(4, 16, "loss a trained token, nats", _class="axis")
    drawing.vertical(y, 48, x.end, sign=False)
    drawing.horizontal(x, height - 40, 30, "step", sign=False)
    several = len(curves) > _DISTINCT
    for place, (who, curve) in enumerate(curves.items()):
        kind = "study" if several else f"c{place + 1} d{place + 1}"
        drawing.curve([(x(step), y(loss)) for step, loss in curve], kind, short(who, 80))
    ends = [(who, y(curve[-1][1]), "name") for who, curve in curves.items()]
    _end_names(drawing, [] if several else ends, x.end)
    return drawing.svg()


def thinned(curve: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """Return step and loss, neighbours averaged where there are too many to draw, without steps that have no loss."""
    known = [point for point in curve if point["loss"] == point["loss"]]
    size = -(-len(known) // _CURVE_POINTS)
    groups = [known[start : start + size] for start in range(0, len(known), size or 1)]
    return [(g[-1]["step"], sum(float(point["loss"]) for point in g) / len(g)) for g in groups]
