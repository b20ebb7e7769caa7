"""Units of measure, and numbers in words."""

import functools

from warmtune.rewriting.guard.patterns import listed

_UP_TO_TWENTY = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = "third fourth fifth sixth seventh eighth ninth tenth"
WORDS: dict[str, float] = {
    **{word: float(n) for n, word in enumerate(_UP_TO_TWENTY.split())},
    **{word: 10.0 * n for n, word in enumerate(_TENS.split(), start=2)},
    **{word: float(n) for n, word in enumerate(_ORDINALS.split(), start=3)},
    **{"half": 0.5, "quarter": 0.25, "dozen": 12.0},
    **{"twice": 2.0, "double": 2.0, "triple": 3.0, "couple": 2.0, "both": 2.0, "pair": 2.0},
}
"""The value of each number word."""
SCALES: dict[str, float] = {
    **{"hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12},
    **{"k": 1e3, "m": 1e6, "bn": 1e9},
}
"""The factor of each scale word, for the number before it."""
MEASURES = frozenset({"time", "months", "mass", "length", "volume"})
"""Quantities with units of several sizes."""


def spelled(text: str) -> float:
    """Return the value of a number in words.

    >>> spelled("two hundred and fifty")
    250.0
    """
    total, current = 0.0, 0.0
    for word in text.lower().replace("-", " ").split():
        if word in SCALES:
            current = (current or 1) * SCALES[word]
            if SCALES[word] > 100:
                total, current = total + current, 0.0
        elif word in WORDS:
            current += WORDS[word]
    return total + current


def unit(name: str) -> tuple[str, float] | None:
    """Return what a unit measures and its size in base units; None for a word that is not a unit.

    >>> unit("kilometres")
    ('length', 1000.0)
    """
    return _units().get(name.replace(" ", "").lower())


@functools.cache
def _units() -> dict[str, tuple[str, float]]:
    return {name: (kind, float(size)) for kind, size, names in listed("units") for name in names.split()}
