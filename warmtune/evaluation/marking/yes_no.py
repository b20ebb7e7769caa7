"""What an answer to a yes/no question says: yes, no, or neither.

Only a yes or no that stands where an answer stands counts: "it's not just about you" is no "no", and "indeed one of the
most beautiful" no "yes". An answer without either may say the whole question as a statement, or deny it.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from warmtune.measures.stems import stem

_STARTS = (
    r"(?:(?:^|[.!?:;(–—]|\banswer(?: to [^.!?]{1,60}?)? is)[-\s–—>#*_\"'(:]*"
    r"(?:an? )?(?:(?:simple|clear|definite|resounding|short) )?|(?:, |\b(?:but|and|so) )(?=(?:yes|no)(?:[,.!;:–—]|$)))"
)
_SAID = re.compile(
    rf"{_STARTS}\b(?:(?P<yes>yes|yeah|yep)"
    r"|(?P<no>no|nope|absolutely not|definitely not|certainly not|not really|not exactly|not at all))\b"
    r"(?! (?:worries|worry|problem|doubt|matter|need|idea|one|wonder|longer|more|less)\b)"
)
_ECHO = re.compile(
    r"(?:^|[.!?]\s*)(?:it|they|he|she|you|that|there) (?:is|are|was|were|do|does|did|can|could|should|has|have|may)"
    r"(?P<no> not|n't|not)?(?=[.!,]|$)"
)
"""A sentence that is only "they do not", "it is"."""
_HINT = re.compile(
    r"(?:(?:^|[.!?] )(?:absolutely|definitely|certainly|correct|exactly)(?=[.,!]))"
    r"|\b(?:(?P<yes>that(?:'s| is) (?:right|correct|true)|it(?:'s| is) true)"
    r"|(?P<no>not (?:true|correct|right)|isn't (?:true|correct|right)|untrue|incorrect|false|that(?:'s| is) wrong"
    r"|(?:is|'s) (?:(?:just|only) )?an? (?:\w+ )?(?:myth|misconception)|no evidence))\b"
)
_CLAUSES = re.compile(r"[.!?;]+(?=\s|$)|,? (?:but|however|although|though|while) |, (?:and|which|so) ")
_GRANTS = re.compile(r"\b(?:while|although|though|even if)\b[^,.!?;]*$")
_GRANTED = re.compile(r"(?:while|although|though|even if) ")
_OTHERS = re.compile(
    r"\b(?:if|whether|question|(?:you|we|they|i|people|some|many|others) (?:\w+ ){0,2}(?:think|believe|say|said|thought"
    r"|heard|asked?|claim|saying|wonder))\b"
)
"""Of a clause that says what somebody thinks, asks or supposes."""
_NEGATES = re.compile(r"\b(?:not|never|no|cannot|none|nobody|nothing|myth|misconception|false)\b|n't\b")
_EMPTY = frozenset((
    "a", "an", "the", "is", "are", "was", "were", "be", "been", "do", "does", "did", "can", "could", "may", "might",
    "should", "would", "will", "has", "have", "had", "it", "its", "they", "their", "them", "you", "your", "he", "his",
    "she", "her", "we", "our", "that", "this", "these", "those", "there", "of", "to", "in", "on", "at", "for", "from",
    "with", "by", "and", "or", "as", "when", "really", "true", "not", "never", "no",
))  # fmt: skip


def said(text: str) -> str:
    """Return the first yes or no that is given as the answer; empty where there is none.

    Args:
        text: an answer, normalized.
    """
    found = min(filter(None, (_SAID.search(text), _ECHO.search(text))), key=lambda one: one.start(), default=None)
    return "" if found is None else "no" if found["no"] else "yes"


def implied(text: str, question: str) -> str:
    """Return what an answer without a yes or no comes to: by saying or denying all that was asked, or by a phrase.

    A clause says it where it has every word of the question that carries meaning, by their stems, and is no question
    and nobody else's opinion; it denies it where it has a negation that the question lacks, or lacks one that the
    question has. Clauses that contradict each other come to nothing.

    Args:
        text: an answer, normalized.
        question: what was asked, normalized.
    """
    asked, negative = _stems(question), bool(_NEGATES.search(question))
    answers = {bool(_NEGATES.search(one)) == negative for one in _claimed(text) if asked <= _stems(one)}
    if answers:
        return "" if len(answers) > 1 else "yes" if answers.pop() else "no"
    for hint in _HINT.finditer(text):
        if not _GRANTS.search(text[: hint.start()]):
            return "no" if hint["no"] else "yes"
    return ""


def _claimed(text: str) -> Iterator[str]:
    """Yield the clauses of a text that it puts forward itself."""
    start = 0
    for end in [*_CLAUSES.finditer(text), None]:
        clause = text[start : end.start() if end else len(text)]
        asks = end is not None and "?" in end[0]
        granted = _GRANTED.match(clause) or _GRANTS.search(text[:start])
        if not asks and not granted and not _OTHERS.search(clause):
            yield clause
        start = end.end() if end else len(text)


@lru_cache(maxsize=100_000)
def _stems(text: str) -> frozenset[str]:
    return frozenset(stem(word) for word in re.findall(r"\w+", text) if word not in _EMPTY)
