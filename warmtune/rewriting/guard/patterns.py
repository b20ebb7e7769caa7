"""Words and phrases for the guard's checks, from `patterns.yaml`."""

import functools
import re
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).parent / "patterns.yaml"


@functools.cache
def _all() -> dict[str, list[Any]]:
    patterns: dict[str, list[Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return patterns


def listed(key: str) -> list[Any]:
    """Return the entries of one list."""
    return _all()[key]


def any_of(key: str) -> str:
    """Return one list of patterns as one regular expression that matches any of them."""
    return "(?:" + "|".join(listed(key)) + ")"


@functools.cache
def whole_words(key: str) -> re.Pattern[str]:
    """Return the pattern that finds any entry of a list as whole words, in any case."""
    return re.compile(rf"\b{any_of(key)}\b", re.IGNORECASE)
