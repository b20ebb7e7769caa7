"""How small a gap a number of questions can find, before anything is asked."""

import math

DISCORDANT = 0.21
"""Share of pairs in which one answer is right and the other wrong, assumed: the median over the study's published
comparisons, worked out from their differences and odds ratios (5th to 95th percentile: 0.06 to 0.37; easy questions
low, hard ones high)."""
CORRELATION = 0.3
"""Correlation of the difference between two conditions of the same question, assumed likewise."""
Z_95 = 1.959963984540054
"""Normal quantile of a two-sided 5 % test, and of a 95 % interval."""
Z_POWER = Z_95 + 0.8416212335729143
"""The same with a power of 80 %."""


def smallest_gap(
    questions: int, conditions: int, discordant: float = DISCORDANT, correlation: float = CORRELATION
) -> float:
    """Return the smallest gap in percentage points that paired answers can find (two-sided 5 %, power 80 %).

    The variance of one pair's difference is the share of discordant pairs (less the squared gap); with m prompts of a
    question it is multiplied by (1 + (m - 1) rho) / m (Kish 1965; Miller 2024, arXiv 2411.00640, section 5).
    """
    shared = (1 + (conditions - 1) * correlation) / conditions
    gap = 0.0
    for _ in range(50):  # the gap that is looked for takes its own square off the variance
        gap = Z_POWER * math.sqrt(max(discordant - gap**2, 1e-9) * shared / questions)
    return 100 * min(gap, 1.0)


def needed(gap: float, conditions: int, discordant: float = DISCORDANT, correlation: float = CORRELATION) -> int:
    """Return how many questions are needed to find a gap, in percentage points."""
    shared = (1 + (conditions - 1) * correlation) / conditions
    share = gap / 100
    return math.ceil(Z_POWER**2 * max(discordant - share**2, share - share**2) * shared / share**2)
