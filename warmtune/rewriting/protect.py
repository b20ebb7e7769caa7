"""Find the prose that the phrasebook may change: no code, URLs, quoted text, numbers or list items."""

import re

_FENCED = r"```.*?(?:```|\Z)"
_INLINE = r"`[^`\n]+`"
_URL = r"(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]"
_QUOTED = r"\"[^\"\n]{1,400}\"|“[^”\n]{1,400}”|«[^»\n]{1,400}»"
_NUMBER = r"[-+−]?[$€£¥]?\d+(?:[.,:/×x^-]\d+)*(?:\s?(?:%|°[CF]?|[kmcµ]?[mglWJVA]\b|km/h|[KMGT]i?B\b))?"
PROTECTED = re.compile(f"{_FENCED}|{_INLINE}|{_URL}|{_QUOTED}|{_NUMBER}", re.DOTALL)
_BLOCK = re.compile(r"(?m)^(?:\s{4,}\S.*|\s*[-*+•]\s.*|\s*\d+[.)]\s.*|\s*\|.*|\s*#{1,6}\s.*|\s*>.*)$")


def prose_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of each stretch of running prose, without lines of lists, tables and headings."""
    closed = sorted([match.span() for match in PROTECTED.finditer(text)] + [m.span() for m in _BLOCK.finditer(text)])
    spans, position = [], 0
    for start, end in closed:
        if start > position:
            spans.append((position, start))
        position = max(position, end)
    if position < len(text):
        spans.append((position, len(text)))
    return spans
