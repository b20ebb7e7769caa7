"""Redact personal data: e-mail addresses, telephone numbers, card and account numbers, access keys."""

import re
from collections.abc import Callable

_EXAMPLES = re.compile(r"(?i)@(?:[\w-]+\.)*(?:example|test|invalid|localhost|domain|email|company)\.[a-z]{2,4}$")
"""Domains of examples, which belong to no person."""
_MIXED = re.compile(r"[a-z][A-Z]|[A-Za-z]\d|\d[A-Za-z]")
_THOUSANDS = re.compile(r"\+\d{1,3}(?:[ .]\d{3})*[ .]000")


def _account(text: str) -> str:
    """Return the longest run of words at a text's beginning that is an IBAN by its check digits, or an empty string."""
    words = text.split()
    return next((number for n in range(len(words), 0, -1) if _iban(number := " ".join(words[:n]))), "")


def _iban(text: str) -> bool:
    plain = text.replace(" ", "")
    return len(plain) > 14 and int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


def _luhn(number: str) -> bool:
    """Tell by the check digit whether sixteen digits are a card number."""
    digits = [int(digit) for digit in number if digit.isdigit()][::-1]
    return sum(digits[::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10


def _random(key: str) -> bool:
    """Tell whether a key is random, not a name made of words: it has a digit, and a long part of mixed characters."""
    parts = re.split("[-_]", key)
    return bool(re.search(r"\d", key)) and any(len(part) >= 8 and _MIXED.search(part) for part in parts)


def _dialled(number: str) -> bool:
    """Tell whether a number is a telephone number, not a round number with a plus."""
    return sum(map(str.isdigit, number)) > 8 and not _THOUSANDS.fullmatch(number)


def _if(real: Callable[[str], bool]) -> Callable[[str], str]:
    return lambda text: text if real(text) else ""


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], str]], ...] = tuple(
    (kind, re.compile(pattern), personal)
    for kind, pattern, personal in (
        (
            "KEY",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]|-(?!----))*-----END [A-Z ]*PRIVATE KEY-----"
            r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{22,}\b|\bglpat-[\w-]{20,}"
            r"|\bhf_[A-Za-z]{30,}\b|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}\b"
            r"|\beyJ[\w-]{10,1000}+\.[\w-]{10,}\.[\w-]{10,}|ssh-(?:rsa|ed25519) AAAA[\w+/=]{40,}",
            str,
        ),
        ("KEY", r"\b[spr]k[-_][-_A-Za-z0-9]{20,}\b", _if(_random)),
        (
            "EMAIL",  # neither code (`y@w.mean()`, a decorator after a literal \n) nor git@host:path
            r"(?:(?<![\w.+\\-])|(?<=\\[nrt]))[A-Za-z0-9][\w.+%-]{0,63}@(?>(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b)"
            r"(?!\(|:[\w.~-]*/\w)",
            _if(lambda text: not _EXAMPLES.search(text)),
        ),
        ("IBAN", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", _account),
        ("CARD", r"(?<![\w.])[2-9]\d{3}(?:[ -]?\d{4}){3}(?!\w|\.\d)", _if(_luhn)),
        (
            "PHONE",
            r"(?<![\w.@/=-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}"
            r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|(?:1-)?[2-9]\d\d[-.]\d{3}[-.]\d{4})(?![\w/-]|\.\d)",
            _if(_dialled),
        ),
    )
)
"""Kind, expression, and a function that returns the personal beginning of a match, or an empty string."""
_SIGN = re.compile(r"[\d@]")
_MARKS = (
    "BEGIN ", "eyJ", "ssh-", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "hf_", "xox", "AIza",
    "AKIA", "ASIA", "sk-", "pk-", "rk-", "sk_", "pk_", "rk_",
)  # fmt: skip
"""Every match of `_HINT` holds a digit, an @ or one of these; searching for them is faster."""
_HINT = re.compile(
    r"@|\d{3}|\+\d|[A-Z]{2}\d\d|[spr]k[-_]|A[KS]IA|AIza|BEGIN |eyJ|ssh-|gh[pousr]_|github_pat_|glpat-|hf_|xox"
)
"""Every match of `_KINDS` holds a match of this. Most texts have none and skip the slower expressions."""


def redact_pii(text: str) -> tuple[str, list[str]]:
    """Replace personal data by the name of its kind in brackets; return the text and the kinds, one per replacement.

    >>> redact_pii("Write to jane.doe@gmail.com or call +44 20 7946 0958.")
    ('Write to [EMAIL] or call [PHONE].', ['EMAIL', 'PHONE'])
    """
    kinds: list[str] = []
    if not (_SIGN.search(text) or any(mark in text for mark in _MARKS)) or not _HINT.search(text):
        return text, kinds
    for kind, pattern, personal in _KINDS:

        def put(match: re.Match[str], kind: str = kind, personal: Callable[[str], str] = personal) -> str:
            hit = personal(match[0])
            if not hit:
                return match[0]
            kinds.append(kind)
            return f"[{kind}]{match[0][len(hit) :]}"

        text = pattern.sub(put, text)
    return text, kinds
