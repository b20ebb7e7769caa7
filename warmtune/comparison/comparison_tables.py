"""Tables of a comparison, and their CSV files. The page offers the same files, which it makes from its own data."""

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import pandas as pd

from warmtune.comparison.comparison_data import ANSWER_COLUMNS, ComparedVariant, Comparison, FrontierPoint
from warmtune.io.schemas import Check, Gap

PROMPT = ["benchmark", "question_id", "context", "belief", "sample"]
"""The columns that identify a prompt."""


def tables(found: Comparison) -> dict[str, pd.DataFrame]:
    """Return every table except the answers, by the name of its file without `.csv`."""
    curves = [{"variant": name, **point} for name, curve in found.curves.items() for point in curve]
    differences = [
        {"setting": one.setting, "run": run, "value": value}
        for one in found.differences
        for run, value in zip(found.runs, one.values, strict=True)
    ]
    return {
        "variants": _frame(ComparedVariant, found.variants),
        "gaps": _frame(Gap, found.gaps),
        "checks": _frame(Check, found.checks),
        "points": _frame(FrontierPoint, found.points),
        "differences": pd.DataFrame(differences, columns=["setting", "run", "value"]),
        "curves": pd.DataFrame(curves, columns=["variant", "step", "loss"]),
    }


def _frame(kind: type[Any], rows: Sequence[Any]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=[column.name for column in fields(kind)])


def ordered_answers(found: Comparison) -> pd.DataFrame:
    """Return the answers prompt by prompt, a question's prompts together, and each prompt's in the variants' order.

    Returns:
        Columns ANSWER_COLUMNS; `sample` is a whole number, all others are texts, and what is missing is empty.
    """
    frame = found.answers[list(ANSWER_COLUMNS)].reset_index(drop=True)
    text = [name for name in ANSWER_COLUMNS if name != "sample"]
    frame[text] = frame[text].astype(object).fillna("").astype(str)
    frame["sample"] = frame["sample"].astype(int)
    place = {one.name: n for n, one in enumerate(found.variants)}
    question = frame.groupby(["benchmark", "question_id"], sort=False).ngroup()
    benchmark = frame.groupby("benchmark", sort=False).ngroup()
    prompt = frame.groupby([*PROMPT, "prompt"], sort=False).ngroup()
    keys = pd.DataFrame({"b": benchmark, "q": question, "p": prompt, "e": frame["variant"].map(place)})
    return frame.loc[keys.sort_values(["b", "q", "p", "e"], kind="stable").index].reset_index(drop=True)


def csv_text(frame: pd.DataFrame) -> str:
    """Return a table as CSV: texts in quotes, so that any line end comes back as it was; floats with six digits."""
    floats = frame.select_dtypes("float").columns
    rounded = frame.assign(**{name: frame[name].map(lambda value: float(f"{value:.6g}")) for name in floats})
    text: str = rounded.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    return text
