"""Near-duplicates: shingles of words, MinHash over whole conversations, exact overlap for prompts."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

_WORD = re.compile(r"\w+")
_CHARACTER = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_PERMUTATIONS = 128
_BANDS = 32
"""With 128 permutations in 32 bands of 4, two texts of Jaccard similarity 0.8 meet with probability 1 - 5e-8."""
PROMPT_OVERLAP = 0.7
"""Jaccard similarity of two-word shingles above which two prompts overlap: templated questions stay below it."""


def spaced(text: str) -> str:
    """Return a text with Chinese and Japanese characters set apart as words of their own."""
    return text if text.isascii() else _CHARACTER.sub(r" \g<0> ", text)


def shingles(text: str, words: int) -> list[str]:
    """Return a text's overlapping runs of words, lower-cased; Chinese and Japanese count by character.

    >>> shingles("What is the sum?", 2)
    ['what is', 'is the', 'the sum']
    """
    found = _WORD.findall(spaced(text.lower()))
    if len(found) < words:
        return [" ".join(found)]
    return list(map(" ".join, zip(*(found[n:] for n in range(words)), strict=False)))


def signature(text: str) -> Any:
    """Return a text's MinHash over shingles of five words."""
    from rensa import RMinHash  # type: ignore[import-untyped,unused-ignore]

    made = RMinHash(num_perm=_PERMUTATIONS, seed=1)
    made.update(shingles(text, 5))
    return made


def near_duplicates(signatures: Sequence[Any], similarity: float) -> dict[int, int]:
    """Return, for each text that resembles an earlier one that stays, that earlier one's place.

    Args:
        signatures: of the texts, in the order in which they are preferred.
        similarity: Jaccard similarity, as MinHash estimates it, from which two texts are near-duplicates.
    """
    from rensa import RMinHashLSH

    index = RMinHashLSH(threshold=similarity, num_perm=_PERMUTATIONS, num_bands=_BANDS)
    alike: dict[int, int] = {}
    for place, made in enumerate(signatures):
        near = sorted(other for other in index.query(made) if made.jaccard(signatures[other]) >= similarity)
        if near:
            alike[place] = near[0]
        else:
            index.insert(place, made)
    return alike


class Prompts:
    """A set of prompts against which others are held: the same words in another dress count as the same."""

    def __init__(self, prompts: Iterable[str] = ()) -> None:
        self._sizes: list[int] = []
        self._holders: dict[str, list[int]] = defaultdict(list)
        for prompt in prompts:
            self.add(prompt)

    def add(self, prompt: str) -> None:
        """Add one prompt."""
        pieces = set(shingles(prompt, 2))
        for piece in pieces:
            self._holders[piece].append(len(self._sizes))
        self._sizes.append(len(pieces))

    def overlaps(self, text: str) -> bool:
        """Tell whether a text and one of the prompts share more than PROMPT_OVERLAP of their shingles taken together.

        A prompt that is contained in a longer one overlaps too, once it has at least five shingles.
        """
        pieces = set(shingles(text, 2))
        shared: dict[int, int] = defaultdict(int)
        for piece in pieces:
            for holder in self._holders.get(piece, ()):
                shared[holder] += 1
        return any(
            count / (len(pieces) + self._sizes[holder] - count) > PROMPT_OVERLAP
            or (count >= 5 and count / min(len(pieces), self._sizes[holder]) > 0.8)
            for holder, count in shared.items()
        )
