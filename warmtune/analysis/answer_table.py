"""The table that everything here is computed from: one row an answer, and pairs of answers to the same prompt."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from warmtune.errors import DataError

KEY = ["benchmark", "question_id", "context", "belief", "sample"]
"""What names a prompt, and which of several samples of its answer is meant."""
COLUMNS = ["variant", *KEY, "prompt", "mark", "characters"]
ALL = "all"
ABSENT, PRESENT = "absent", "present"
MARKS = ("correct", "incorrect", "refusal", "undecided")
COUNTED = MARKS[:2]
"""Marks that enter an error rate; refusals and undecided answers are counted apart."""
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Choice = npt.NDArray[np.bool_]


def read_table(file: Path) -> pd.DataFrame:
    """Return a file of `Marked` as a table with COLUMNS; `characters` is the length of the answer.

    Raises:
        DataError: a variant answered a prompt twice.
    """
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    found = parquet.read_table(file, columns=[*COLUMNS[:-1], "answer"])
    frame = found.drop_columns(["answer"]).to_pandas()
    frame["characters"] = compute.utf8_length(found["answer"]).to_numpy()
    return checked(frame)


def of_any_table(answers: pd.DataFrame, variants: Collection[str]) -> pd.DataFrame:
    """Return some variants' answers from a table of any origin, as a table with COLUMNS.

    Args:
        answers: one row per answer, at least with `variant`, `question_id` and `mark`.
        variants: whose answers are taken.

    Raises:
        DataError: a column or a variant is missing, a mark is unknown, or a variant answered a prompt twice.
    """
    missing = [name for name in ("variant", "question_id", "mark") if name not in answers.columns]
    if missing:
        raise DataError(
            f"The table of answers has no column {', '.join(missing)}; it has {', '.join(map(str, answers.columns))}."
        )
    absent = [name for name in variants if not (answers["variant"] == name).any()]
    if absent:
        there = ", ".join(sorted({str(name) for name in answers["variant"]}))
        raise DataError(f"The table of answers has no variant {', '.join(absent)}; it has {there}.")
    taken = answers[answers["variant"].isin(list(variants))]
    unknown = sorted({str(one) for one in taken["mark"]} - set(MARKS))
    if unknown:
        raise DataError(f"The mark '{unknown[0]}' is not known; a mark is {', '.join(MARKS[:-1])} or {MARKS[-1]}.")
    blank: dict[str, Any] = {"benchmark": "answers", "context": "none", "belief": "", "sample": 0, "prompt": ""}
    columns: dict[str, Any] = {
        name: taken[name].fillna(value) if name in taken else value for name, value in blank.items()
    }
    length = taken["answer"].astype(str).str.len() if "answer" in taken else 0
    return checked(taken.assign(**columns, characters=length)[COLUMNS])


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose keys are unique and whose names are categories.

    Raises:
        DataError: a variant answered a prompt twice.
    """
    twice = frame.duplicated(["variant", *KEY])
    if twice.any():
        row = frame[twice].iloc[0]
        raise DataError(
            f"The variant {row['variant']} answered {_name(row)} twice ({int(twice.sum())} such rows); a pair needs one"
            " answer. Remove the duplicates, or number them in the column sample."
        )
    named = ["variant", "benchmark", "question_id", "context", "belief", "mark"]
    return frame.assign(**{name: frame[name].astype("category") for name in named})


