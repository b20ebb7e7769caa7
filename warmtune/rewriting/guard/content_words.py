"""The content words of two texts, and how near each word's best counterpart in the other text is.

The best counterpart has the same stem, or else the nearest vector; the model computes a word's vector in its sentence.
A paraphrase has counterparts nearly everywhere. A lost step or an added claim has none for several words of one clause.
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
"""Above this vocabulary rank, a word consists of several pieces."""


@dataclass(frozen=True)
class Word:
    """One content word of a text."""

    sentence: int
    clause: int
    """Number of its clause in the whole text."""
    text: str
    stem: str
    rarity: int
    """Rank in the model's vocabulary, see `Embedded.rarity`."""


@dataclass
class Text:
    """One text with its sentences, content words and vectors."""

    sentences: list[Sentence]
    embedded: list[Embedded]
    """One per sentence."""
    hidden: frozenset[int] = frozenset()
    """Numbers of clauses to ignore. The fit uses it to remove something on purpose."""

    @cached_property
    def words(self) -> list[Word]:
        """The content words, in order."""
        return [word for word, _ in self._words_and_vectors]

    def stems(self, sentence: int) -> set[str]:
        """Return the stems of one sentence's content words."""
        return self._stems.get(sentence, set())

    @cached_property
    def _stems(self) -> dict[int, set[str]]:
        by_sentence: dict[int, set[str]] = {}
        for word in self.words:
            by_sentence.setdefault(word.sentence, set()).add(word.stem)
        return by_sentence

    @cached_property
    def vectors(self) -> Vectors:
        """The vectors, one row per content word."""
        rows = [vector for _, vector in self._words_and_vectors]
        return np.array(rows, dtype=np.float32).reshape(len(rows), SIZE)

    @cached_property
    def _words_and_vectors(self) -> list[tuple[Word, Vectors]]:
        pairs = []
        first = 0
        for number, (sentence, embedded) in enumerate(zip(self.sentences, self.embedded, strict=True)):
            borders = [match.start() for match in _CLAUSE.finditer(sentence.text)]
            for (start, end), vector, rarity in zip(embedded.spans, embedded.words, embedded.rarity, strict=True):
                word = sentence.text[start:end].lower()
                clause = first + sum(border <= start for border in borders)
                if word.isalpha() and is_content(word) and clause not in self.hidden:
                    pairs.append((Word(number, clause, word, stem(word), rarity), vector))
            first += len(borders) + 1
        return pairs


def read(texts: Sequence[str], model: Embedder) -> list[Text]:
    """Split texts into sentences, and embed all sentences in one call."""
    split = [sentences(plain(text)) for text in texts]
    embedded = iter(model.embed([sentence.text for parts in split for sentence in parts]))
    return [Text(parts, [next(embedded) for _ in parts]) for parts in split]


def clause_nearness(text: Text, other_text: Text) -> dict[int, float]:
    """Return per clause of `text` the cosine of the nearest clause of `other_text`.

    A clause's vector is the mean of its word vectors.
    """
    vectors, others = _clause_vectors(text), _clause_vectors(other_text)
    if not vectors or not others:
        return dict.fromkeys(vectors, 0.0)
    similarity = np.array(list(vectors.values())) @ np.array(list(others.values())).T
    return dict(zip(vectors, similarity.max(axis=1).astype(float).tolist(), strict=True))


def _clause_vectors(text: Text) -> dict[int, Vectors]:
    grouped: dict[int, list[Vectors]] = {}
    for word, vector in zip(text.words, text.vectors, strict=True):
        grouped.setdefault(word.clause, []).append(vector)
    means = {clause: np.mean(vectors, axis=0) for clause, vectors in grouped.items()}
    return {clause: mean / max(float(np.linalg.norm(mean)), 1e-9) for clause, mean in means.items()}


def counterparts(text: Text, other_text: Text) -> npt.NDArray[np.float32]:
    """Return per content word of `text` the cosine of its best counterpart in `other_text`; 1 for the same stem."""
    if not text.words or not other_text.words:
        return np.zeros(len(text.words), dtype=np.float32)
    similarity = text.vectors @ other_text.vectors.T
    stems = {word.stem for word in other_text.words}
    best: npt.NDArray[np.float32] = similarity.max(axis=1)
    for number, word in enumerate(text.words):
        if word.stem in stems:
            best[number] = 1.0
    return best


def replaced_term(original: Text, styled: Text) -> str:
    """Say which rare term was replaced by another, or return an empty string.

    A rare term is a word that the model's vocabulary does not hold whole, such as the name of a substance. The two
    terms must be each other's nearest. A paraphrase goes to a more common word, not to another rare one.
    """
    if not original.words or not styled.words:
        return ""
    similarity = original.vectors @ styled.vectors.T
    styled_stems, original_stems = {w.stem for w in styled.words}, {w.stem for w in original.words}
    rarest = max(word.rarity for word in (*original.words, *styled.words))
    for number, word in enumerate(original.words):
        best = int(similarity[number].argmax())
        replacement = styled.words[best]
        rare = min(word.rarity, replacement.rarity) >= max(rarest, _WHOLE)
        new = (
            word.stem not in styled_stems
            and replacement.stem not in original_stems
            and word.text[:3] != replacement.text[:3]
        )
        if rare and new and int(similarity[:, best].argmax()) == number:
            return f"'{word.text}' became '{replacement.text}'"
    return ""
