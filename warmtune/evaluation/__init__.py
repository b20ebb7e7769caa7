"""What the style cost and whether it took: benchmarks as Inspect tasks, marking by rule, measures of warmth."""

from warmtune.evaluation.stage import answer, open_engine
from warmtune.evaluation.warmth import measure

__all__ = ["answer", "measure", "open_engine"]
