"""Split a reply into sentences and words, without code, links and emphasis."""

import functools
import re
from dataclasses import dataclass

from warmtune.rewriting.guard.patterns import listed

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|(?:https?://|www\.)[^\s<>\"')\]]+", re.DOTALL)
_MARKS = re.compile(r"\*\*|__|^\s{0,3}#{1,6}\s*|^\s*>\s?", re.MULTILINE)
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55\ufe0f\u200d\U0001f1e6-\U0001f1ff]+")
_LIST_ITEM = re.compile(r"^[^\S\n]*(?:[-*+•–]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s+")
_ABBREVIATED = r"(?<!\b[A-Z])(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<!\betc)(?<!\bapprox)"
_END = re.compile(_ABBREVIATED + r"[.!?…]+[\"”’')\]]*\s+(?=\S)|(?<=:)\s+(?=[A-Z\n])")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_PLAIN_MARKS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "−": "-", "\u00a0": " ", "\u202f": " "})


@dataclass(frozen=True)
class Sentence:
    """One sentence of prose or one list item."""

    text: str
    item: bool
    """True for a list item."""


def plain(text: str) -> str:
    """Return the text without code, links, emphasis and emojis, and with plain quotation marks and apostrophes."""
    return _EMOJI.sub(" ", _MARKS.sub("", _CODE.sub(" ", text))).translate(_PLAIN_MARKS)


def sentences(text: str) -> list[Sentence]:
    """Split a plain text into sentences; a list item is one or several sentences of its own."""
    split: list[Sentence] = []
    for line in text.split("\n"):
        marker = _LIST_ITEM.match(line)
        rest = line[marker.end() :] if marker else line
        start = 0
        for end in [*(match.end() for match in _END.finditer(rest)), len(rest)]:
            piece = rest[start:end].strip()
            start = end
            if any(letter.isalnum() for letter in piece):
                split.append(Sentence(piece, marker is not None))
    return split


def words(text: str) -> list[str]:
    """Return the words of a text in small letters, with their apostrophes."""
    return [match.group().lower() for match in _WORD.finditer(text)]


def is_content(word: str) -> bool:
    """Tell whether a word carries content; "the" or "because" only hold a sentence together."""
    return len(word) > 2 and word not in _function_words()


@functools.cache
def _function_words() -> frozenset[str]:
    return frozenset(listed("function_words"))
