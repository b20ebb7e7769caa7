"""Original replies into styled ones at an intensity, each checked for what it may not change."""

from warmtune.rewriting.rewrite_replies import check_changed, rewrite
from warmtune.rewriting.rewriting_plan import Estimate, estimate, total

__all__ = ["Estimate", "check_changed", "estimate", "rewrite", "total"]
