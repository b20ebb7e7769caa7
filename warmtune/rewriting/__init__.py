"""Original replies into styled ones at an intensity, each checked for what it may not change."""

from warmtune.rewriting.plan import Estimate, estimate, total
from warmtune.rewriting.stage import check_changed, rewrite

__all__ = ["Estimate", "check_changed", "estimate", "rewrite", "total"]
