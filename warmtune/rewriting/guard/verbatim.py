"""Compare what a rewrite must repeat exactly: code, links and formulas, and the number of list items."""

import re
from collections import Counter

_FENCED = re.compile(r"```[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_URL = re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?*]")
_MATH = re.compile(r"\$\$.+?\$\$|\\\[.+?\\\]", re.DOTALL)
_ITEM = re.compile(r"(?m)^[^\S\n]*(?:[-*+•–]|\d{1,3}[.)])[^\S\n]+\S")


def changed_verbatim(original: str, styled: str) -> str:
    """Say which code, link or formula was lost or added, or that list items were lost; else return an empty string."""
    for what, pattern, exact in (
        ("code block", _FENCED, True),
        ("inline code", _INLINE, False),
        ("link", _URL, False),
        ("formula", _MATH, False),
    ):
        before, after = (_pieces(pattern, text, without_blocks=pattern is not _FENCED) for text in (original, styled))
        lost = before - after if exact else Counter(set(before) - set(after))
        added = after - before if exact else Counter(set(after) - set(before))
        if lost:
            return f"the {what} {_short(next(iter(lost)))} is missing or changed"
        if added:
            return f"the {what} {_short(next(iter(added)))} is not in the original"
    items = [len(_ITEM.findall(_FENCED.sub("", text))) for text in (original, styled)]
    if items[1] < items[0]:
        return f"{items[0]} list items became {items[1]}"
    return ""


def _pieces(pattern: re.Pattern[str], text: str, without_blocks: bool) -> "Counter[str]":
    if without_blocks:
        text = _FENCED.sub(" ", text)
    return Counter(" ".join(match.group(match.lastindex or 0).split()) for match in pattern.finditer(text))


def _short(piece: str) -> str:
    return repr(piece if len(piece) <= 60 else f"{piece[:57]}...")
