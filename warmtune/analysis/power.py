"""Power of an evaluation before it runs: the smallest gap that a number of questions can find."""

import math

DISCORDANT = 0.21
"""Assumed share of pairs in which one answer is right and the other wrong. It is the median over the study's published
comparisons, computed from their differences and odds ratios. Their 5th to 95th percentiles are 0.06 (easy questions) to
0.37 (hard ones)."""
CORRELATION = 0.3
"""Assumed correlation of the difference between two conditions of the same question."""
Z_95 = 1.959963984540054
"""Normal quantile of a two-sided 5 % test, and of a 95 % interval."""
Z_POWER = Z_95 + 0.8416212335729143
"""The same with a power of 80 %."""


def smallest_gap(
    questions: int, conditions: int, discordant: float = DISCORDANT, correlation: float = CORRELATION
) -> float:
    """Return the smallest gap in percentage points that paired answers can find (two-sided 5 %, power 80 %).

    The variance of one pair's difference is the share of discordant pairs minus the squared gap. With m prompts per
    question it is multiplied by (1 + (m - 1) rho) / m (Kish 1965; Miller 2024, arXiv 2411.00640, section 5).
    """
    shared = (1 + (conditions - 1) * correlation) / conditions
    gap = 0.0
    for _ in range(50):  # the variance depends on the gap, so iterate
        gap = Z_POWER * math.sqrt(max(discordant - gap**2, 1e-9) * shared / questions)
    return 100 * min(gap, 1.0)


def needed(gap: float, conditions: int, discordant: float = DISCORDANT, correlation: float = CORRELATION) -> int:
    """Return how many questions are needed to find a gap, given in percentage points."""
    shared = (1 + (conditions - 1) * correlation) / conditions
    share = gap / 100
    return math.ceil(Z_POWER**2 * max(discordant - share**2, share - share**2) * shared / share**2)
