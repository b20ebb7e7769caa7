"""Run a recipe at many points with Hydra's multirun. Each point is a run; the points share equal stages."""

from warmtune.sweeping.sweep import sweep

__all__ = ["sweep"]
