"""Which sentences of the rewrite say what a sentence of the original says; and names or numbers that changed places."""

import re
from dataclasses import dataclass

import numpy as np

from warmtune.rewriting.guard.names import fold, names
from warmtune.rewriting.guard.numbers import numbers
from warmtune.rewriting.guard.terms import Text

_ALIKE = 0.55
"""Cosine of two sentences from which they may say the same; chosen on the calibration pairs."""
_SHARED = 0.4
"""Weight of the share of content words in common."""
_CLOSE = 0.15
"""A second sentence within this of the best one belongs to it: a sentence that was split in two."""


_WORD = re.compile(r"[^\W\d_][\w']*")


@dataclass(frozen=True)
class Aligned:
    """One sentence of the original and what says the same in the rewrite."""

    original: str
    styled: str
    sure: bool
    """True when the two are each other's best and only match."""


def align(original: Text, styled: Text) -> list[Aligned]:
    """Match each sentence of the original with its best sentences in the rewrite, where there are any."""
    if not original.sentences or not styled.sentences:
        return []
    near = np.array([e.whole for e in original.embedded]) @ np.array([e.whole for e in styled.embedded]).T
    near += _SHARED * np.array(
        [[_shared(original, n, styled, m) for m in range(near.shape[1])] for n in range(near.shape[0])]
    )
    pairs = []
    for place, row in enumerate(near):
        best = int(row.argmax())
        if row[best] < _ALIKE:
            continue
        chosen = [n for n, value in enumerate(row) if value >= row[best] - _CLOSE and int(near[:, n].argmax()) == place]
        chosen = chosen or [best]
        sure = len(chosen) == 1 and int(near[:, best].argmax()) == place
        text = " ".join(styled.sentences[n].text for n in chosen)
        pairs.append(Aligned(original.sentences[place].text, text, sure))
    return pairs


def _shared(one: Text, n: int, other: Text, m: int) -> float:
    stems, there = one.stems(n), other.stems(m)
    return len(stems & there) / len(stems) if stems else 0.0


def exchanged(pairs: list[Aligned], original: list[str], styled: list[str]) -> str:
    """Say which name or number stands in another's place, or return an empty string.

    Only for sentences that surely belong together: what is missing in one and new in it, though both texts have both.
    """
    known = (set(names(original)) | set(names(styled))) & _folded(" ".join(original)) & _folded(" ".join(styled))
    for pair in pairs:
        if not pair.sure:
            continue
        before, after = (_among(text, known) for text in (pair.original, pair.styled))
        if before - after and after - before:
            return f"'{sorted(after - before)[0]}' stands where '{sorted(before - after)[0]}' stood"
        one, other = numbers(pair.original), numbers(pair.styled)
        gone = [n for n in one if not n.spelled and not any(n.same(m) for m in other)]
        new = [n for n in other if not n.spelled and not any(n.same(m) for m in one)]
        if gone and new:
            return f"'{new[0].text}' stands where '{gone[0].text}' stood"
    return ""


def _among(text: str, known: set[str]) -> set[str]:
    return {folded for word in _WORD.findall(text) if (folded := fold(word)) in known}


def _folded(text: str) -> set[str]:
    return {fold(word) for word in _WORD.findall(text)}