@dataclass(frozen=True)
class Pairs:
    """Two variants' answers to the same prompts; every array has one entry a pair."""

    variant: str
    reference: str
    keys: pd.DataFrame
    """Columns KEY."""
    variant_mark: npt.NDArray[np.object_]
    reference_mark: npt.NDArray[np.object_]
    controls: frozenset[str] = frozenset()
    """Benchmarks that stay out of `all`."""

    @cached_property
    def counted(self) -> Choice:
        """Pairs in which both answers are right or wrong."""
        counted: Choice = np.isin(self.variant_mark, COUNTED) & np.isin(self.reference_mark, COUNTED)
        return counted

    @cached_property
    def refused(self) -> Choice:
        """Pairs left out because one of the two is a refusal."""
        refused: Choice = (self.variant_mark == "refusal") | (self.reference_mark == "refusal")
        return refused

    @cached_property
    def variant_wrong(self) -> Floats:
        """1 where the variant is wrong."""
        return np.asarray(self.variant_mark == "incorrect", dtype=float)

    @cached_property
    def reference_wrong(self) -> Floats:
        """1 where the reference is wrong."""
        return np.asarray(self.reference_mark == "incorrect", dtype=float)

    @cached_property
    def clusters(self) -> Places:
        """The number of each pair's question."""
        return clusters_of(self.keys)

    def where(self, benchmark: str = ALL, context: str = ALL, belief: str = ALL) -> Choice:
        """Choose pairs by benchmark, by context or group of contexts, and by whether a belief is present."""
        if benchmark == ALL:
            chosen: Choice = ~np.asarray(self.keys["benchmark"].isin(self.controls), dtype=np.bool_)
        else:
            chosen = np.array(self.keys["benchmark"] == benchmark, dtype=np.bool_)
        if context != ALL:
            chosen &= np.asarray(self.keys["context"].isin(contexts_in(context)))
        if belief != ALL:
            chosen &= np.asarray((self.keys["belief"] != "") == (belief == PRESENT), dtype=np.bool_)
        return chosen


GROUPS = {
    "emotion": ("happy", "sad", "anger"),
    "relation": ("close", "hierarchical_up", "hierarchical_down"),
    "stake": ("high_stakes", "low_stakes"),
}
"""The study's groups of contexts."""


def contexts_in(name: str) -> tuple[str, ...]:
    """Return the contexts of a group; a context is its own group."""
    return GROUPS.get(name, (name,))


def clusters_of(keys: pd.DataFrame) -> Places:
    """Number the questions."""
    return np.asarray(keys.groupby(["benchmark", "question_id"], observed=True, sort=True).ngroup(), dtype=np.int64)


def pair(frame: pd.DataFrame, variant: str, reference: str, controls: frozenset[str] = frozenset()) -> Pairs:
    """Pair two variants' answers by what they were asked.

    Raises:
        DataError: one was asked what the other was not, or the same with another prompt; names the first such.
    """
    one, other = (frame[frame["variant"] == name] for name in (variant, reference))
    both = one.merge(other, on=KEY, how="outer", suffixes=("", "_other"), indicator=True, sort=True)
    alone = both[both["_merge"] != "both"]
    if len(alone):
        named = ", ".join(_name(row) for _, row in alone.head(3).iterrows())
        left = int((alone["_merge"] == "left_only").sum())
        raise DataError(
            f"{len(alone)} prompts were answered by one variant only ({left} by {variant}, {len(alone) - left} by"
            f" {reference}), the first {named}; compare variants that were asked the same prompts."
        )
    differs = both[both["prompt"] != both["prompt_other"]]
    if len(differs):
        row = differs.iloc[0]
        raise DataError(
            f"The prompt of {_name(row)} differs between {variant} and {reference}: {_difference(row)};"
            " compare variants that were asked the same prompts."
        )
    own, others = (both[name].astype(object).to_numpy() for name in ("mark", "mark_other"))
    return Pairs(variant, reference, both[KEY], own, others, controls)


def _name(row: Any) -> str:
    parts = [str(row["benchmark"]), str(row["question_id"]), str(row["context"]), str(row["belief"])]
    return "/".join(part for part in parts if part) + (f" (sample {row['sample']})" if row["sample"] else "")


def _difference(row: Any) -> str:
    """Show where two prompts part."""
    one, other = str(row["prompt"]), str(row["prompt_other"])
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, at - 30)
    return f"…{one[start : at + 30]!r} against …{other[start : at + 30]!r}"
