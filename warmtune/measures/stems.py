"""The stem of an English word, by Snowball (Porter, 2001)."""

import functools
import importlib
from typing import Any


@functools.lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return a lower-cased word's stem; a possessive `'s` does not count."""
    stemmed: str = _stemmer().stemWord(word.removesuffix("'s"))
    return stemmed


@functools.cache
def _stemmer() -> Any:
    return importlib.import_module("snowballstemmer").stemmer("english")
