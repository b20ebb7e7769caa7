"""What Inspect finds of warmtune by its entry point: the benchmarks as tasks, the engine as a model provider."""

from warmtune.evaluation.tasks import conspiracy, health, misconceptions, trivia
from warmtune.generation.provider import WarmtuneAPI

__all__ = ["WarmtuneAPI", "conspiracy", "health", "misconceptions", "trivia"]
