"""Fit the guard's three small models and write them into the package.

    python benchmarks/fit_guard.py

Style sentences against sentences of content come from `style_sentences.txt`, the shipped phrasebooks and the embedded
conversations. For clauses added and lost the faithful pairs of `benchmarks/guard/calibration_pairs*.jsonl` give both
classes: take one sentence out of the original, and what says it in the rewrite has become an addition; take it out of
the rewrite, and it is lost. The pairs with one changed number, negation or name serve as faithful here, for they add
and lose nothing else.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from warmtune.rewriting.guard import clauses as guard
from warmtune.rewriting.guard.content_words import Text, read
from warmtune.rewriting.guard.embedding import embedder
from warmtune.rewriting.guard.text import plain, sentences

ROOT = Path(__file__).parent.parent
PAIRS = sorted((Path(__file__).parent / "guard").glob("calibration_pairs*.jsonl"))
FALSE_ALARMS = 0.02
"""Share of faithful clauses that a threshold may refuse; a reply has about ten."""


def main() -> None:
    """Fit and write."""
    weights: dict[str, Any] = {"style": _style()}
    guard.WEIGHTS.write_text(json.dumps(weights))
    guard._weights.cache_clear()
    pairs = [json.loads(line) for file in PAIRS for line in file.read_text().splitlines()]
    kept = [p for p in pairs if p["kind"] in ("faithful", "number", "negation", "swapped_name")]
    read_pairs = [(p["id"], *read([p["original"], p["rewrite"]], embedder())) for p in kept]
    weights["added"] = _fitted("added", list(_examples(read_pairs, added=True)))
    weights["lost"] = _fitted("lost", list(_examples(read_pairs, added=False)))
    guard.WEIGHTS.write_text(json.dumps(weights) + "\n")


def _style() -> dict[str, Any]:
    folder = ROOT / "warmtune"
    style = (PAIRS[0].parent / "style_sentences.txt").read_text().splitlines() + list(_phrases())
    lines = (folder / "conversations" / "embedded" / "conversations.jsonl").read_text().splitlines()
    replies = [m["content"] for line in lines for m in json.loads(line)["messages"] if m["role"] == "assistant"]
    content = [sentence.text for reply in replies for sentence in sentences(plain(reply))]
    vectors = np.array([e.whole for e in embedder().embed(style + content)])
    labels = [1] * len(style) + [0] * len(content)
    model = LogisticRegression(C=10, class_weight="balanced", max_iter=2000).fit(vectors, labels)
    print(f"style: {len(style)} style sentences, {len(content)} of content")
    return {"coef": np.round(model.coef_[0], 5).tolist(), "intercept": round(float(model.intercept_[0]), 5)}


def _phrases() -> Iterator[str]:
    """Yield the sentences of the shipped phrasebooks, which are style by definition."""
    for file in sorted((ROOT / "conf" / "style").glob("*.yaml")):
        book = yaml.safe_load(file.read_text(encoding="utf-8"))["phrasebook"] or {}
        for kind in ("openers", "bridges", "closers"):
            for strength in book.get(kind) or ():
                for phrase in strength:
                    yield from (sentence.text for sentence in sentences(phrase))


Example = tuple[int, str, list[float]]


def _examples(pairs: list[tuple[str, Text, Text]], added: bool) -> Iterator[Example]:
    """Yield class, pair and features of clauses: 1 for one whose counterpart was taken out."""
    for name, original, styled in pairs:
        one, other = (styled, original) if added else (original, styled)
        for clause in guard.clauses(one, other):
            yield 0, name, clause.features
        yield from ((1, name, features) for features in _without_a_sentence(one, other))


def _without_a_sentence(one: Text, other: Text) -> Iterator[list[float]]:
    """Yield the features of what a sentence of `one` becomes when its counterpart is taken out of `other`."""
    near = np.array([e.whole for e in one.embedded]) @ np.array([e.whole for e in other.embedded]).T
    for place in range(len(other.sentences)):
        best = int(near[:, place].argmax())
        if len(other.sentences) < 3 or near[best, place] < 0.75 or int(near[best].argmax()) != place:
            continue
        left = [n for n in range(len(other.sentences)) if n != place]
        without = Text([other.sentences[n] for n in left], [other.embedded[n] for n in left])
        gone = [clause for clause in guard.clauses(one, without) if clause.sentence == best]
        if gone:  # the clause with most of it missing stands for the sentence
            yield max(gone, key=lambda clause: clause.features[1]).features


def _fitted(name: str, examples: list[Example]) -> dict[str, Any]:
    labels = np.array([label for label, _, _ in examples])
    features = np.array([values for _, _, values in examples])
    groups = [group for _, group, _ in examples]
    model = make_pipeline(
        StandardScaler(), FunctionTransformer(guard.with_products), LogisticRegression(C=0.05, max_iter=5000)
    )
    folded = cross_val_predict(model, features, labels, groups=groups, cv=GroupKFold(10), method="predict_proba")[:, 1]
    threshold = float(np.quantile(folded[labels == 0], 1 - FALSE_ALARMS))
    caught = float((folded[labels == 1] > threshold).mean())
    print(
        f"{name}: {labels.sum()} of {len(labels)} clauses, AUC {roc_auc_score(labels, folded):.3f},"
        f" threshold {threshold:.2f} catches {caught:.1%} (cross-validated)"
    )
    model.fit(features, labels)
    scaler, regression = model[0], model[2]
    return {
        "features": list(guard.FEATURES),
        "mean": np.round(scaler.mean_, 5).tolist(),
        "scale": np.round(scaler.scale_, 5).tolist(),
        "coef": np.round(regression.coef_[0], 5).tolist(),
        "intercept": round(float(regression.intercept_[0]), 5),
        "threshold": round(threshold, 3),
    }


if __name__ == "__main__":
    main()
