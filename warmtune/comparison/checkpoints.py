"""SocioT Warmth of checkpoints by epoch, and the study's models to hold beside them."""

import json
from pathlib import Path
from typing import Any

from warmtune.comparison.lookup import Lookup
from warmtune.io.schemas import Check
from warmtune.measures import sociot
from warmtune.presentation.charts.curves import Lift


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
    for one in lookup.found.variants:
        check = lookup.check(sociot.INSTRUMENT, one.name, one.base) if one.series == "checkpoints" else None
        if check and one.x is not None:
            found.setdefault(one.origin, []).append((one.x, check))
    for origin, checks in found.items():
        trained = lookup.variants.get(origin)
        check = lookup.check(sociot.INSTRUMENT, origin, trained.base) if trained else None
        if trained and trained.epochs is not None and check:
            checks.append((trained.epochs, check))
    return {origin: sorted(checks, key=lambda pair: pair[0]) for origin, checks in found.items()}
