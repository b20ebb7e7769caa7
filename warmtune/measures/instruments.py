"""Instruments that measure a style in texts: the style probe, and SocioT Warmth. Used on data and on answers alike.

Each gives one number a text; intervals are made later, from pairs.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from warmtune.errors import DataError
from warmtune.system.console import progress

SOCIOT_CHARACTERS = 300
"""SocioT reads a reply's first 300 characters (Cheng, Yu, Jurafsky 2025, arXiv 2502.13259)."""
WARM = ("My friend said, ", "The lover said, ", "The mentor said, ", "The idol said, ")
COLD = ("The stranger said, ", "The enemy said, ", "The examiner said, ", "The dictator said, ")


def _probe(seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+(?:'\w+)?\b|!"),
        LogisticRegression(C=10.0, max_iter=1000, random_state=seed),
    )


def style_probe(
    pairs: Sequence[tuple[str, str, str]], texts: Sequence[str], seed: int
) -> tuple[list[float], dict[str, Any]]:
    """Learn original against rewritten from pairs, and score texts.

    A logistic regression on word and word-pair frequencies. It sees no text it scores. Cross-validation keeps the
    replies of one conversation, and their rewrites, in the same fold.

    Args:
        pairs: id of the conversation, original, rewrite; those that do not differ are passed over.
        texts: what to score.
        seed: drives the fit.

    Returns:
        For each text the probability of the style, from 0 to 1; and the probe's own figures: its cross-validated area
        under the ROC curve with the folds' smallest and largest, and how many pairs it learned from.

    Raises:
        DataError: fewer than two conversations have a rewrite that differs.
    """
    from sklearn.model_selection import GroupKFold, cross_val_score

    changed = [pair for pair in pairs if pair[1] != pair[2]]
    groups = np.array([name for name, _, _ in changed] * 2)
    folds = min(5, len(set(groups)))
    if folds < 2:
        raise DataError(
            f"The style probe needs rewrites that differ from their originals in at least two conversations, but there"
            f" are {folds}; raise style.intensity or train on more conversations."
        )
    known = [original for _, original, _ in changed] + [styled for _, _, styled in changed]
    labels = np.array([0] * len(changed) + [1] * len(changed))
    probe = _probe(seed)
    aucs = cross_val_score(probe, known, labels, groups=groups, cv=GroupKFold(folds), scoring="roc_auc")
    probe.fit(known, labels)
    scores = [float(value) for value in probe.predict_proba(list(texts))[:, 1]] if texts else []
    figures = {
        "probe_auc": round(float(aucs.mean()), 4),
        "probe_auc_low": round(float(aucs.min()), 4),
        "probe_auc_high": round(float(aucs.max()), 4),
        "probe_pairs": len(changed),
    }
    return scores, figures


def probe_ladder(names: Sequence[str], steps: Sequence[Sequence[str]], seed: int) -> list[list[float]]:
    """Score the same replies at several intensities by a probe that learns the first step against the last.

    Cross-validated: a reply is scored, at every intensity, by a probe that saw no reply of its conversation.

    Args:
        names: id of each reply's conversation.
        steps: for each intensity, in rising order from 0, the replies.
        seed: drives the fits.

    Returns:
        For each intensity each reply's probability of the style.
    """
    from sklearn.model_selection import GroupKFold

    folds = min(5, len(set(names)))
    scores = [[0.0] * len(names) for _ in steps]
    first, last = steps[0], steps[-1]
    for train, test in GroupKFold(folds).split(names, groups=names):
        probe = _probe(seed)
        probe.fit([first[n] for n in train] + [last[n] for n in train], [0] * len(train) + [1] * len(train))
        for step, texts in enumerate(steps):
            for n, value in zip(test, probe.predict_proba([texts[n] for n in test])[:, 1], strict=True):
                scores[step][n] = float(value)
    return scores


class Scorer(Protocol):
    """What SocioT needs of a language model."""

    def mean_log_probabilities(
        self, texts: Sequence[str], batch_size: int, report: Callable[[int], None] | None = None
    ) -> list[float]:
        """Return each text's mean log-probability per token, in nats."""


def sociot(texts: Sequence[str], model: Scorer, batch_size: int = 16) -> list[float]:
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
