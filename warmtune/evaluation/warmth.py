"""Measures every held-out reply with every warmth instrument. `analysis` computes the intervals."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warmtune.io.schemas import INSTRUMENTS as FIGURES
from warmtune.io.schemas import WARMTH, Reply, Warmth, write
from warmtune.measures.instrument import Setup
from warmtune.measures.registry import INSTRUMENTS
from warmtune.runs.store import StageOutput, write_atomically


def measure(replies: Sequence[Reply], setup: Setup, folder: Path) -> StageOutput:
    """Measure every reply with every instrument; write `warmth.parquet`, and their own figures as `instruments.json`.

    Args:
        replies: the held-out replies of all variants.
        setup: what the instruments use beside them.
        folder: the stage's folder.
    """
    rows: list[Warmth] = []
    figures: dict[str, Any] = {}
    for instrument in INSTRUMENTS:
        if instrument.inputs(setup) is not None:
            measured = instrument.measure(replies, setup)
            rows += measured.rows
            figures |= measured.figures
    write(folder / WARMTH, Warmth, rows)
    write_atomically(folder / FIGURES, json.dumps(figures, indent=2))
    return StageOutput([WARMTH, FIGURES], {"replies": len(replies), **figures})
