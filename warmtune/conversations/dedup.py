"""Find near-duplicates: MinHash for whole conversations, exact overlap of shingles for prompts."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

_WORD = re.compile(r"\w+")
_CHARACTER = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_PERMUTATIONS = 128
_BANDS = 32
"""With 128 permutations in 32 bands, two texts of Jaccard similarity 0.8 share a band with probability 1 - 5e-8."""
PROMPT_OVERLAP = 0.7
"""Two prompts overlap above this Jaccard similarity of two-word shingles; templated questions stay below it."""


def spaced(text: str) -> str:
    """Return a text with a space on either side of each Chinese or Japanese character, so that it counts as a word."""
    return text if text.isascii() else _CHARACTER.sub(r" \g<0> ", text)


def shingles(text: str, words: int) -> list[str]:
    """Return a text's overlapping runs of words in small letters; a Chinese or Japanese character counts as a word.

    >>> shingles("What is the sum?", 2)
    ['what is', 'is the', 'the sum']
    """
    words_found = _WORD.findall(spaced(text.lower()))
    if len(words_found) < words:
        return [" ".join(words_found)]
    return list(map(" ".join, zip(*(words_found[n:] for n in range(words)), strict=False)))


def signature(text: str) -> Any:
    """Return a text's MinHash over shingles of five words."""
    from rensa import RMinHash  # type: ignore[import-untyped,unused-ignore]

    minhash = RMinHash(num_perm=_PERMUTATIONS, seed=1)
    minhash.update(shingles(text, 5))
    return minhash


def near_duplicates(signatures: Sequence[Any], similarity: float) -> dict[int, int]:
    """Return the position of each near-duplicate, with the position of the earlier text that it resembles.

    Args:
        signatures: the texts' signatures; of two near-duplicates, the earlier one stays.
        similarity: lowest Jaccard similarity of near-duplicates, as MinHash estimates it.
    """
    from rensa import RMinHashLSH

    index = RMinHashLSH(threshold=similarity, num_perm=_PERMUTATIONS, num_bands=_BANDS)
    alike: dict[int, int] = {}
    for position, minhash in enumerate(signatures):
        near = sorted(earlier for earlier in index.query(minhash) if minhash.jaccard(signatures[earlier]) >= similarity)
        if near:
            alike[position] = near[0]
        else:
            index.insert(position, minhash)
    return alike


class Prompts:
    """A set of prompts for overlap checks; nearly the same wording counts as overlap."""

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
        """Tell whether the shingles of a text and of one of the prompts have a Jaccard similarity above PROMPT_OVERLAP.

        A prompt of at least five shingles also overlaps with a longer one that contains it.
        """
        pieces = set(shingles(text, 2))
        shared: dict[int, int] = defaultdict(int)
        for piece in pieces:
            for prompt in self._holders.get(piece, ()):
                shared[prompt] += 1
        return any(
            count / (len(pieces) + self._sizes[prompt] - count) > PROMPT_OVERLAP
            or (count >= 5 and count / min(len(pieces), self._sizes[prompt]) > 0.8)
            for prompt, count in shared.items()
        )
