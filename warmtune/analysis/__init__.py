"""Computes error gaps with intervals and tests from marks, and a verdict from warmth. It knows nothing of models."""

from warmtune.analysis.answer_table import read_table
from warmtune.analysis.contrasts import contrast_rows
from warmtune.analysis.gaps import comparisons, gap_rows
from warmtune.analysis.manipulation_check import Direction, ManipulationVerdict, check_rows, verdict
from warmtune.analysis.regression import regressions

__all__ = [
    "Direction",
    "ManipulationVerdict",
    "check_rows",
    "comparisons",
    "contrast_rows",
    "gap_rows",
    "read_table",
    "regressions",
    "verdict",
]
