"""The data of a comparison: variants of any runs, aligned on the prompts that all of them were asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from warmtune.config.contexts import Grid
from warmtune.io.schemas import Check, Gap

ANSWER_COLUMNS = (
    "variant",
    "benchmark",
    "question_id",
    "context",
    "belief",
    "sample",
    "topic",
    "prompt",
    "question",
    "reference",
    "wrong",
    "answer",
    "mark",
    "by",
    "reason",
)
"""Of `Comparison.answers`: one row per variant and prompt; `reason` is the rule's name or the judge's words."""
DIALLED = " × "
"""Separates the name of a tuned model from the strength of its adapter."""


@dataclass(frozen=True)
class ComparedVariant:
    """One variant in a comparison."""

    name: str
    """Shown to people, and unique in the comparison: `base`, `control`, `warm 0.5`, `warm × 0.75`."""
    kind: Literal["base", "control", "tuned", "other"]
    run: str
    """Name of the run it comes from."""
    series: str
    """Which series it belongs to in the plane of warmth and error: `sweep`, `dial`, `checkpoints`, or none (empty)."""
    x: float | None
    """Where in its series: intensity, scale or epoch."""
    base: str
    """Name of the variant that is its base (runs may have several); empty for a base, and where there is none."""
    control: str
    """Name of the variant that is its control; empty where there is none, as for an adapter from elsewhere."""
    verdict: str
    """What the manipulation check found of it, empty for base and control."""
    holds: bool
    """Whether its error gaps can be read as the cost of its style."""
    origin: str = ""
    """Separates its series from others of the kind. For a strength or a checkpoint: the name of the adapter as it was
    trained. For a point of a sweep: what the points of that sweep have in common."""
    epochs: float | None = None
    """The epoch at which an adapter was taken, for one that is used as it was trained."""


@dataclass(frozen=True)
class FrontierPoint:
    """A variant in the plane of warmth and error; both are differences to the same reference."""

    variant: str
    series: str
    x: float | None
    reference: str
    warmth: float
    """Difference in the probability of the style, by the one style probe for all variants."""
    warmth_low: float
    warmth_high: float
    gap: float
    """Error gap in percentage points, over all prompts."""
    gap_low: float
    gap_high: float


@dataclass(frozen=True)
class SettingDifference:
    """A setting in which the runs differ, with each run's value in the order of `Comparison.runs`."""

    setting: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Variants side by side."""

    title: str
    runs: tuple[str, ...]
    """Names of the compared runs and adapters."""
    variants: tuple[ComparedVariant, ...]
    """Base first, then controls, then the rest by series and x."""
    gaps: Sequence[Gap]
    """Each variant's gaps to its base and to its control, in every part of the grid."""
    checks: Sequence[Check]
    """The instruments' differences, to the same references."""
    points: Sequence[FrontierPoint]
    curves: Mapping[str, Sequence[Mapping[str, float]]]
    """Training loss by step (`step`, `loss`) of each tuned variant and control."""
    differences: Sequence[SettingDifference]
    answers: pd.DataFrame
    """Columns ANSWER_COLUMNS; only prompts that all variants answered."""
    controls: frozenset[str]
    """Benchmarks that should not have changed; they stay out of the gaps over all benchmarks."""
    grid: Grid
    """How people read the parts of the grid, and which contexts are pooled."""
    notes: Sequence[str]
    """What was left out because not all variants share it, and what a reader must know."""
    study: Mapping[str, Any]
    """The study's figures, see `study.json`."""
