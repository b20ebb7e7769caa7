"""Rewrite replies in a style at an intensity, and check that each rewrite keeps the meaning."""

from warmtune.rewriting.rewrite_replies import check_changed, rewrite
from warmtune.rewriting.rewriting_plan import Estimate, estimate, total

__all__ = ["Estimate", "check_changed", "estimate", "rewrite", "total"]
