"""Align the sentences of a rewrite with those of its original; find names and numbers that changed places."""

import re
from dataclasses import dataclass

import numpy as np

from warmtune.rewriting.guard.content_words import Text
from warmtune.rewriting.guard.names import fold, names
from warmtune.rewriting.guard.numbers import numbers

_ALIKE = 0.55
"""Lowest similarity of two sentences that may say the same; chosen on the calibration pairs."""
_SHARED = 0.4
"""Weight of the share of common content words; the similarity is the cosine plus this share."""
_CLOSE = 0.15
"""A sentence this close to the best match belongs to the match too: the rewriter split one sentence in two."""


_WORD = re.compile(r"[^\W\d_][\w']*")


@dataclass(frozen=True)
class Aligned:
    """One sentence of the original and the text of the rewrite that says the same."""

    original: str
    styled: str
    sure: bool
    """True when the two are each other's best and only matches."""


def align(original: Text, styled: Text) -> list[Aligned]:
    """Match each sentence of the original with its best sentences in the rewrite; leave out sentences without any."""
    if not original.sentences or not styled.sentences:
        return []
    similarity = np.array([e.whole for e in original.embedded]) @ np.array([e.whole for e in styled.embedded]).T
    similarity += _SHARED * np.array(
        [[_shared(original, n, styled, m) for m in range(similarity.shape[1])] for n in range(similarity.shape[0])]
    )
    pairs = []
    for number, row in enumerate(similarity):
        best = int(row.argmax())
        if row[best] < _ALIKE:
            continue
        chosen = [
            n for n, value in enumerate(row) if value >= row[best] - _CLOSE and int(similarity[:, n].argmax()) == number
        ]
        chosen = chosen or [best]
        sure = len(chosen) == 1 and int(similarity[:, best].argmax()) == number
        text = " ".join(styled.sentences[n].text for n in chosen)
        pairs.append(Aligned(original.sentences[number].text, text, sure))
    return pairs


def _shared(original: Text, n: int, styled: Text, m: int) -> float:
    stems, styled_stems = original.stems(n), styled.stems(m)
    return len(stems & styled_stems) / len(stems) if stems else 0.0


def exchanged(pairs: list[Aligned], original: list[str], styled: list[str]) -> str:
    """Say which name or number stands in another's place, or return an empty string.

    This compares only sentences that surely belong together. A name is exchanged when both texts have it, but it is
    missing from the rewritten sentence and another one is new there.

    Args:
        pairs: aligned sentences.
        original: all sentences of the original.
        styled: all sentences of the rewrite.
    """
    common = (set(names(original)) | set(names(styled))) & _folded(" ".join(original)) & _folded(" ".join(styled))
    for pair in pairs:
        if not pair.sure:
            continue
        before, after = (_among(text, common) for text in (pair.original, pair.styled))
        if before - after and after - before:
            return f"'{sorted(after - before)[0]}' stands where '{sorted(before - after)[0]}' stood"
        numbers_before, numbers_after = numbers(pair.original), numbers(pair.styled)
        lost = [n for n in numbers_before if not n.spelled and not any(n.same(m) for m in numbers_after)]
        new = [n for n in numbers_after if not n.spelled and not any(n.same(m) for m in numbers_before)]
        if lost and new:
            return f"'{new[0].text}' stands where '{lost[0].text}' stood"
    return ""


def _among(text: str, wanted: set[str]) -> set[str]:
    return {folded for word in _WORD.findall(text) if (folded := fold(word)) in wanted}


def _folded(text: str) -> set[str]:
    return {fold(word) for word in _WORD.findall(text)}
