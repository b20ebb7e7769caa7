"""Original replies into styled ones at an intensity, each checked for what it may not change."""

from warmtune.rewriting.plan import Estimate, estimate, total
from warmtune.rewriting.stage import rewrite

__all__ = ["Estimate", "estimate", "rewrite", "total"]
