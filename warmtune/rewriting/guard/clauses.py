"""Find clauses that are new in the rewrite or lost from the original.

Two logistic regressions decide it from a few features per clause. A third one takes the sentence's vector. It separates
sentences that only carry style ("I'm so glad you asked!") from sentences that say something.
`benchmarks/fit_guard.py` fitted the weights on the pairs beside it; the tests use other pairs.
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
from warmtune.rewriting.guard.content_words import Text, Word, clause_nearness, counterparts

WEIGHTS = Path(__file__).parent / "weights.json"
FEATURES = (
    "deficit 0.5", "deficit 0.7", "largest", "words without", "share matched", "words", "clause near", "sentence near",
    "style", "style words", "I", "exclaims", "first or last", "own", "fewer",
)  # fmt: skip
_STYLED = 0.35
_ALONE = 0.55
"""Below this cosine, a word has no near counterpart."""
_COMMONEST = 6000
"""Up to this vocabulary rank, one word alone says too little."""
_COMMON, _RARE = 7.2, 9.0
"""A word's weight rises from 0.4 to 1 between these logarithms of its vocabulary rank."""


@dataclass(frozen=True)
class Clause:
    """One clause with the features from which `missing` decides that it has no counterpart."""

    sentence: int
    """Number of its sentence in the text."""
    number: int
    """Number of the clause in the text."""
    text: str
    words: list[str]
    """Its content words without a near counterpart."""
    telling: bool
    """True for several such words, or for one that is not too common: "refers" alone may be "touches on"."""
    features: list[float]
    """One number per name in `FEATURES`."""


def clauses(text: Text, other_text: Text) -> list[Clause]:
    """Return the clauses of `text`; their features say how much of each is missing from `other_text`."""
    if not text.words:
        return []
    best = counterparts(text, other_text)
    styled = style_probability(text)
    nearest, margin = _nearest(text, other_text)
    fewer = Counter(word.stem for word in text.words)
    fewer.subtract(word.stem for word in other_text.words)
    grouped: dict[int, list[tuple[Word, float]]] = {}
    for word, value in zip(text.words, best, strict=True):
        grouped.setdefault(word.clause, []).append((word, float(value)))
    result = []
    by_clause = clause_nearness(text, other_text)
    for clause, group in grouped.items():
        number = group[0][0].sentence
        sentence = text.sentences[number].text
        features = _features(group, by_clause[clause], float(nearest[number]), float(styled[number]), sentence)
        features.append(float(number in (0, len(text.sentences) - 1)))
        features.append(float(margin[number]))
        features.append(sum(fewer[word.stem] > 0 for word, _ in group) / len(group))
        without = [word for word, value in group if value < _ALONE]
        telling = len(without) > 1 or any(word.rarity > _COMMONEST for word in without)
        result.append(Clause(number, clause, sentence, [word.text for word in without], telling, features))
    return result


def _nearest(text: Text, other_text: Text) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return per sentence the cosine of the nearest sentence of the other text, and a margin.

    The margin compares this cosine with that of the nearest sentence and any other sentence of `text`. It is below 0
    where the nearest sentence fits another one better: a sentence that was left out has no partner of its own.
    """
    if not other_text.embedded:
        return np.zeros(len(text.sentences)), np.full(len(text.sentences), -1.0)
    similarity = (
        np.array([e.whole for e in text.embedded], dtype=np.float64)
        @ np.array([e.whole for e in other_text.embedded]).T
    )
    best = similarity.argmax(axis=1)
    margin = np.ones(len(similarity))
    for number, column in enumerate(best):
        rivals = np.delete(similarity[:, column], number)
        margin[number] = similarity[number, column] - rivals.max() if len(rivals) else similarity[number, column]
    return similarity.max(axis=1), margin


def _features(group: list[tuple[Word, float]], clause: float, near: float, styled: float, sentence: str) -> list[float]:
    best = np.array([value for _, value in group])
    weight = np.array([_weight(word.rarity) for word, _ in group])
    lexical = profile(sentence)
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
        (lexical.empathy + lexical.validation + lexical.inclusive) * words / 100,
        float(bool(re.search(r"\b(?:i|i'm|i've|i'd|my|me)\b", sentence.lower()))),
        float(sentence.endswith("!")),
    ]


def _weight(rarity: int) -> float:
    return float(np.clip((np.log(max(rarity, 1)) - _COMMON) / (_RARE - _COMMON), 0.4, 1.0))


def style_probability(text: Text) -> npt.NDArray[np.float64]:
    """Return per sentence the probability that it carries style and no content."""
    weights = _weights()["style"]
    vectors = np.array([e.whole for e in text.embedded], dtype=np.float64).reshape(-1, len(weights["coef"]))
    return _sigmoid(vectors @ np.array(weights["coef"]) + weights["intercept"])


def missing(candidates: list[Clause], which: str) -> list[tuple[float, Clause]]:
    """Return the clauses without a counterpart, most probable first.

    Args:
        candidates: the clauses of one text.
        which: `added` for clauses of the rewrite, `lost` for those of the original.

    Returns:
        Probability and clause, for each clause above the fitted threshold.
    """
    if not candidates:
        return []
    weights = _weights()[which]
    features = np.array([clause.features for clause in candidates])
    scaled = (features - np.array(weights["mean"])) / np.array(weights["scale"])
    probability = _sigmoid(with_products(scaled) @ np.array(weights["coef"]) + weights["intercept"])
    over = [
        (float(p), c)
        for p, c in zip(probability, candidates, strict=True)
        if p > weights["threshold"] and c.telling and not (_empty_talk(c) if which == "lost" else c.text.endswith("?"))
    ]
    return sorted(over, key=lambda pair: -pair[0])


def with_products(features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return rows of features, each followed by the products of every two features and by their squares."""
    left, right = np.triu_indices(features.shape[1])
    return np.hstack([features, features[:, left] * features[:, right]])


def _empty_talk(clause: Clause) -> bool:
    """Tell whether a rewrite may leave out this sentence: a pleasantry, or the line before a list."""
    return clause.features[FEATURES.index("style")] > _STYLED or clause.text.endswith((":", ","))


def _sigmoid(values: Any) -> npt.NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))), dtype=np.float64)


@functools.cache
def _weights() -> dict[str, Any]:
    weights: dict[str, Any] = json.loads(WEIGHTS.read_text())
    return weights
