"""Answers into error gaps with intervals and tests; warmth into a verdict. Knows nothing of models."""

from warmtune.analysis.checks import Verdict, check_rows, verdict
from warmtune.analysis.gaps import PAIRS, gap_rows

__all__ = ["PAIRS", "Verdict", "check_rows", "gap_rows", "verdict"]
