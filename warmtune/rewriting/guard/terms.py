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

from warmtune.measures.stems import stem
from warmtune.rewriting.guard.embedding import SIZE, Embedded, Embedder, Vectors
from warmtune.rewriting.guard.text import Sentence, is_content, plain, sentences

_CLAUSE = re.compile(
    r"[,;:()\u2013\u2014]|\s-\s|\b(?:and|or|but|which|who|whose|because|since|while|whereas|where|when|unless|until|although"
    r"|though|so|then|if|that|as well as|such as|including|plus)\b",
    re.IGNORECASE,
)


_WHOLE = 30000
"""Vocabulary rank above which a word is one of several pieces."""


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
    hidden: frozenset[int] = frozenset()
    """Clauses whose words are passed over; for fitting, where something is taken out on purpose."""

    @cached_property
    def words(self) -> list[Word]:
        """The content words, in order."""
        return [word for word, _ in self._found]

    def stems(self, sentence: int) -> set[str]:
        """Return the stems of one sentence's content words."""
        return self._stems.get(sentence, set())

    @cached_property
    def _stems(self) -> dict[int, set[str]]:
        found: dict[int, set[str]] = {}
        for word in self.words:
            found.setdefault(word.sentence, set()).add(word.stem)
        return found

    @cached_property
    def vectors(self) -> Vectors:
        """One row a content word."""
        rows = [vector for _, vector in self._found]
        return np.array(rows, dtype=np.float32).reshape(len(rows), SIZE)

    @cached_property
    def _found(self) -> list[tuple[Word, Vectors]]:
        found = []
        clause = 0
        for number, (sentence, embedded) in enumerate(zip(self.sentences, self.embedded, strict=True)):
            borders = [match.start() for match in _CLAUSE.finditer(sentence.text)]
            for (start, end), vector, rarity in zip(embedded.spans, embedded.words, embedded.rarity, strict=True):
                word = sentence.text[start:end].lower()
                place = clause + sum(border <= start for border in borders)
                if word.isalpha() and is_content(word) and place not in self.hidden:
                    found.append((Word(number, place, word, stem(word), rarity), vector))
            clause += len(borders) + 1
        return found


def read(texts: Sequence[str], model: Embedder) -> list[Text]:
    """Split and embed texts, all in one go."""
    split = [sentences(plain(text)) for text in texts]
    embedded = iter(model.embed([sentence.text for found in split for sentence in found]))
    return [Text(found, [next(embedded) for _ in found]) for found in split]


def clause_nearness(one: Text, other: Text) -> dict[int, float]:
    """Return for each clause of `one` how near the nearest clause of `other` is, by the means of word vectors."""
    mine, others = _clause_vectors(one), _clause_vectors(other)
    if not mine or not others:
        return dict.fromkeys(mine, 0.0)
    near = np.array(list(mine.values())) @ np.array(list(others.values())).T
    return dict(zip(mine, near.max(axis=1).astype(float).tolist(), strict=True))


def _clause_vectors(text: Text) -> dict[int, Vectors]:
    grouped: dict[int, list[Vectors]] = {}
    for word, vector in zip(text.words, text.vectors, strict=True):
        grouped.setdefault(word.clause, []).append(vector)
    means = {clause: np.mean(vectors, axis=0) for clause, vectors in grouped.items()}
    return {clause: mean / max(float(np.linalg.norm(mean)), 1e-9) for clause, mean in means.items()}


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


def replaced_term(original: Text, styled: Text) -> str:
    """Say which rare term was replaced by another, or return an empty string.

    Only words that the model's vocabulary does not have whole, such as the names of substances, and only where each is
    the other's nearest: a paraphrase goes to a commoner word, not to another rare one.
    """
    if not original.words or not styled.words:
        return ""
    near = original.vectors @ styled.vectors.T
    there, here = {w.stem for w in styled.words}, {w.stem for w in original.words}
    rarest = max(word.rarity for word in (*original.words, *styled.words))
    for place, word in enumerate(original.words):
        best = int(near[place].argmax())
        other = styled.words[best]
        rare = min(word.rarity, other.rarity) >= max(rarest, _WHOLE)
        new = word.stem not in there and other.stem not in here and word.text[:3] != other.text[:3]
        if rare and new and int(near[:, best].argmax()) == place:
            return f"'{word.text}' became '{other.text}'"
    return ""
