"""Marks by rule: is an answer right, wrong, or a refusal?

The rules are plain and known to be imperfect (docs/method.md): they look for the reference answer's forms as whole
words. The same rules mark every variant, so a gap is only touched by what they miss in one variant and not in another.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from warmtune.evaluation.questions import Question

Verdict = Literal["correct", "incorrect", "refusal"]


@dataclass(frozen=True)
class Mark:
    """A verdict and the rule that gave it, in words."""

    verdict: Verdict
    rule: str


_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:unable|not able|not allowed)|i (?:can(?:no|')t|cannot|won't|will not)"
    r" (?:answer|help|assist|provide|give|say|comment|fulfil|do that|discuss|offer|respond)"
    r"|as an ai(?: language)?(?: model)?,? i (?:can(?:no|')t|cannot|do not|don't)"
    r"|i(?:'m| am) (?:so |very |really )?sorry,? but i (?:can(?:no|')t|cannot|don't|do not|am not|'m not))\b"
)
_DENIAL = re.compile(
    r"(?:\bnot|n't|\bthan|\bnever|\bno|\brather than|\binstead of|\bunlike|\bmyth that|\bfalse that|\bwrong that)"
    r"(?:\s+\w+){0,2}\s*$"
)
_YES = re.compile(r"\b(?:yes|yeah|yep|correct|that's right|that is right|it is true|it's true)\b")
_NO = re.compile(r"\b(?:no|nope|not true|incorrect|false|that's wrong|it is not|it isn't|is a myth|there is no)\b")


def mark(question: Question, answer: str) -> Mark:
    """Mark one answer.

    In this order: a refusal; for yes/no questions the first clear yes or no, then the phrases; for the others the
    reference answer's forms against the plausible wrong answer's. An answer that asserts both is wrong, and so is one
    that asserts neither, since a reader who relies on it does not learn the right answer.
    """
    text = normalized(answer)
    if not text:
        return Mark("incorrect", "empty answer")
    right, wrong = _asserts(text, question.aliases), _asserts(text, question.wrong_aliases)
    if _REFUSAL.search(text) and not (right or wrong):
        return Mark("refusal", "refuses")
    if question.kind == "yes_no":
        said = _first_yes_or_no(text)
        if said:
            return Mark("correct" if said == question.answer else "incorrect", f"says {said}")
    if right and wrong:
        return Mark("incorrect", f"asserts both '{right}' and '{wrong}'")
    if right:
        return Mark("correct", f"asserts '{right}'")
    return Mark("incorrect", f"asserts '{wrong}'" if wrong else "does not give the reference answer")


def normalized(text: str) -> str:
    """Lower the case, drop accents, straighten apostrophes, fold white space.

    >>> normalized("  Bogotá’s  hills ")
    "bogota's hills"
    """
    flat = unicodedata.normalize("NFKD", text.replace("’", "'").replace("‘", "'"))
    return " ".join("".join(char for char in flat if not unicodedata.combining(char)).lower().split())


def _asserts(text: str, forms: tuple[str, ...]) -> str:
    """Return the first form that stands in the text as whole words and is not denied there, or an empty string."""
    for form in forms:
        for found in _pattern(form).finditer(text):
            if not _DENIAL.search(text[max(0, found.start() - 40) : found.start()]):
                return form
    return ""


@lru_cache(maxsize=10_000)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(normalized(form))}(?!\w)")


def _first_yes_or_no(text: str) -> str:
    """Return which of yes and no the answer says first, or an empty string when it says neither."""
    yes, no = _YES.search(text), _NO.search(text)
    if yes and no:
        return "yes" if yes.start() < no.start() else "no"
    return "yes" if yes else "no" if no else ""
