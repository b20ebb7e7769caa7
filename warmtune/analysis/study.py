"""The study's figures, which reports and comparisons show beside what was measured."""

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "study.json"


def study() -> dict[str, Any]:
    """Return the study's published effects and their source."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found
