"""A reply as the guard sees it: without code and links, in sentences, in words."""

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
    """Return the text without code, links, emphasis marks and emojis, quotation marks and apostrophes made plain."""
    return _EMOJI.sub(" ", _MARKS.sub("", _CODE.sub(" ", text))).translate(_PLAIN_MARKS)


def sentences(text: str) -> list[Sentence]:
    """Split a plain text into sentences; a list item is one or several of its own."""
    found: list[Sentence] = []
    for line in text.split("\n"):
        mark = _LIST_ITEM.match(line)
        rest = line[mark.end() :] if mark else line
        start = 0
        for end in [*(match.end() for match in _END.finditer(rest)), len(rest)]:
            piece = rest[start:end].strip()
            start = end
            if any(letter.isalnum() for letter in piece):
                found.append(Sentence(piece, mark is not None))
    return found


def words(text: str) -> list[str]:
    """Return the words of a text, lower-cased, apostrophes kept."""
    return [match.group().lower() for match in _WORD.finditer(text)]


def is_content(word: str) -> bool:
    """Tell a word that carries content from one that only holds the sentence together."""
    return len(word) > 2 and word not in _function_words()


@functools.cache
def _function_words() -> frozenset[str]:
    return frozenset(listed("function_words"))
