"""The table of answers, one row per answer, and pairs of answers to the same prompt. All analyses begin with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from warmtune.analysis.bootstrap import FloatArray, IntArray, Mask
from warmtune.errors import DataError

KEY = ["benchmark", "question_id", "context", "belief", "sample"]
"""Columns that identify an answer of a variant: its prompt, and the number of the sample."""
COLUMNS = ["variant", *KEY, "prompt", "mark", "characters"]
ALL = "all"
ABSENT, PRESENT = "absent", "present"
MARKS = ("correct", "incorrect", "refusal", "undecided")
COUNTED = MARKS[:2]
"""Marks that enter an error rate; refusals and undecided answers are counted apart."""
Groups = Mapping[str, Sequence[str]]
"""The contexts in each group, by the group's name."""


def read_table(file: Path) -> pd.DataFrame:
    """Return a Parquet file of `Marked` as a table with COLUMNS; `characters` is the length of the answer.

    Raises:
        DataError: a variant answered a prompt twice.
    """
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    table = parquet.read_table(file, columns=[*COLUMNS[:-1], "answer"])
    frame = table.drop_columns(["answer"]).to_pandas()
    frame["characters"] = compute.utf8_length(table["answer"]).to_numpy()
    return checked(frame)


def of_any_table(answers: pd.DataFrame, variants: Collection[str]) -> pd.DataFrame:
    """Return the answers of some variants, from any table of answers, as a table with COLUMNS.

    Args:
        answers: one row per answer, at least with `variant`, `question_id` and `mark`.
        variants: the variants to take.

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
        present = ", ".join(sorted({str(name) for name in answers["variant"]}))
        raise DataError(f"The table of answers has no variant {', '.join(absent)}; it has {present}.")
    taken = answers[answers["variant"].isin(list(variants))]
    unknown = sorted({str(mark) for mark in taken["mark"]} - set(MARKS))
    if unknown:
        raise DataError(f"The mark '{unknown[0]}' is not known; a mark is {', '.join(MARKS[:-1])} or {MARKS[-1]}.")
    blank: dict[str, Any] = {"benchmark": "answers", "context": "none", "belief": "", "sample": 0, "prompt": ""}
    columns: dict[str, Any] = {
        name: taken[name].fillna(value) if name in taken else value for name, value in blank.items()
    }
    length = taken["answer"].astype(str).str.len() if "answer" in taken else 0
    return checked(taken.assign(**columns, characters=length)[COLUMNS])


def checked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with its names as categories, after a check that no answer stands in it twice.

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
    """Two variants' marks on the same prompts. Every array has one entry per pair."""

    variant: str
    reference: str
    keys: pd.DataFrame
    """One row per pair, with the columns KEY."""
    variant_mark: npt.NDArray[np.object_]
    reference_mark: npt.NDArray[np.object_]
    controls: frozenset[str] = frozenset()
    """Benchmarks that stay out of `all`."""
    groups: Groups = field(default_factory=dict)

    @cached_property
    def counted(self) -> Mask:
        """True for pairs in which both answers are correct or incorrect."""
        counted: Mask = np.isin(self.variant_mark, COUNTED) & np.isin(self.reference_mark, COUNTED)
        return counted

    @cached_property
    def refused(self) -> Mask:
        """True for pairs left out because at least one answer is a refusal."""
        refused: Mask = (self.variant_mark == "refusal") | (self.reference_mark == "refusal")
        return refused

    @cached_property
    def variant_wrong(self) -> FloatArray:
        """1.0 for pairs in which the variant is wrong, else 0.0."""
        return np.asarray(self.variant_mark == "incorrect", dtype=float)

    @cached_property
    def reference_wrong(self) -> FloatArray:
        """1.0 for pairs in which the reference is wrong, else 0.0."""
        return np.asarray(self.reference_mark == "incorrect", dtype=float)

    @cached_property
    def clusters(self) -> IntArray:
        """The number of each pair's question, from 0."""
        return clusters_of(self.keys)

    def where(self, benchmark: str = ALL, context: str = ALL, belief: str = ALL) -> Mask:
        """Return a mask of the pairs of a benchmark, of a context or group of contexts, with or without a belief."""
        if benchmark == ALL:
            chosen: Mask = ~np.asarray(self.keys["benchmark"].isin(self.controls), dtype=np.bool_)
        else:
            chosen = np.array(self.keys["benchmark"] == benchmark, dtype=np.bool_)
        if context != ALL:
            chosen &= np.asarray(self.keys["context"].isin(self.groups.get(context, (context,))))
        if belief != ALL:
            chosen &= np.asarray((self.keys["belief"] != "") == (belief == PRESENT), dtype=np.bool_)
        return chosen


def clusters_of(keys: pd.DataFrame) -> IntArray:
    """Number the questions."""
    return np.asarray(keys.groupby(["benchmark", "question_id"], observed=True, sort=True).ngroup(), dtype=np.int64)


def pair(
    frame: pd.DataFrame,
    variant: str,
    reference: str,
    controls: frozenset[str] = frozenset(),
    groups: Groups | None = None,
) -> Pairs:
    """Pair two variants' answers by what they were asked.

    Raises:
        DataError: the variants were not asked the same prompts; the error names the first difference.
    """
    answers, reference_answers = (frame[frame["variant"] == name] for name in (variant, reference))
    joined = answers.merge(reference_answers, on=KEY, how="outer", suffixes=("", "_other"), indicator=True, sort=True)
    unpaired = joined[joined["_merge"] != "both"]
    if len(unpaired):
        named = ", ".join(_name(row) for _, row in unpaired.head(3).iterrows())
        left = int((unpaired["_merge"] == "left_only").sum())
        raise DataError(
            f"{len(unpaired)} prompts were answered by one variant only ({left} by {variant}, {len(unpaired) - left} by"
            f" {reference}), the first {named}; compare variants that were asked the same prompts."
        )
    differs = joined[joined["prompt"] != joined["prompt_other"]]
    if len(differs):
        row = differs.iloc[0]
        raise DataError(
            f"The prompt of {_name(row)} differs between {variant} and {reference}: {_difference(row)};"
            " compare variants that were asked the same prompts."
        )
    own, others = (joined[name].astype(object).to_numpy() for name in ("mark", "mark_other"))
    return Pairs(variant, reference, joined[KEY], own, others, controls, groups or {})


def _name(row: Any) -> str:
    parts = [str(row["benchmark"]), str(row["question_id"]), str(row["context"]), str(row["belief"])]
    return "/".join(part for part in parts if part) + (f" (sample {row['sample']})" if row["sample"] else "")


def _difference(row: Any) -> str:
    """Return an excerpt of both prompts around their first difference."""
    first, second = str(row["prompt"]), str(row["prompt_other"])
    index = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    start = max(0, index - 30)
    return f"…{first[start : index + 30]!r} against …{second[start : index + 30]!r}"
