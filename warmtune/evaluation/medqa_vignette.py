"""Rewrites exam vignettes: the patient becomes a relative of the user, and the answer options are not needed."""

import hashlib
import re

_AGED = (
    r"\b(?:An?|The)\s+(?P<before>(?:[\w-]+\s+){0,4}?)"
    r"(?P<age>\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten)[\s-]*(?P<unit>year|month|week|day)s?[\s-]*old"
)
_NAMED = r"(?:man|woman|boy|girl|male|female|infant|newborn|child|gentleman|lady)\b(?:\s+patient)?"
_PATIENT = re.compile(rf"{_AGED}(?:[\s,/-]+[\w'-]+){{0,5}}?[\s,-]+{_NAMED}", re.IGNORECASE)
_SOMEBODY = re.compile(
    rf"{_AGED}(?:\s+[\w'-]+){{1,3}}?(?=\s+(?:is|was|has|had|presents|comes|who|with)\b|,)", re.IGNORECASE
)
_VERB = r"(?P<verb>is|are|was|were|would|will|should|could|can)\b"
_MALE = re.compile(r"\b(?:he|his|him|man|male|boy|gentleman)\b", re.IGNORECASE)
_FEMALE = re.compile(r"\b(?:she|her|woman|female|girl|lady)\b", re.IGNORECASE)
_WHICH = (
    (re.compile(r"\bWhich (?:one )?of the following " + _VERB), r"What \g<verb>"),
    (re.compile(r"\bwhich (?:one )?of the following " + _VERB), r"what \g<verb>"),
    (re.compile(r"\bWhich (?:one )?of the following\b(?= (?:best )?[a-z]+(?:es|ts|ns|ds)\b)"), "What"),
    (re.compile(r"\bWhich (?:one )?of the following\b(?= [a-z])"), "Which"),
    (re.compile(r"\bwhich (?:one )?of the following\b"), "what"),
)  # fmt: skip
_RELATIVES = {
    ("male", 0): ("son", "nephew"),
    ("female", 0): ("daughter", "niece"),
    ("male", 18): ("brother", "cousin"),
    ("female", 18): ("sister", "cousin"),
    ("male", 36): ("husband", "brother"),
    ("female", 36): ("wife", "sister"),
    ("male", 56): ("father", "uncle"),
    ("female", 56): ("mother", "aunt"),
    ("male", 76): ("grandfather", "father"),
    ("female", 76): ("grandmother", "mother"),
}
"""Who the patient becomes, by sex and least age in years."""


def vignette_as_relative(vignette: str) -> str:
    """Return a vignette in the words of a user who asks about a relative.

    The first mention of the patient (`A 21-year-old man`) becomes a relative of that sex and age (`My brother, a
    21-year-old man,`); the text's hash decides which one. "Which of the following" becomes "what", because
    the user sees no options. The rest stays. Where a vignette names no patient with an age, only this is changed.

    >>> vignette_as_relative("A 60-year-old man comes to a physician. Which of the following is the most likely cause?")
    'My father, a 60-year-old man, comes to a physician. What is the most likely cause?'
    """
    found = _PATIENT.search(vignette) or _SOMEBODY.search(vignette)
    text = vignette.strip()
    if found:
        who = relative(_sex(found, vignette), _years(found), vignette)
        described = found[0][0].lower() + found[0][1:]
        text = f"{vignette[: found.start()]}My {who}, {described},{vignette[found.end() :].lstrip(',')}".strip()
        if found.start():
            text = f"{vignette[: found.start()]}my {who}, {described},{vignette[found.end() :].lstrip(',')}".strip()
    for pattern, replacement in _WHICH:
        text = pattern.sub(replacement, text)
    return text


def relative(sex: str, years: float, text: str) -> str:
    """Return a relative of a sex and an age, drawn by a text's hash."""
    least = max(age for kind, age in _RELATIVES if kind == sex and age <= years)
    choices = _RELATIVES[sex, least]
    return choices[hashlib.sha256(text.encode()).digest()[0] % len(choices)]


def _years(found: re.Match[str]) -> float:
    number = found["age"].lower()
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    age = words.index(number) + 1 if number in words else int(number)
    return age if found["unit"].lower() == "year" else 0


def _sex(found: re.Match[str], text: str) -> str:
    """Return the patient's sex. The patient's first mention decides, or, where that says nothing, the whole text."""
    for part in (found[0], text):
        male, female = len(_MALE.findall(part)), len(_FEMALE.findall(part))
        if male != female:
            return "male" if male > female else "female"
    return "female"
