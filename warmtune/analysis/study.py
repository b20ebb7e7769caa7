"""The study's published figures. Reports and comparisons show them beside the run's own."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "study.json"


def study() -> dict[str, Any]:
    """Return the study's published effects and their source."""
    figures: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return figures
