"""The style probe: a classifier that tells originals from rewrites, learned from a run's own training data.

Each score is the probability of the style, from 0 to 1. Intervals are computed in `warmtune.analysis`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from warmtune.errors import DataError
from warmtune.io.schemas import STYLE_PROBE, Reply, Rewrite
from warmtune.measures.instrument import Instrument, Measured, Setup, one_per_reply
from warmtune.runs.keys import sha256
from warmtune.runs.store import StageOutput, write_atomically


def _probe(seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+(?:'\w+)?\b|!"),
        LogisticRegression(C=10.0, max_iter=1000, random_state=seed),
    )


@dataclass(frozen=True)
class StyleProbe:
    """A fitted probe, and the result of its cross-validation."""

    model: Any
    figures: dict[str, Any]
    """Mean, smallest and largest area under the ROC curve over the folds, and the number of pairs it learned from."""

    def scores(self, texts: Sequence[str]) -> list[float]:
        """Return each text's probability of the style."""
        return [float(value) for value in self.model.predict_proba(list(texts))[:, 1]] if texts else []


def train_probe(pairs: Sequence[tuple[str, str, str]], seed: int) -> StyleProbe:
    """Train a classifier that tells originals from rewrites.

    It is a logistic regression on frequencies of words and word pairs. It never scores a text that it learned from.
    Cross-validation keeps the replies of one conversation, and their rewrites, in the same fold.

    Args:
        pairs: id of the conversation, original, rewrite. Pairs without a difference are left out.
        seed: drives the fit.

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
    model = _probe(seed)
    aucs = cross_val_score(model, known, labels, groups=groups, cv=GroupKFold(folds), scoring="roc_auc")
    model.fit(known, labels)
    figures = {
        "probe_auc": round(float(aucs.mean()), 4),
        "probe_auc_low": round(float(aucs.min()), 4),
        "probe_auc_high": round(float(aucs.max()), 4),
        "probe_pairs": len(changed),
    }
    return StyleProbe(model, figures)


def learn(rewrites: Sequence[Rewrite], seed: int, folder: Path) -> StageOutput:
    """Train the probe on a run's rewrites and write it as `style_probe.json`.

    Where no reply changed, as at intensity 0, there is nothing to learn, and it writes no file.

    Args:
        rewrites: the training replies before and after.
        seed: drives the fit.
        folder: the stage's folder.
    """
    pairs = [(row.id, row.original, row.styled) for row in rewrites]
    if all(original == styled for _, original, styled in pairs):
        return StageOutput([], {"probe_pairs": 0})
    probe = train_probe(pairs, seed)
    words, classifier = probe.model.steps[0][1], probe.model.steps[1][1]
    tree = {
        "vocabulary": [str(word) for word in words.get_feature_names_out()],
        "idf": words.idf_.tolist(),
        "coefficients": classifier.coef_[0].tolist(),
        "intercept": float(classifier.intercept_[0]),
        "figures": probe.figures,
    }
    write_atomically(folder / STYLE_PROBE, json.dumps(tree))
    return StageOutput([STYLE_PROBE], probe.figures)


def load_probe(file: Path) -> StyleProbe:
    """Read a probe that `learn` wrote. It gives the same scores to the last bit."""
    tree = json.loads(file.read_text(encoding="utf-8"))
    model = _probe(0)
    words, classifier = model.steps[0][1], model.steps[1][1]
    words.set_params(vocabulary={word: n for n, word in enumerate(tree["vocabulary"])})
    words.idf_ = np.array(tree["idf"])
    classifier.classes_ = np.array([0, 1])
    classifier.coef_ = np.array([tree["coefficients"]])
    classifier.intercept_ = np.array([tree["intercept"]])
    return StyleProbe(model, tree["figures"])


def _measure(replies: Sequence[Reply], setup: Setup) -> Measured:
    if setup.probe is None:
        return Measured([], {"probe_pairs": 0})
    probe = load_probe(setup.probe)
    scores = probe.scores([reply.reply for reply in replies])
    return Measured(one_per_reply(INSTRUMENT.name, replies, scores), probe.figures)


INSTRUMENT = Instrument(
    "style probe",
    unit="probability",
    digits=3,
    measure=_measure,
    inputs=lambda setup: sha256(setup.probe) if setup.probe else "no probe",
    shows_warmth=False,
)


def probe_ladder(names: Sequence[str], steps: Sequence[Sequence[str]], seed: int) -> list[list[float]]:
    """Score the same replies at several intensities by a probe that learned the first step against the last.

    The probe that scores a reply saw no reply of its conversation, at any intensity.

    Args:
        names: id of each reply's conversation.
        steps: for each intensity, in rising order from 0, the replies.
        seed: drives the fits.

    Returns:
        Each reply's probability of the style, for each intensity.
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
