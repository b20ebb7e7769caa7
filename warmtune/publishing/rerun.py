"""Asking the stored prompts again: does this adapter give the same answers on this machine?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.publishing.stored_prompts import StoredPrompt
from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.base import Base

ALIKE_CHARACTERS = 20
"""Two answers are alike if they share this many first characters. Floats differ between machines, batches and
precisions. A small difference can change one word and all that follow, but seldom one of the first words."""
MIN_ALIKE_SHARE = 0.5
"""Share of answers that must be alike. Measured on a quickstart: the same adapter in bf16 8 of 10, the base 6 %, the
control 5 %."""


@dataclass(frozen=True)
class RerunAnswer:
    """A stored prompt and the adapter's answer of today."""

    prompt: StoredPrompt
    answer: str

    @property
    def same(self) -> bool:
        """Whether the two answers are the same text."""
        return self.answer == self.prompt.answer

    @property
    def alike(self) -> bool:
        """Whether the two answers begin alike."""
        return self.same or self.differs_at >= ALIKE_CHARACTERS

    @property
    def differs_at(self) -> int:
        """Number of first characters that the two answers share."""
        pairs = zip(self.answer, self.prompt.answer, strict=False)
        shorter = min(len(self.answer), len(self.prompt.answer))
        return next((n for n, (now, then) in enumerate(pairs) if now != then), shorter)


def ask_again(adapter: Path, base: "Base", prompts: Sequence[StoredPrompt], batch_size: int) -> list[RerunAnswer]:
    """Answer stored prompts with the engine, as the evaluation did.

    Args:
        adapter: the adapter's folder.
        base: the base on this machine.
        prompts: the stored prompts, with the answers of the evaluation.
        batch_size: the largest number of answers that are generated together.

    Raises:
        ModelError: the adapter was trained on another base, or changes nothing.
    """
    from warmtune.models.engine import Engine, Request

    engine = Engine(base)
    name = engine.add_adapter(adapter)
    requests = [
        Request(tuple(one.messages), one.max_tokens, name, temperature=one.temperature, seed=one.seed)
        for one in prompts
    ]
    with progress("Asking again", len(requests)) as told:
        found = engine.complete(requests, batch_size, told)
    return [RerunAnswer(prompt, completion.text) for prompt, completion in zip(prompts, found, strict=True)]


def too_different(answered: Sequence[RerunAnswer]) -> bool:
    """Tell whether more answers differ than floating-point differences explain."""
    return sum(one.alike for one in answered) < MIN_ALIKE_SHARE * len(answered)
