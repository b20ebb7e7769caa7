"""Asking the stored prompts again: does this adapter, on this machine, still answer what it answered?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.publishing.stored_prompts import StoredPrompt
from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.base import Base

ALIKE_CHARACTERS = 20
"""Characters with which two answers begin alike. Floats differ between machines, batches and precisions, and can tip a
word and all that follows it, but seldom one of the first."""
MIN_ALIKE_SHARE = 0.5
"""Share of answers that must begin alike. On a quickstart: of the same adapter in bf16 8 of 10, of the base 6 %, of the
control 5 %."""


@dataclass(frozen=True)
class RerunAnswer:
    """A stored prompt and what was answered to it now."""

    prompt: StoredPrompt
    answer: str

    @property
    def same(self) -> bool:
        """Whether both answers are the same text."""
        return self.answer == self.prompt.answer

    @property
    def alike(self) -> bool:
        """Whether both begin alike."""
        return self.same or self.differs_at >= ALIKE_CHARACTERS

    @property
    def differs_at(self) -> int:
        """Characters that both answers begin with."""
        pairs = zip(self.answer, self.prompt.answer, strict=False)
        shorter = min(len(self.answer), len(self.prompt.answer))
        return next((n for n, (now, then) in enumerate(pairs) if now != then), shorter)


def ask_again(adapter: Path, base: "Base", prompts: Sequence[StoredPrompt], batch_size: int) -> list[RerunAnswer]:
    """Answer stored prompts with the engine, as the evaluation did.

    Args:
        adapter: the adapter's folder.
        base: the base on this machine.
        prompts: with the answers of the evaluation.
        batch_size: most answers written at the same time.

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
    """Tell whether more answers differ from their beginning than floats account for."""
    return sum(one.alike for one in answered) < MIN_ALIKE_SHARE * len(answered)
