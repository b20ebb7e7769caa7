"""Clause by clause: is this new in the rewrite, or lost from the original?

Two logistic regressions over a few features of a clause say so; a third, over the sentence's vector, tells sentences
that only carry style ("I'm so glad you asked!") from sentences that say something. Their weights were fitted by
`benchmarks/fit_guard.py` on pairs kept beside it and are not touched by the pairs they are tested on.
"""

import functools
import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from warmtune.measures.lexical_profile import profile
from warmtune.rewriting.guard.terms import Text, Word, clause_nearness, counterparts

WEIGHTS = Path(__file__).parent / "weights.json"
FEATURES = (
    "deficit 0.5", "deficit 0.7", "largest", "words without", "share matched", "words", "clause near", "sentence near",
    "style", "style words", "I", "exclaims", "first or last", "own", "fewer",
)  # fmt: skip
_STYLED = 0.35
_ALONE = 0.55
"""Cosine below which a word has no near counterpart."""
_COMMONEST = 6000
"""Vocabulary rank up to which one word alone says too little."""
_COMMON, _RARE = 7.2, 9.0
"""Logarithms of the vocabulary ranks between which a word's weight rises from 0.4 to 1."""


@dataclass(frozen=True)
class Clause:
    """One clause with its features and how probably it has no counterpart."""

    sentence: int
    number: int
    """Of the clause, in the whole text."""
    text: str
    words: list[str]
    """Its content words that have no near counterpart."""
    telling: bool
    """Whether those are several, or one that is not among the commonest: "refers" alone may be "touches on"."""
    features: list[float]


def clauses(one: Text, other: Text) -> list[Clause]:
    """Return the clauses of `one` with features of how much of each is missing from `other`."""
    if not one.words:
        return []
    best = counterparts(one, other)
    styled = style_probability(one)
    near, own = _nearest(one, other)
    fewer = Counter(word.stem for word in one.words)
    fewer.subtract(word.stem for word in other.words)
    grouped: dict[int, list[tuple[Word, float]]] = {}
    for word, value in zip(one.words, best, strict=True):
        grouped.setdefault(word.clause, []).append((word, float(value)))
    found = []
    by_clause = clause_nearness(one, other)
    for place, group in grouped.items():
        number = group[0][0].sentence
        sentence = one.sentences[number].text
        features = _features(group, by_clause[place], float(near[number]), float(styled[number]), sentence)
        features.append(float(number in (0, len(one.sentences) - 1)))
        features.append(float(own[number]))
        features.append(sum(fewer[word.stem] > 0 for word, _ in group) / len(group))
        without = [word for word, value in group if value < _ALONE]
        telling = len(without) > 1 or any(word.rarity > _COMMONEST for word in without)
        found.append(Clause(number, place, sentence, [word.text for word in without], telling, features))
    return found


def _nearest(one: Text, other: Text) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return for each sentence its nearest one's cosine, and by how much that one is nearer to it than to any other.

    The second is below 0 where the nearest sentence belongs to another: a sentence that was left out has no own one.
    """
    if not other.embedded:
        return np.zeros(len(one.sentences)), np.full(len(one.sentences), -1.0)
    near = np.array([e.whole for e in one.embedded], dtype=np.float64) @ np.array([e.whole for e in other.embedded]).T
    best = near.argmax(axis=1)
    own = np.ones(len(near))
    for place, column in enumerate(best):
        others = np.delete(near[:, column], place)
        own[place] = near[place, column] - others.max() if len(others) else near[place, column]
    return near.max(axis=1), own


def _features(group: list[tuple[Word, float]], clause: float, near: float, styled: float, sentence: str) -> list[float]:
    best = np.array([value for _, value in group])
    weight = np.array([_weight(word.rarity) for word, _ in group])
    found = profile(sentence)
    words = len(sentence.split())
    return [
        float((np.maximum(0, 0.5 - best) * weight).sum()),
        float((np.maximum(0, 0.7 - best) * weight).sum()),
        float(np.maximum(0, 0.7 - best).max()),
        float((best < 0.5).sum()),
        float((best >= 0.8).mean()),
        float(min(len(group), 6)),
        clause,
        near,
        styled,
        (found.empathy + found.validation + found.inclusive) * words / 100,
        float(bool(re.search(r"\b(?:i|i'm|i've|i'd|my|me)\b", sentence.lower()))),
        float(sentence.endswith("!")),
    ]


def _weight(rarity: int) -> float:
    return float(np.clip((np.log(max(rarity, 1)) - _COMMON) / (_RARE - _COMMON), 0.4, 1.0))


def style_probability(text: Text) -> npt.NDArray[np.float64]:
    """Return for each sentence the probability that it carries style and no content."""
    weights = _weights()["style"]
    vectors = np.array([e.whole for e in text.embedded], dtype=np.float64).reshape(-1, len(weights["coef"]))
    return _sigmoid(vectors @ np.array(weights["coef"]) + weights["intercept"])


def missing(found: list[Clause], which: str) -> list[tuple[float, Clause]]:
    """Return the clauses without a counterpart, most probable first.

    Args:
        found: the clauses.
        which: `added` for clauses of the rewrite, `lost` for those of the original.
    """
    if not found:
        return []
    weights = _weights()[which]
    features = np.array([clause.features for clause in found])
    scaled = (features - np.array(weights["mean"])) / np.array(weights["scale"])
    probability = _sigmoid(with_products(scaled) @ np.array(weights["coef"]) + weights["intercept"])
    over = [
        (float(p), c)
        for p, c in zip(probability, found, strict=True)
        if p > weights["threshold"] and c.telling and not (_empty_talk(c) if which == "lost" else c.text.endswith("?"))
    ]
    return sorted(over, key=lambda pair: -pair[0])


def with_products(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return rows of features with the products of every two of them, squares too."""
    one, other = np.triu_indices(features.shape[1])
    return np.hstack([features, features[:, one] * features[:, other]])


def _empty_talk(clause: Clause) -> bool:
    """Tell a sentence of the original that a rewrite may leave out: a pleasantry, or the line before a list."""
    return clause.features[FEATURES.index("style")] > _STYLED or clause.text.endswith((":", ","))


def _sigmoid(values: Any) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))), dtype=np.float64)


@functools.cache
def _weights() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(WEIGHTS.read_text())
    return found
