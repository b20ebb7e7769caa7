"""Words that became their opposites."""

import functools
import re
from collections.abc import Iterable, Iterator

from warmtune.rewriting.guard.patterns import listed, whole_words
from warmtune.rewriting.guard.text import words

_THAN = re.compile(r"\bthan (?:the |a |an )?([a-z]{3,})", re.IGNORECASE)


def opposed(pairs: Iterable[tuple[str, str]], original: str, styled: str) -> str:
    """Say which word was replaced by its opposite, or return an empty string.

    Two changes that cancel out are none: "never changes" for "always stays the same", "isn't safe" for "dangerous".

    Args:
        pairs: sentences of the original, each with what says the same in the rewrite.
        original: the whole original; a word that it has is not new.
        styled: the whole rewrite.

    >>> one, other = "Water it before noon.", "We water it after noon."
    >>> opposed([(one, other)], one, other)
    "'before' became 'after'"
    """
    before, after = set(words(original)), set(words(styled))
    turned = _turned(original, styled)
    for one, other in pairs:
        found = [f"'{left}' became '{right}'" for left, right in _replaced(set(words(one)), set(words(other)), turned)
                 if left not in after and right not in before]  # fmt: skip
        negators = [len(whole_words("negators").findall(text)) for text in (one, other)]
        if found and (len(found) + abs(negators[0] - negators[1])) % 2:
            return found[0]
    return ""


def _replaced(before: set[str], after: set[str], turned: bool) -> Iterator[tuple[str, str]]:
    for one, other in _pairs():
        for left, right in ((one, other), (other, one)):
            if turned and left & _measured():
                continue
            gone, new = (left & before) - after, (right & after) - before
            if gone and new and not left & after and not right & before:
                yield sorted(gone)[0], sorted(new)[0]


def _turned(original: str, styled: str) -> bool:
    """Tell whether what things are compared with differs: "more than B" against "less than A"."""
    before, after = ({word.lower() for word in _THAN.findall(text)} for text in (original, styled))
    return bool(before and after and not before & after)


@functools.cache
def _pairs() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    return tuple((frozenset(one.split()), frozenset(other.split())) for one, other in listed("opposites"))


@functools.cache
def _measured() -> frozenset[str]:
    return frozenset(listed("measured"))
