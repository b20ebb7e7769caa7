"""A cache for a language model's scores of texts, which all runs of a store share."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from warmtune.models.response_cache import key_of, open_response_cache

JOURNAL = "log-probabilities.jsonl"


class Scorer(Protocol):
    """What SocioT needs from a language model."""

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token, in nats."""


class CachedScorer:
    """A model that scores texts, with a cache in front.

    Every point of a sweep measures base, control and the same original replies. With the cache, only the first does.
    """

    def __init__(self, model: Scorer, fingerprint: str, journals: Path) -> None:
        self._model, self._fingerprint, self._journals = model, fingerprint, journals

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token in nats, from the cache or the model.

        New scores are written only when all are there. So a killed measurement is repeated in the same batches, and
        gives the same numbers to the last digit.
        """
        keys = [key_of(self._fingerprint, text) for text in texts]
        with open_response_cache(self._journals / JOURNAL) as cache:
            scores = {key: float(cache.get(key)) for key in keys if key in cache}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in scores}
        report_total = (lambda done: report(len(keys) - len(new) + done)) if report else None
        new_scores = self._model.mean_log_probabilities(list(new.values()), batch_size, report_total) if new else []
        measured = dict(zip(new, new_scores, strict=True))
        with open_response_cache(self._journals / JOURNAL) as cache:
            for key, value in measured.items():
                cache.put(key, value)
        scores |= measured
        return [scores[key] for key in keys]
