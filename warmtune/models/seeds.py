"""Seeds of sampled answers: of the evaluation, and of whoever asks a published adapter's prompts again."""

import hashlib
from typing import Any


def prompt_id(question_id: str, context: str, belief: str) -> str:
    """Return the name of a question in a condition, as Inspect's logs have it; an empty belief is `none`."""
    return f"{question_id}/{context}/{belief or 'none'}"


def seed_of(seed: int, *named: Any) -> int:
    """Return a seed that is the same for every variant: of the run's seed, the prompt and the sample (from 1)."""
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *named))).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
