"""What a rewrite lost and what it added: content words of the one without a counterpart in the other.

Every content word gets its best counterpart: the same stem, or else the word whose vector, in its own sentence, is
nearest. A paraphrase has counterparts nearly everywhere; a step left out or a claim slipped in has none for several
words of one clause.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from warmtune.rewriting.guard.embedding import Embedded, Embedder, Vectors
from warmtune.rewriting.guard.text import Sentence, is_content, plain, sentences, stem

_CLAUSE = re.compile(
    r"[,;:()\u2013\u2014]|\s-\s|\b(?:and|or|but|which|who|whose|because|since|while|whereas|where|when|unless|until|although"
    r"|though|so|then|if|that|as well as|such as|including|plus)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Word:
    """One content word of a text."""

    sentence: int
    clause: int
    """Number of its clause in the whole text."""
    text: str
    stem: str
    rarity: int


@dataclass
class Text:
    """One text with its sentences, content words and vectors."""

    sentences: list[Sentence]
    embedded: list[Embedded]

    @cached_property
    def words(self) -> list[Word]:
        """The content words, in order."""
        return [word for word, _ in self._found]

    @cached_property
    def vectors(self) -> Vectors:
        """One row a content word."""
        rows = [vector for _, vector in self._found]
        return np.array(rows, dtype=np.float32).reshape(len(rows), -1)

    @cached_property
    def _found(self) -> list[tuple[Word, Vectors]]:
        found = []
        clause = 0
        for number, (sentence, embedded) in enumerate(zip(self.sentences, self.embedded, strict=True)):
            borders = [match.start() for match in _CLAUSE.finditer(sentence.text)]
            for (start, end), vector, rarity in zip(embedded.spans, embedded.words, embedded.rarity, strict=True):
                word = sentence.text[start:end].lower()
                if word.isalpha() and is_content(word):
                    place = clause + sum(border <= start for border in borders)
                    found.append((Word(number, place, word, stem(word), rarity), vector))
            clause += len(borders) + 1
        return found


def read(texts: Sequence[str], model: Embedder) -> list[Text]:
    """Split and embed texts, all in one go."""
    split = [sentences(plain(text)) for text in texts]
    embedded = iter(model.embed([sentence.text for found in split for sentence in found]))
    return [Text(found, [next(embedded) for _ in found]) for found in split]


def counterparts(one: Text, other: Text) -> npt.NDArray[np.float32]:
    """Return for each content word of `one` how near its best counterpart in `other` is: 1 for the same stem."""
    if not one.words or not other.words:
        return np.zeros(len(one.words), dtype=np.float32)
    near = one.vectors @ other.vectors.T
    stems = {word.stem for word in other.words}
    best: npt.NDArray[np.float32] = near.max(axis=1)
    for place, word in enumerate(one.words):
        if word.stem in stems:
            best[place] = 1.0
    return best
