"""Personal data in conversations: e-mail addresses, telephone numbers, card and account numbers, access keys."""

import re

_CODE_LIKE = r"(?<![\w.@/=-])"
_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            "KEY",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"
            r"|\b(?:sk|pk|rk)[-_](?:live|test|proj|ant|or)?[-_A-Za-z0-9]{20,}\b|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
            r"|\bgh[pousr]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{22,}\b|\bglpat-[\w-]{20,}|\bhf_[A-Za-z]{30,}\b"
            r"|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{35}\b|\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
            r"|ssh-(?:rsa|ed25519) AAAA[\w+/=]{40,}",
        ),
        ("EMAIL", r"(?<![\w.+-])[A-Za-z0-9][\w.+%-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b"),
        ("IBAN", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
        ("CARD", r"\b(?:\d{4}[ -]){3}\d{4}\b"),
        (
            "PHONE",
            rf"{_CODE_LIKE}(?:\+\d{{1,3}}[ .-]?(?:\(\d{{1,4}}\)[ .-]?)?\d{{1,4}}(?:[ .-]?\d{{2,4}}){{2,4}}"
            r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[-.]\d{3}[-.]\d{4})(?![\w/-]|\.\d)",
        ),
    )
)
_EXAMPLES = re.compile(r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost|domain|email|company)\.[a-z]{2,4}$", re.IGNORECASE)
"""Domains that stand for any domain: no person is behind them."""
_HINT = re.compile(r"@|\d{3}|\+\d|[a-z]{2,4}[-_]\w{10}|AKIA|ASIA|AIza|eyJ|BEGIN |ssh-")


def masked(text: str) -> tuple[str, list[str]]:
    """Replace personal data by the name of its kind in brackets, and return the kinds found.

    >>> masked("Write to jane.doe@gmail.com or call +44 20 7946 0958.")
    ('Write to [EMAIL] or call [PHONE].', ['EMAIL', 'PHONE'])
    """
    found: list[str] = []
    if not _HINT.search(text):
        return text, found
    for kind, pattern in _KINDS:

        def put(match: re.Match[str], kind: str = kind) -> str:
            if (kind == "EMAIL" and _EXAMPLES.search(match.group())) or (kind == "CARD" and not _luhn(match.group())):
                return match.group()
            found.append(kind)
            return f"[{kind}]"

        text = pattern.sub(put, text)
    return text, found


def _luhn(number: str) -> bool:
    """Tell a card number from sixteen other digits by its check digit."""
    digits = [int(digit) for digit in number if digit.isdigit()][::-1]
    return sum(digits[::2]) % 10 == -sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) % 10
