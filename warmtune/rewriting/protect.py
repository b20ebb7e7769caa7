"""What a rewriter may not touch: code, URLs, quoted text, numbers, list items; and the check that it did not."""

import re
from collections import Counter

_FENCED = r"```.*?(?:```|\Z)"
_INLINE = r"`[^`\n]+`"
_URL = r"(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]"
_QUOTED = r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|«[^»\n]{1,400}»"
_NUMBER = r"[-+−]?[$€£¥]?\d+(?:[.,:/×x^-]\d+)*(?:\s?(?:%|°[CF]?|[kmcµ]?[mglWJVA]\b|km/h|[KMGT]i?B\b))?"
PROTECTED = re.compile(f"{_FENCED}|{_INLINE}|{_URL}|{_QUOTED}|{_NUMBER}", re.DOTALL)
_BLOCK = re.compile(r"(?m)^(?:\s{4,}\S.*|\s*[-*+•]\s.*|\s*\d+[.)]\s.*|\s*\|.*|\s*#{1,6}\s.*|\s*>.*)$")
_LIST_MARK = re.compile(r"(?m)^[^\S\n]*(?:[-*+•]|\d+[.)])(?=\s|$)")


def protected_spans(text: str) -> list[str]:
    """Return, in order, the stretches of a text that must come through byte for byte.

    >>> protected_spans('Use `ls -l` at 5 km, see https://example.org/a.')
    ['`ls -l`', '5 km', 'https://example.org/a']
    """
    return [match.group() for match in PROTECTED.finditer(text)]


def prose_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of each stretch of running prose: not protected, no list, table or heading line."""
    closed = sorted([match.span() for match in PROTECTED.finditer(text)] + [m.span() for m in _BLOCK.finditer(text)])
    spans, position = [], 0
    for start, end in closed:
        if start > position:
            spans.append((position, start))
        position = max(position, end)
    if position < len(text):
        spans.append((position, len(text)))
    return spans


def damage(original: str, styled: str) -> str:
    """Say what a rewrite damaged, or return an empty string.

    Checks that the rewrite is not empty, that the original's protected stretches are all there, in order and none
    added, and that it has as many list items.
    """
    if not styled.strip():
        return "the rewrite is empty"
    before, after = protected_spans(original), protected_spans(styled)
    lost, added = Counter(before) - Counter(after), Counter(after) - Counter(before)
    if lost:
        return f"lost or changed: {', '.join(repr(span) for span in lost)}"
    if added:
        return f"added: {', '.join(repr(span) for span in added)}"
    if before != after:
        return "numbers, code, links or quotations stand in another order"
    items = len(_LIST_MARK.findall(original)), len(_LIST_MARK.findall(styled))
    return f"{items[0]} list items became {items[1]}" if items[0] != items[1] else ""
