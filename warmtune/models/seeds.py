"""Seeds of sampled answers, for the evaluation and for checking a published adapter's answers again."""

import hashlib
from typing import Any


def prompt_id(question_id: str, context: str, belief: str) -> str:
    """Return the id that a question in a condition has in Inspect's logs; an empty belief is `none` there."""
    return f"{question_id}/{context}/{belief or 'none'}"


def seed_of(seed: int, *parts: Any) -> int:
    """Return a seed made from the run's seed, the prompt and the sample (from 1), the same for every variant."""
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *parts))).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
