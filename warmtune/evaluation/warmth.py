"""The manipulation check's instruments on held-out replies: style probe, lexical profile, SocioT.

Each gives one number a reply and a variant; intervals are made later, from the pairs (`warmtune.analysis`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from warmtune.errors import DataError
from warmtune.lexicon import profile
from warmtune.progress import progress
from warmtune.schemas import PROBE, WARMTH, Reply, Rewrite, Warmth, write
from warmtune.store import Outcome, write_atomically

if TYPE_CHECKING:
    from warmtune.generation.engine import Engine

SOCIOT_CHARACTERS = 300
"""SocioT reads a reply's first 300 characters (Cheng, Yu, Jurafsky 2025, arXiv 2502.13259)."""
WARM = ("My friend said, ", "The lover said, ", "The mentor said, ", "The idol said, ")
COLD = ("The stranger said, ", "The enemy said, ", "The examiner said, ", "The dictator said, ")


def measure(
    replies: Sequence[Reply], rewrites: Sequence[Rewrite], engine: "Engine", seed: int, folder: Path
) -> Outcome:
    """Measure every reply with every instrument; write `warmth.parquet` and the probe's own figures, `probe.json`.

    Args:
        replies: the held-out replies of all variants.
        rewrites: the training replies before and after, from which the style probe learns.
        engine: whose base, without adapters, is SocioT's language model.
        seed: drives the probe's folds.
        folder: the stage's folder.
    """
    probed, figures = style_probe(rewrites, [reply.reply for reply in replies], seed)
    rows = [_row(reply, "style probe", value) for reply, value in zip(replies, probed, strict=True)]
    for reply in replies:
        found = profile(reply.reply)
        rows.append(_row(reply, "lexical profile", found.total))
        rows += [_row(reply, f"lexical profile: {kind}", value) for kind, value in asdict(found).items()]
    scores = sociot([reply.reply for reply in replies], engine)
    rows += [_row(reply, "SocioT", value) for reply, value in zip(replies, scores, strict=True)]
    write(folder / WARMTH, Warmth, rows)
    write_atomically(folder / PROBE, json.dumps(figures | {"sociot_model": engine.base.hub}, indent=2))
    return Outcome([WARMTH, PROBE], {"replies": len(replies), **figures})


def style_probe(rewrites: Sequence[Rewrite], texts: Sequence[str], seed: int) -> tuple[list[float], dict[str, Any]]:
    """Learn original against rewritten from the training replies, and score texts.

    A logistic regression on word and word-pair frequencies. It sees no text it scores: those are answers to held-out
    prompts. Cross-validation keeps a reply and its rewrite in the same fold.

    Returns:
        For each text the probability of the style, from 0 to 1; and the probe's own figures: its cross-validated area
        under the ROC curve with the folds' smallest and largest, and how many pairs it learned from.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    changed = [rewrite for rewrite in rewrites if rewrite.styled != rewrite.original]
    groups = np.array([f"{rewrite.id}" for rewrite in changed] * 2)
    folds = min(5, len(set(groups)))
    if folds < 2:
        raise DataError(
            f"The style probe needs rewrites that differ from their originals in at least two conversations, but there"
            f" are {folds}; raise style.intensity or train on more conversations."
        )
    known = [rewrite.original for rewrite in changed] + [rewrite.styled for rewrite in changed]
    labels = np.array([0] * len(changed) + [1] * len(changed))
    probe = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+(?:'\w+)?\b|!"),
        LogisticRegression(C=10.0, max_iter=1000, random_state=seed),
    )
    aucs = cross_val_score(probe, known, labels, groups=groups, cv=GroupKFold(folds), scoring="roc_auc")
    probe.fit(known, labels)
    scores = [float(value) for value in probe.predict_proba(list(texts))[:, 1]]
    figures = {
        "probe_auc": round(float(aucs.mean()), 4),
        "probe_auc_low": round(float(aucs.min()), 4),
        "probe_auc_high": round(float(aucs.max()), 4),
        "probe_pairs": len(changed),
    }
    return scores, figures


def sociot(texts: Sequence[str], engine: "Engine", batch_size: int = 16) -> list[float]:
    """Return each text's SocioT Warmth in nats per token.

    The mean over four warm prefixes of the mean log-probability per token of `PREFIX "TEXT"`, minus the same over four
    cold ones; the text cut to its first 300 characters, dropout off, padding masked.
    """
    quoted = [f'{prefix}"{text[:SOCIOT_CHARACTERS]}"' for text in texts for prefix in (*WARM, *COLD)]
    means: list[float] = []
    with progress("SocioT", len(quoted)) as report:
        step = batch_size * 8
        for start in range(0, len(quoted), step):
            means += engine.mean_log_probabilities(quoted[start : start + step], batch_size)
            report(len(means))
    scores = np.array(means).reshape(len(texts), 2, len(WARM)).mean(axis=2)
    return [float(warm - cold) for warm, cold in scores]


def _row(reply: Reply, instrument: str, value: float) -> Warmth:
    return Warmth(reply.variant, reply.id, instrument, float(value))
