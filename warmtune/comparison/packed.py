"""Packs the page's data: columns with tables of repeated values, as JSON, gzip and base85.

The answers of one prompt lie side by side and those of one question follow each other, so that gzip finds their common
parts. `templates/data.js` reads it.
"""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from warmtune.comparison.comparison_tables import PROMPT, csv_text, ordered_answers, tables
from warmtune.comparison.lookup import Lookup

SAFE = bytes.maketrans(b"<&", b",.")
"""Base85 (a sixteenth shorter than base64) without the two characters that have a meaning in HTML."""
_OF_PROMPT = [*PROMPT, "topic", "question", "reference", "wrong"]
_OF_ANSWER = ["mark", "by", "reason"]


def packed(lookup: Lookup, views: Mapping[str, str]) -> Markup:
    """Return the data of a comparison as one line of text that is safe inside any HTML element.

    Args:
        lookup: the comparison.
        views: markup of parts of the page that are not shown at first; ten variants' take 0.8 MB as they are.
    """
    found = lookup.found
    answers = ordered_answers(found)
    count = len(found.variants)
    prompts = answers.iloc[::count]
    data = {
        "variants": [
            {"name": one.name, "failed": lookup.failed(one.name), "control": one.control} for one in found.variants
        ],
        "groups": {name: list(held) for name, held in found.grid.groups.items()},
        "contexts": found.grid.labels,
        "controls": sorted(found.controls),
        "prompt": prompts["prompt"].tolist(),
        "prompts": {name: _coded(prompts[name]) for name in _OF_PROMPT},
        "answers": _against_neighbours(answers["answer"].tolist(), count),
        "marks": {name: _coded(answers[name]) for name in _OF_ANSWER},
        "views": views,
        "files": {name: csv_text(frame) for name, frame in tables(found).items()},
    }
    text = json.dumps(data, separators=(",", ":"))  # plain ASCII: browsers decode, parse and search it twice as fast
    return Markup(base64.b85encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).translate(SAFE).decode())


def _coded(column: "pd.Series[Any]") -> dict[str, list[Any]]:
    """Return each value once, and for every row the index of its value."""
    places, values = pd.factorize(column)
    return {"values": values.tolist(), "at": places.tolist()}


def _against_neighbours(answers: Sequence[str], count: int) -> list[str | int]:
    """Replace an answer that an earlier variant gave to the same prompt by the index of that variant."""
    short: list[str | int] = []
    for start in range(0, len(answers), count):
        first: dict[str, int] = {}
        for place, answer in enumerate(answers[start : start + count]):
            short.append(answer if first.setdefault(answer, place) == place else first[answer])
    return short
