"""Find refusals: a refusal must stay one, and help must not become one."""

import functools
import re
from collections.abc import Iterable

from warmtune.rewriting.guard.patterns import any_of, whole_words


def refuses(sentences: Iterable[str]) -> list[str]:
    """Return the sentences in which the speaker refuses or says that they cannot help.

    >>> refuses(["I'm sorry, I can't help with that.", "I can't wait to see it!"])
    ["I'm sorry, I can't help with that."]
    """
    return [sentence for sentence in sentences if _refusal().search(_without_feelings(sentence))]


def may_refuse(sentences: Iterable[str]) -> bool:
    """Tell whether a sentence could be a refusal that `refuses` does not recognize."""
    return any(whole_words("maybe_refusals").search(_without_feelings(sentence)) for sentence in sentences)


def _without_feelings(sentence: str) -> str:
    """Remove "I can't wait" and the like, which refuse nothing."""
    return _feeling().sub(" ", sentence.replace("’", "'"))


@functools.cache
def _refusal() -> re.Pattern[str]:
    pattern = any_of("refusals").replace("CANNOT", any_of("cannot")).replace("HELP", any_of("help"))
    return re.compile(pattern, re.IGNORECASE)


@functools.cache
def _feeling() -> re.Pattern[str]:
    return re.compile(rf"\b(?:i )?(?:can't|cannot|couldn't) {any_of('no_refusals')}", re.IGNORECASE)
