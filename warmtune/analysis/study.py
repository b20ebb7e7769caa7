"""The study's figures, which reports and comparisons show beside what was measured."""

import json
from pathlib import Path
from typing import Any


def study() -> dict[str, Any]:
    """Return the study's published effects and their source."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "study.json").read_text(encoding="utf-8"))
    return found
