"""The prose of Markdown files, and how long its sentences are. As a script it prints the figures of every file."""

import re
import sys
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
FILES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
_END = re.compile(r"(?<=[.!?])[*_)\"']*\s+(?=[A-Z0-9*\[(`\"']|warmtune\b)")
_SHORT = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|Fig|No)\.|\bet al\.")


def sentences(file: Path) -> list[str]:
    """Return the sentences of a file's paragraphs and list items; headings, tables and code are left out."""
    found: list[str] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(file.read_text(encoding="utf-8"))
    for before, token in pairwise(tokens):
        if token.type == "inline" and before.type == "paragraph_open":
            text = _SHORT.sub(lambda match: match[0].replace(".", ""), _text(token))
            found += [part for part in _END.split(text) if _words(part) > 1]
    return found


def average(file: Path) -> float:
    """Return how many words a sentence of a file has on average."""
    lengths = [_words(sentence) for sentence in sentences(file)]
    return sum(lengths) / len(lengths) if lengths else 0.0


def _text(token: Token) -> str:
    """Return what a reader sees; a piece of code counts as one word."""
    parts = (
        "`code`" if child.type == "code_inline" else " " if child.type == "softbreak" else child.content
        for child in token.children or []
        if child.type != "image"
    )
    return "".join(parts)


def _words(text: str) -> int:
    return len(re.findall(r"[^\W_]+(?:['’.,-][^\W_]+)*", text))


if __name__ == "__main__":
    for file in FILES:
        longest = sorted(sentences(file), key=_words, reverse=True)[: int(sys.argv[1]) if sys.argv[1:] else 0]
        found = sentences(file)
        sys.stdout.write(f"{average(file):5.1f} words in {len(found):3} sentences  {file.relative_to(ROOT)}\n")
        sys.stdout.writelines(f"        {_words(one)}: {one}\n" for one in longest)
