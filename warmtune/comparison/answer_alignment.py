"""Aligns the answers and replies of variants from several runs on the prompts that all of them were given."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from warmtune.comparison.compared_variants import VariantSource, marked
from warmtune.comparison.comparison_data import ANSWER_COLUMNS
from warmtune.errors import DataError
from warmtune.io.schemas import REPLIES, Reply, read

KEY = ["benchmark", "question_id", "context", "belief", "sample", "prompt"]
"""Two answers are a pair if these columns are equal: the same part of the grid, and the same words."""


@dataclass(frozen=True)
class AlignedAnswers:
    """Answers and replies to the prompts that all variants were given."""

    answers: pd.DataFrame
    """Columns ANSWER_COLUMNS."""
    replies: dict[str, dict[str, str]]
    """Replies to the shared held-out prompts, by the variant's name and then by the prompt's id."""
    notes: list[str]


def align(sources: Sequence[VariantSource]) -> AlignedAnswers:
    """Return the answers to the prompts that every variant was asked, and say what is left out.

    Raises:
        DataError: the variants share no prompt.
    """
    frames = {one.variant.name: _answers(one) for one in sources}
    asked = {name: pd.MultiIndex.from_frame(frame[KEY]) for name, frame in frames.items()}
    shared = next(iter(asked.values()))
    for keys in asked.values():
        shared = shared.intersection(keys, sort=False)
    if not len(shared):
        counts = ", ".join(f"{name} {len(keys):,}" for name, keys in asked.items())
        raise DataError(
            f"No prompt was asked of all that are compared ({counts} prompts each): a comparison needs the same"
            " questions in the same words. Compare runs with the same eval.benchmarks, questions, contexts and seed."
        )
    notes = _left_out(sources, frames, {name: int((~keys.isin(shared)).sum()) for name, keys in asked.items()}, shared)
    kept = [frame[keys.isin(shared)] for frame, keys in zip(frames.values(), asked.values(), strict=True)]
    answers = pd.concat(kept, ignore_index=True)[list(ANSWER_COLUMNS)]
    replies, more = _replies(sources)
    return AlignedAnswers(answers, replies, notes + more)


def _answers(source: VariantSource) -> pd.DataFrame:
    """Read one variant's marked answers."""
    frame = marked(source.run, source.name_in_run)
    judged = frame["by"] == "judge"
    return frame.assign(
        variant=source.variant.name,
        reason=frame["judge_reason"].where(judged, frame["rule"]),
    )


def _left_out(
    sources: Sequence[VariantSource], frames: dict[str, pd.DataFrame], missing: dict[str, int], shared: pd.MultiIndex
) -> list[str]:
    """Return a note for each run on the prompts that another run did not ask."""
    notes = []
    for run in dict.fromkeys(one.run.name for one in sources):
        names = [one.variant.name for one in sources if one.run.name == run]
        count = max(missing[name] for name in names)
        if count:
            frame = frames[names[0]]
            left = frame[~pd.MultiIndex.from_frame(frame[KEY]).isin(shared)]
            benchmarks = ", ".join(f"{name} {n:,}" for name, n in left["benchmark"].value_counts().sort_index().items())
            notes.append(
                f"{count:,} of {len(frame):,} prompts of {run} were not asked of all and are left out ({benchmarks})."
            )
    return notes


def _replies(sources: Sequence[VariantSource]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """Return the replies to the held-out prompts that all variants with any replies were given, and notes."""
    found: dict[str, dict[str, Reply]] = {}
    for one in sources:
        rows = read(one.run.stages[f"evaluate-{one.name_in_run}"].folder / REPLIES, Reply)
        if rows:
            found[one.variant.name] = {f"{row.id}\n{row.prompt}": row for row in rows}
    shared = set.intersection(*(set(rows) for rows in found.values())) if found else set()
    notes = [f"{one.variant.name} has no held-out replies, so its warmth is not measured." for one in sources
             if one.variant.name not in found]  # fmt: skip
    most = max((len(rows) for rows in found.values()), default=0)
    if len(shared) < most:
        notes.append(f"Warmth is measured on the {len(shared):,} held-out prompts that all were given, of {most:,}.")
    return {name: {key: rows[key].reply for key in sorted(shared)} for name, rows in found.items()}, notes
