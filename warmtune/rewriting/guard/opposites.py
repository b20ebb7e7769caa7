"""Find words that became their opposites."""

import functools
import re
from collections.abc import Iterable, Iterator

from warmtune.rewriting.guard.patterns import listed, whole_words
from warmtune.rewriting.guard.text import words

_THAN = re.compile(r"\bthan (?:the |a |an )?([a-z]{3,})", re.IGNORECASE)


def opposed(pairs: Iterable[tuple[str, str]], original: str, styled: str) -> str:
    """Say which word was replaced by its opposite, or return an empty string.

    Two changes that cancel out do not count: "never changes" for "always stays the same", "isn't safe" for "dangerous".

    Args:
        pairs: sentences of the original, each with the text of the rewrite that says the same.
        original: the whole original; its words do not count as new.
        styled: the whole rewrite; its words do not count as lost.

    >>> original, styled = "Water it before noon.", "We water it after noon."
    >>> opposed([(original, styled)], original, styled)
    "'before' became 'after'"
    """
    before, after = set(words(original)), set(words(styled))
    turned = _turned(original, styled)
    for sentence, rewritten in pairs:
        replaced = _replaced(set(words(sentence)), set(words(rewritten)), turned)
        changes = [f"'{old}' became '{new}'" for old, new in replaced if old not in after and new not in before]
        negators = [len(whole_words("negators").findall(text)) for text in (sentence, rewritten)]
        if changes and (len(changes) + abs(negators[0] - negators[1])) % 2:
            return changes[0]
    return ""


def _replaced(before: set[str], after: set[str], turned: bool) -> Iterator[tuple[str, str]]:
    for first, second in _pairs():
        for left, right in ((first, second), (second, first)):
            if turned and left & _measured():
                continue
            lost, new = (left & before) - after, (right & after) - before
            if lost and new and not left & after and not right & before:
                yield sorted(lost)[0], sorted(new)[0]


def _turned(original: str, styled: str) -> bool:
    """Tell whether the two texts compare with different things: "A is more than B", "B is less than A"."""
    before, after = ({word.lower() for word in _THAN.findall(text)} for text in (original, styled))
    return bool(before and after and not before & after)


@functools.cache
def _pairs() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    return tuple((frozenset(left.split()), frozenset(right.split())) for left, right in listed("opposites"))


@functools.cache
def _measured() -> frozenset[str]:
    return frozenset(listed("measured"))
