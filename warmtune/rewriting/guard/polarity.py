"""Negations: what is denied in the original is denied in the rewrite, and the other way round."""

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
class Said:
    """One content word and whether it is denied."""

    word: str
    stem: str
    denied: bool
    clause: int


def said(sentence: str, other_stems: set[str]) -> list[Said]:
    """Return a sentence's content words, each with whether its clause is denied.

    A clause with two negations is not denied: "never skip" asks for it. A negative prefix counts as a negation where
    the other text has the word without it: "unsafe" against "safe".
    """
    found: list[Said] = []
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
            found.append(Said(word, bare if turned else root, denied != turned, clause))
        start = end
    return found


def changed_polarity(pairs: Iterable[tuple[str, str]]) -> str:
    """Say what is denied in one text and not in the other, or return an empty string.

    A clause counts as turned when all its words that the other sentence has are denied in one of the two only, and the
    two sentences differ in how many negations they have.

    Args:
        pairs: sentences of the original, each with what says the same in the rewrite.
    """
    for one, other in pairs:
        original, styled = (whole_words("negation_idioms").sub(" ", text.replace("’", "'")) for text in (one, other))
        if whole_words("same_denied").search(original) or whole_words("same_denied").search(styled):
            continue
        before, after = said(original, _stems(styled)), said(styled, _stems(original))
        denied = sum(word.denied for word in before) > 0, sum(word.denied for word in after) > 0
        if (
            len(whole_words("negators").findall(original)) == len(whole_words("negators").findall(styled))
            and denied[0] == denied[1]
        ):
            continue
        reason = _disagreement(before, after)
        if reason and not _said_otherwise(original, styled, in_original="original" in reason):
            return reason
    return ""


def _said_otherwise(original: str, styled: str, in_original: bool) -> bool:
    """Tell whether the text without the negation has more words that can stand for one: "stay off", "unused"."""
    weak = whole_words("weak_negators")
    denied, plain = (original, styled) if in_original else (styled, original)
    return len(weak.findall(plain)) > len(weak.findall(denied))


def _stems(text: str) -> set[str]:
    return {stem(word.lower()) for word in _WORD.findall(text)}


def _disagreement(before: list[Said], after: list[Said]) -> str:
    denied_after = {word.stem for word in after if word.denied}
    plain_after = {word.stem for word in after if not word.denied}
    by_clause: dict[tuple[int, bool], list[Said]] = {}
    for word in before:
        by_clause.setdefault((word.clause, word.denied), []).append(word)
    for (_, denied), words in by_clause.items():
        there = [w for w in words if w.stem in denied_after or w.stem in plain_after]
        turned = [w for w in there if w.stem not in (denied_after if denied else plain_after)]
        if len(turned) > 0.6 * len(there) and (len(turned) >= 2 or len(words) <= 3):
            what = " ".join(word.word for word in turned)
            return f"'{what}' is denied in the {'original' if denied else 'rewrite'} only"
    return ""


@functools.cache
def _border() -> re.Pattern[str]:
    """Return the pattern of where the reach of a negation ends: at marks and before certain words."""
    return re.compile(rf"[.;:!?,\u2013\u2014]|\b(?={any_of('polarity_borders')}\b)", re.IGNORECASE)


@functools.cache
def _soft() -> re.Pattern[str]:
    """Return the pattern of openings of a clause that says neither that something is nor that it is not."""
    return re.compile(rf"\s*{any_of('soft_openings')}\b", re.IGNORECASE)
