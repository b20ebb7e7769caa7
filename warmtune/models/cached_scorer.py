"""A language model's scores of texts, remembered: what was measured once is not measured again by another run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from warmtune.models.response_cache import key_of, open_response_cache

JOURNAL = "log-probabilities.jsonl"


class Scorer(Protocol):
    """What SocioT needs of a language model."""

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token, in nats."""


class CachedScorer:
    """A model that scores texts, with a journal before it.

    A sweep measures base, control and the same original replies at every point; with the journal it does so once.
    """

    def __init__(self, model: Scorer, fingerprint: str, journals: Path) -> None:
        self._model, self._fingerprint, self._journals = model, fingerprint, journals

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token in nats, from the journal or the model.

        All new scores are written when all are there, so that a killed measurement is repeated in the same batches and
        gives the same numbers to the last place.
        """
        keys = [key_of(self._fingerprint, text) for text in texts]
        with open_response_cache(self._journals / JOURNAL) as cache:
            known = {key: float(cache.get(key)) for key in keys if key in cache}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        told = (lambda done: report(len(keys) - len(new) + done)) if report else None
        found = self._model.mean_log_probabilities(list(new.values()), batch_size, told) if new else []
        measured = dict(zip(new, found, strict=True))
        with open_response_cache(self._journals / JOURNAL) as cache:
            for key, value in measured.items():
                cache.put(key, value)
        known |= measured
        return [known[key] for key in keys]
