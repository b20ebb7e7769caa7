"""Names: of people, places, products, months. Every one of the original in the rewrite, and none that is new."""

import re
import unicodedata
from collections.abc import Iterable

_TOKEN = re.compile(r"[^\W\d_][\w'-]*(?:\.[A-Z]\.?)*")
_NO_NAMES = frozenset(
    """i i'm i've i'd i'll ai ok okay oh hey hi hello wow yay aw aww ugh yes no tv pdf url faq friend dear sweetheart honey
    darling buddy love god gosh goodness lord mr mrs ms dr english internet web mom dad mum id noon""".split()
)
_SAME = (
    ("us", "usa", "america", "american", "state", "states", "united", "u.s"),
    ("uk", "britain", "kingdom", "united", "british"),
    ("eu", "union", "european", "europe"),
    ("un", "nation", "nations", "united"),
    ("xmas", "christmas"),
)


def names(sentences: Iterable[str]) -> dict[str, str]:
    """Return the names in sentences: the folded form of each with the form it is written in.

    A word counts as a name when it has a capital inside a sentence, or is written in capitals. At the beginning of a
    sentence a capital says nothing.
    """
    found: dict[str, str] = {}
    for sentence in sentences:
        tokens = list(_TOKEN.finditer(sentence))
        shouted = sum(token.group().isupper() for token in tokens) > 0.6 * len(tokens) and len(tokens) > 2
        titled = sum(token.group()[0].isupper() for token in tokens) > 0.9 * len(tokens) and len(tokens) > 3 and "," not in sentence
        for place, token in enumerate(tokens):
            word = token.group()
            inside = place > 0 and not re.search(r"[.!?:\"(\n]\s*$", sentence[: token.start()])
            acronym = len(word) > 1 and (word.isupper() or bool(re.search(r"[a-z][A-Z]", word)))
            if (inside and word[0].isupper() and not titled) or (acronym and not shouted):
                folded = fold(word)
                if folded not in _NO_NAMES and (len(folded) > 1 or word in "BCDEFGHJKLMN"):
                    found.setdefault(folded, word)
    return found


def fold(word: str) -> str:
    """Return a word in small letters, without accents and a possessive or plural ending."""
    plain = unicodedata.normalize("NFKD", word.lower()).encode("ascii", "ignore").decode() or word.lower()
    plain = re.sub(r"(?:'s|s'|')$", "", plain).rstrip(".")
    return plain.removesuffix("s") if len(plain) > 3 and not plain.endswith("ss") else plain


def changed_names(original: list[str], styled: list[str], checked: list[str]) -> str:
    """Say which name was lost or is new, or return an empty string.

    Args:
        original: sentences of the original.
        styled: sentences of the rewrite.
        checked: those of them in which a new name matters.
    """
    before, after = names(original), names(checked)
    there, here = _words(styled), _words(original)
    for folded, written in before.items():
        if folded not in there and not _known_as(folded, there) and not _in_parts(folded, there):
            return f"the name '{written}' is missing"
    for folded, written in after.items():
        if folded not in here and not _known_as(folded, here) and not _in_parts(folded, here):
            return f"the name '{written}' is not in the original"
    return ""


def _words(sentences: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for sentence in sentences:
        for token in _TOKEN.findall(sentence):
            found.add(fold(token))
            found.update(fold(part) for part in re.split(r"[-']", token) if part)
    return found


def _known_as(folded: str, words: set[str]) -> bool:
    return any(folded in same and any(other in words for other in same) for same in _SAME)


def _in_parts(folded: str, words: set[str]) -> bool:
    """Tell whether all parts of a name with a hyphen are there."""
    parts = [part for part in folded.split("-") if part]
    return len(parts) > 1 and all(part in words for part in parts)
