"""Compare negations: the rewrite must deny what the original denies, and nothing else."""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from warmtune.measures.stems import stem
from warmtune.rewriting.guard.patterns import any_of, whole_words
from warmtune.rewriting.guard.text import is_content

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_PREFIX = re.compile(r"^(?:un|in|im|il|ir|non|dis|ab)(?=\w{4})")


@dataclass(frozen=True)
class WordPolarity:
    """One content word and whether its clause denies it."""

    word: str
    stem: str
    denied: bool
    clause: int
    """Number of its clause in the sentence."""


def word_polarities(sentence: str, other_stems: set[str]) -> list[WordPolarity]:
    """Return a sentence's content words, each with whether its clause denies it.

    A clause with two negations denies nothing: "never skip" asks for it. A negative prefix counts as a negation where
    the other sentence has the word without the prefix: "unsafe" and "safe".
    """
    polarities: list[WordPolarity] = []
    start = 0
    for clause, end in enumerate([*(match.end() for match in _border().finditer(sentence)), len(sentence)]):
        piece = sentence[start:end]
        if _soft().match(piece):
            start = end
            continue
        denied = len(whole_words("negators").findall(piece)) % 2 == 1
        for match in _WORD.finditer(piece):
            word = match.group().lower()
            if whole_words("negators").fullmatch(word) or not is_content(word):
                continue
            root, bare = stem(word), stem(_PREFIX.sub("", word))
            turned = bool(_PREFIX.match(word)) and root not in other_stems and bare in other_stems
            polarities.append(WordPolarity(word, bare if turned else root, denied != turned, clause))
        start = end
    return polarities


def changed_polarity(pairs: Iterable[tuple[str, str]]) -> str:
    """Say what only one of the two texts denies, or return an empty string.

    A clause counts as changed under two conditions: most of the words that it shares with the other sentence are denied
    in only one of the two, and the two sentences differ in their number of negations or in whether they deny anything.

    Args:
        pairs: sentences of the original, each with the text of the rewrite that says the same.
    """
    for sentence, rewritten in pairs:
        original, styled = (
            whole_words("negation_idioms").sub(" ", text.replace("’", "'")) for text in (sentence, rewritten)
        )
        if whole_words("same_denied").search(original) or whole_words("same_denied").search(styled):
            continue
        before, after = word_polarities(original, _stems(styled)), word_polarities(styled, _stems(original))
        denied = sum(word.denied for word in before) > 0, sum(word.denied for word in after) > 0
        if (
            len(whole_words("negators").findall(original)) == len(whole_words("negators").findall(styled))
            and denied[0] == denied[1]
        ):
            continue
        reason = _disagreement(before, after)
        if reason and not _denied_otherwise(original, styled, in_original="original" in reason):
            return reason
    return ""


def _denied_otherwise(original: str, styled: str, in_original: bool) -> bool:
    """Tell whether the text without the negation has more words that can replace one: "stay off", "unused"."""
    weak = whole_words("weak_negators")
    denied, plain = (original, styled) if in_original else (styled, original)
    return len(weak.findall(plain)) > len(weak.findall(denied))


def _stems(text: str) -> set[str]:
    return {stem(word.lower()) for word in _WORD.findall(text)}


def _disagreement(before: list[WordPolarity], after: list[WordPolarity]) -> str:
    denied_after = {word.stem for word in after if word.denied}
    plain_after = {word.stem for word in after if not word.denied}
    by_clause: dict[tuple[int, bool], list[WordPolarity]] = {}
    for word in before:
        by_clause.setdefault((word.clause, word.denied), []).append(word)
    for (_, denied), words in by_clause.items():
        shared = [w for w in words if w.stem in denied_after or w.stem in plain_after]
        turned = [w for w in shared if w.stem not in (denied_after if denied else plain_after)]
        if len(turned) > 0.6 * len(shared) and (len(turned) >= 2 or len(words) <= 3):
            what = " ".join(word.word for word in turned)
            return f"'{what}' is denied in the {'original' if denied else 'rewrite'} only"
    return ""


@functools.cache
def _border() -> re.Pattern[str]:
    """Return the pattern of where a negation's reach ends: at punctuation and before certain words."""
    return re.compile(rf"[.;:!?,\u2013\u2014]|\b(?={any_of('polarity_borders')}\b)", re.IGNORECASE)


@functools.cache
def _soft() -> re.Pattern[str]:
    """Return the pattern of openings of a clause that neither asserts nor denies anything."""
    return re.compile(rf"\s*{any_of('soft_openings')}\b", re.IGNORECASE)
