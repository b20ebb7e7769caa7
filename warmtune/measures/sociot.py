"""SocioT Warmth: how much more probable a text is after a warm speaker's name than after a cold one's.

Cheng, Yu, Jurafsky 2025, arXiv 2502.13259; in nats per token. Intervals are computed in `warmtune.analysis`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.cached_scorer import Scorer

INSTRUMENT = "SocioT"
SOCIOT_CHARACTERS = 300
"""SocioT reads a reply's first 300 characters (Cheng, Yu, Jurafsky 2025, arXiv 2502.13259)."""
WARM = ("My friend said, ", "The lover said, ", "The mentor said, ", "The idol said, ")
COLD = ("The stranger said, ", "The enemy said, ", "The examiner said, ", "The dictator said, ")


def sociot(texts: Sequence[str], model: "Scorer", batch_size: int = 16) -> list[float]:
    """Return each text's SocioT Warmth in nats per token.

    The mean over four warm prefixes of the mean log-probability per token of `PREFIX "TEXT"`, minus the same over four
    cold ones; the text cut to its first 300 characters, dropout off, padding masked.
    """
    quoted = sociot_strings(texts)
    with progress("SocioT", len(quoted)) as report:
        return sociot_scores(model.mean_log_probabilities(quoted, batch_size, report))


def sociot_strings(texts: Sequence[str]) -> list[str]:
    """Return the eight strings of each text whose probabilities SocioT compares, warm ones first."""
    return [f'{prefix}"{text[:SOCIOT_CHARACTERS]}"' for text in texts for prefix in (*WARM, *COLD)]


def sociot_scores(means: Sequence[float]) -> list[float]:
    """Return each text's score from the mean log-probabilities of its strings."""
    pairs = np.array(means).reshape(-1, 2, len(WARM)).mean(axis=2)
    return [float(warm - cold) for warm, cold in pairs]
