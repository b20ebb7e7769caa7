"""What Inspect finds of warmtune by its entry point: the benchmarks as tasks, the engine as a model provider."""

from warmtune.evaluation.inspect_tasks import (
    advbench,
    conspiracy,
    disinfo,
    gsm8k,
    health,
    medqa,
    misconceptions,
    mmlu,
    trivia,
    triviaqa,
    truthfulqa,
)
from warmtune.models.provider import WarmtuneAPI

__all__ = [
    "WarmtuneAPI",
    "advbench",
    "conspiracy",
    "disinfo",
    "gsm8k",
    "health",
    "medqa",
    "misconceptions",
    "mmlu",
    "trivia",
    "triviaqa",
    "truthfulqa",
]
