"""Examples that the guard's small models learn from: pairs as they are, and with something changed on purpose."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from warmtune.rewriting.guard import clauses, polarity, terms
from warmtune.rewriting.guard.content import Links, Text, borders, read
from warmtune.rewriting.guard.embedding import embedder
from warmtune.rewriting.guard.text import Sentence, is_content, stem, words

Row = list[float]
CHANGED = {"lost": "dropped_step", "added": "added_claim", "negation": "negation", "term": "swapped_name"}
"""The kind of pair that each model is to find."""
_FLIPS = (
    (r"\b(do|does|did|is|are|was|were|should|would|could|must|has|have|had|need)n't\b", r"\1"),
    (r"\bcan't\b|\bcannot\b", "can"),
    (r"\bwon't\b", "will"),
    (r"\bnever\b", "always"),
    (r"\bnot ", ""),
    (r"\bno\b", "some"),
    (r"\bwithout\b", "with"),
    (r"\bavoid\b", "try"),
    (r"\bneither\b", "both"),
    (r"\bnone\b", "all"),
    (r"\bnothing\b", "something"),
    (r"\bunable\b", "able"),
)
_AUXILIARY = re.compile(r"\b(?:is|are|was|were|can|should|must|will|may|might|could|would|has|have|does)\b(?! not)")
_ASKED = re.compile(r"\b(?:please|then|and) (?=[a-z]+ )", re.IGNORECASE)
_COMMON, _RARE = 3000, 30000
"""Vocabulary ranks of words that are replaced by a neighbour."""


@dataclass
class Case:
    """One pair with its examples, by model."""

    name: str
    kind: str
    style: str
    pair: tuple[str, str]
    texts: tuple[Text, Text]
    given: dict[str, list[Row]]
    """Of the pair as it is."""
    made: dict[str, list[Row]]
    """Of the pair with something changed."""


def case(row: dict[str, str]) -> Case:
    """Return a pair with its examples."""
    pair = row["original"], row["rewrite"]
    texts = read([pair], embedder())[0]
    links = Links(*texts)
    given = {
        "lost": [clause.features for clause in clauses.clauses(links)],
        "added": [clause.features for clause in clauses.clauses(links.back)],
        "negation": [turned.features for turned in polarity.turned(links)],
        "term": [replaced.features for replaced in terms.replaced(links)],
    }
    kind = row["kind"].removesuffix("_to_help")
    made: dict[str, list[Row]] = dict.fromkeys(CHANGED, [])
    if kind not in ("dropped_step", "added_claim"):  # nothing is missing yet
        rng = random.Random(row["id"])
        made["lost"] = list(_without_counterpart(*texts))
        made["added"] = list(_without_counterpart(texts[1], texts[0]))
        made["negation"] = list(_flipped(*texts, rng)) if kind != "negation" else []
        made["term"] = list(_replaced(*texts, rng))
    return Case(row["id"], kind, row.get("style", "warm"), pair, texts, given, made)


def _with(text: Text, sentences: list[Sentence]) -> Text:
    return Text(sentences, embedder().embed([sentence.text for sentence in sentences]), text.shared)


def _reworded(text: Text, number: int, sentence: str) -> Text:
    changed = list(text.sentences)
    changed[number] = Sentence(sentence, changed[number].item)
    return _with(text, changed)


def _content(piece: str) -> int:
    return sum(is_content(word) for word in words(piece))


def _shortened(text: Text) -> Iterator[Text]:
    """Yield a text without one of its sentences or clauses."""
    for n, sentence in enumerate(text.sentences):
        if len(text.sentences) > 2 and _content(sentence.text) >= 2:
            yield _with(text, [other for m, other in enumerate(text.sentences) if m != n])
        places = [0, *(border for border in borders(sentence.text) if border), len(sentence.text)]
        for start, end in zip(places, places[1:], strict=False):
            rest = (sentence.text[:start] + sentence.text[end:]).strip(" ,;:")
            if len(places) > 2 and _content(sentence.text[start:end]) >= 2 and _content(rest) >= 2:
                yield _reworded(text, n, rest)


def _without_counterpart(one: Text, other: Text) -> Iterator[Row]:
    """Yield the features of what a clause of `one` becomes when its counterpart is taken out of `other`."""
    if not one.words or not other.words:
        return
    before = Links(one, other).best
    for shorter in _shortened(other):
        links = Links(one, shorter)
        lost = {c: float(np.clip(before - links.best, 0, None)[places].sum()) for c, places in one.clauses.items()}
        number = max(lost, key=lambda c: lost[c])
        if lost[number] >= 0.5:
            yield from (clause.features for clause in clauses.clauses(links) if clause.number == number)


def _contraries(sentence: str, rng: random.Random) -> list[str]:
    """Return a sentence with a negation taken out, or else put in."""
    taken = [re.sub(old, new, sentence, count=1, flags=re.IGNORECASE) for old, new in _FLIPS]
    found = [text for text in taken if text != sentence]
    auxiliary, asked = _AUXILIARY.search(sentence), _ASKED.search(sentence)
    if not found and auxiliary:
        negation = rng.choice([" never", " not", " no longer"])
        found.append(sentence[: auxiliary.end()] + negation + sentence[auxiliary.end() :])
    if not found and asked:
        found.append(f"{sentence[: asked.end()]}don't {sentence[asked.end() :]}")
    return found


def _flipped(original: Text, styled: Text, rng: random.Random) -> Iterator[Row]:
    """Yield the features of sentences of which one text says the contrary."""
    for text in (original, styled):
        for n, sentence in enumerate(text.sentences):
            contraries = _contraries(sentence.text, rng)
            if not contraries:
                continue
            contrary = rng.choice(contraries)
            changed = _reworded(text, n, contrary)
            links = Links(changed, styled) if text is original else Links(original, changed)
            turned = [one for one in polarity.turned(links) if contrary in (one.original, one.styled)]
            if turned:
                yield max(turned, key=lambda one: one.features[0] + one.features[7]).features


def _replaced(original: Text, styled: Text, rng: random.Random) -> Iterator[Row]:
    """Yield the features of terms that were replaced by a neighbour in the model's vocabulary."""
    known = {word.stem for word in original.words}
    kept = [word for word in styled.words if word.stem in known and _COMMON < word.rarity < _RARE]
    for word in rng.sample(kept, min(5, len(kept))):
        neighbours = [new for new in embedder().neighbours(word.text) if stem(new) not in known and is_content(new)]
        if not neighbours:
            continue
        new = rng.choice(neighbours[:6])
        sentences = [Sentence(re.sub(rf"(?i)\b{word.text}\b", new, s.text), s.item) for s in styled.sentences]
        links = Links(original, _with(styled, sentences))
        yield from (one.features for one in terms.replaced(links) if one.after == new)
