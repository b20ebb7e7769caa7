"""Compares variants of several runs: gathers and aligns their answers, measures them by one probe, writes one page."""

from warmtune.comparison.comparison_data import Comparison
from warmtune.comparison.gather import gather
from warmtune.comparison.page import write_comparison

__all__ = ["Comparison", "gather", "write_comparison"]
