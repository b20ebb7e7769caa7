"""Compare the names of people, places, products and months in a rewrite with those of the original."""

import functools
import re
import unicodedata
from collections.abc import Iterable

from warmtune.rewriting.guard.patterns import listed

_LETTERS = "BCDEFGHJKMN"
"""Single letters that can name something, such as a vitamin or a grade."""
_UNIT = re.compile(r"(?:°|\d)\s?$")
_TOKEN = re.compile(r"[^\W\d_][\w'-]*(?:\.[A-Z]\.?)*")


def names(sentences: Iterable[str]) -> dict[str, str]:
    """Return the names in sentences: each folded form with its written form.

    A word counts as a name when it begins with a capital inside a sentence, or is written in capitals. A capital at the
    beginning of a sentence does not count.
    """
    written: dict[str, str] = {}
    for sentence in sentences:
        tokens = list(_TOKEN.finditer(sentence))
        shouted = sum(token.group().isupper() for token in tokens) > 0.6 * len(tokens) and len(tokens) > 2
        capitals = sum(token.group()[0].isupper() for token in tokens)
        titled = capitals > 0.9 * len(tokens) and len(tokens) > 3 and "," not in sentence
        for position, token in enumerate(tokens):
            word = token.group()
            inside = position > 0 and not re.search(r"[.!?:\"(\n]\s*$", sentence[: token.start()])
            acronym = len(word) > 1 and (word.isupper() or bool(re.search(r"[a-z][A-Z]", word)))
            if (inside and word[0].isupper() and not titled) or (acronym and not shouted):
                folded = fold(word)
                if folded not in _no_names() and (
                    len(folded) > 1 or (word in _LETTERS and not _UNIT.search(sentence[: token.start()]))
                ):
                    written.setdefault(folded, word)
    return written


def fold(word: str) -> str:
    """Return a word in small letters, without accents and without a possessive or plural ending."""
    plain = unicodedata.normalize("NFKD", word.lower()).encode("ascii", "ignore").decode() or word.lower()
    plain = re.sub(r"(?:'s|s'|')$", "", plain).rstrip(".")
    return plain.removesuffix("s") if len(plain) > 3 and not plain.endswith("ss") else plain


def changed_names(original: list[str], styled: list[str], checked: list[str], prompt: str = "") -> str:
    """Say which name was lost or is new, or return an empty string.

    Args:
        original: sentences of the original.
        styled: sentences of the rewrite.
        checked: the sentences of the rewrite in which a new name matters.
        prompt: the user's message; its names do not count as new.
    """
    styled_words, allowed_words = _words(styled), _words([*original, prompt])
    lost = [written for folded, written in names(original).items() if not _in(folded, styled_words)]
    new = [written for folded, written in names(checked).items() if not _in(folded, allowed_words)]
    if lost and (new or len(lost) > 1):  # a pronoun or "your phone" may replace one name
        return f"the name '{lost[0]}' is missing"
    return f"the name '{new[0]}' is not in the original" if new else ""


def _in(folded: str, words: set[str]) -> bool:
    return folded in words or _known_as(folded, words) or _in_parts(folded, words)


def _words(sentences: Iterable[str]) -> set[str]:
    folded: set[str] = set()
    for sentence in sentences:
        for token in _TOKEN.findall(sentence):
            folded.add(fold(token))
            folded.update(fold(part) for part in re.split(r"[-']", token) if part)
    return folded


def _known_as(folded: str, words: set[str]) -> bool:
    return any(folded in aliases and any(name in words for name in aliases) for aliases in listed("same_names"))


def _in_parts(folded: str, words: set[str]) -> bool:
    """Tell whether the words include all parts of a name with a hyphen."""
    parts = [part for part in folded.split("-") if part]
    return len(parts) > 1 and all(part in words for part in parts)


@functools.cache
def _no_names() -> frozenset[str]:
    return frozenset(listed("no_names"))
