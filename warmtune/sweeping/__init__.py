"""A recipe at many points, by Hydra's multirun: each a run of its own, what they share made once."""

from warmtune.sweeping.sweep import sweep

__all__ = ["sweep"]
