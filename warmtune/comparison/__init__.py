"""Variants of several runs side by side: gathered, aligned, measured by one probe, and shown on one page."""

from warmtune.comparison.comparison_data import Comparison
from warmtune.comparison.gather import gather
from warmtune.comparison.page import write_comparison

__all__ = ["Comparison", "gather", "write_comparison"]
