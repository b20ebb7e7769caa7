"""Answers with an effect that is known, to see whether the analysis finds it and nothing else.

A question has a difficulty of its own; a question in a condition has another, shared by both variants; so marks are
correlated within a question across conditions, and within a prompt across variants, as in real grids. The variant's
effect differs between questions around its mean. The truth is the mean of the difference in probability over the
population, computed to four digits.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

CONTEXTS = (
    "none", "happy", "sad", "anger", "close", "hierarchical_up", "hierarchical_down", "high_stakes", "low_stakes",
)  # fmt: skip
GROUPS = {
    "emotion": ("happy", "sad", "anger"),
    "relation": ("close", "hierarchical_up", "hierarchical_down"),
    "stake": ("high_stakes", "low_stakes"),
}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """A grid of prompts and the effect in it."""

    questions: int
    conditions: int
    gap: float
    """Percentage points that the variant is wrong more often, on average over the population of questions."""
    between_questions: float = 1.5
    """Standard deviation of difficulty between questions, logits."""
    between_prompts: float = 0.7
    """... between conditions of one question."""
    of_effect: float = 0.8
    """... of the effect between questions."""
    error_rate: float = -0.8
    """Mean difficulty, logits."""


def effect_for(plan: Plan) -> float:
    """Return the mean effect in logits that makes the gap in the population, by bisection over a large draw."""
    generator = np.random.default_rng(0)
    size = 400_000
    level = plan.error_rate + np.hypot(plan.between_questions, plan.between_prompts) * generator.standard_normal(size)
    spread = plan.of_effect * generator.standard_normal(size)
    low, high = -4.0, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        found = 100 * float((_probability(level + middle + spread) - _probability(level)).mean())
        low, high = (middle, high) if found < plan.gap else (low, middle)
    return (low + high) / 2


def marks(plan: Plan, effect: float, seed: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return who is wrong, reference and variant: questions x conditions each."""
    generator = np.random.default_rng(seed)
    shape = (plan.questions, plan.conditions)
    level = plan.error_rate + plan.between_questions * generator.standard_normal((plan.questions, 1))
    level = level + plan.between_prompts * generator.standard_normal(shape)
    moved = effect + plan.of_effect * generator.standard_normal((plan.questions, 1))
    draws = generator.random((2, *shape))
    return draws[0] < _probability(level), draws[1] < _probability(level + moved)


def grid(questions: int, gap: float, seed: int, variants: tuple[str, ...]) -> pd.DataFrame:
    """Return a whole table of answers: four benchmarks, nine contexts, two beliefs, the last variant with the gap."""
    plan = Plan(questions, 18, gap)
    wrong, moved = marks(plan, effect_for(plan), seed)
    names = [f"q{n:05}" for n in range(questions)]
    generator = np.random.default_rng(seed)
    parts = []
    for variant in variants:
        mark = np.where(moved if variant == variants[-1] else wrong, "incorrect", "correct").astype(object)
        mark[generator.random(mark.shape) < 0.01] = "refusal"
        parts.append(
            pd.DataFrame(
                {
                    "variant": variant,
                    "benchmark": np.repeat([f"b{n % 4}" for n in range(questions)], 18),
                    "question_id": np.repeat(names, 18),
                    "context": np.tile(np.repeat(CONTEXTS, 2), questions),
                    "belief": np.tile(["", "incorrect"] * 9, questions),
                    "sample": 0,
                    "prompt": [f"prompt {n}" for n in range(questions * 18)],
                    "mark": mark.ravel(),
                    "characters": generator.integers(100, 900, questions * 18),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _probability(logit: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-logit))
    return found
