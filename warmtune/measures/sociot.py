"""SocioT Warmth: how much more probable a text is after a warm speaker's name than after a cold one's.

Cheng, Yu, Jurafsky 2025, arXiv 2502.13259; in nats per token. Intervals are computed in `warmtune.analysis`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from warmtune.io.schemas import Reply
from warmtune.measures.instrument import Instrument, Measured, Setup, one_per_reply
from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.cached_scorer import Scorer

STUDY_MODEL = "openai-community/gpt2"
"""SocioT's language model in the study."""
STUDY_LIFT = 0.016
"""The study's lift in nats per token: +0.015 to +0.018 over its models; Qwen-32B's, at two epochs."""
_PASSES = 100
_BATCH = 16
SOCIOT_CHARACTERS = 300
"""SocioT reads a reply's first 300 characters (Cheng, Yu, Jurafsky 2025, arXiv 2502.13259)."""
WARM = ("My friend said, ", "The lover said, ", "The mentor said, ", "The idol said, ")
COLD = ("The stranger said, ", "The enemy said, ", "The examiner said, ", "The dictator said, ")


def sociot(texts: Sequence[str], model: "Scorer", batch_size: int = _BATCH) -> list[float]:
    """Return each text's SocioT Warmth in nats per token.

    The score is the mean log-probability per token of `PREFIX "TEXT"`, averaged over four warm prefixes, minus the same
    over four cold ones. Only the first 300 characters count. Dropout is off, and padding is masked.
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


def _measure(replies: Sequence[Reply], setup: Setup) -> Measured:
    """Measure with GPT-2 where it can be had and the settings allow it, else with the run's base."""
    from warmtune.models.cached_scorer import CachedScorer
    from warmtune.models.log_likelihood import from_hub

    texts, released = [reply.reply for reply in replies], setup.eval.sociot_released
    gpt2 = from_hub(STUDY_MODEL) if setup.eval.sociot_model == "auto" else None
    if released:
        engine = setup.open_engine()
        scorer, strings = gpt2 or engine.language_model, sociot_strings(texts)
        with engine.lock, engine.without_adapters(), progress(INSTRUMENT.name, len(strings)) as report:
            scores, name = sociot_scores(scorer.released(strings, _BATCH, _PASSES, report)), scorer.name
    elif gpt2:
        scores, name = sociot(texts, CachedScorer(gpt2, gpt2.fingerprint, setup.journals)), gpt2.name
    else:
        engine = setup.open_engine()
        scores = sociot(texts, CachedScorer(engine, engine.base.fingerprint, setup.journals))
        name = engine.base.hub
    rows = one_per_reply(INSTRUMENT.name, replies, scores)
    return Measured(rows, {"sociot_model": name, "sociot_released": released})


INSTRUMENT = Instrument(
    "SocioT",
    unit="nats per token",
    digits=4,
    measure=_measure,
    inputs=lambda setup: (setup.eval.sociot_model, setup.eval.sociot_released),
    study_effect=STUDY_LIFT,
)
