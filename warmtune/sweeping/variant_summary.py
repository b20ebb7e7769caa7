"""Summarize a tuned model in two numbers with intervals, its warmth and its error gap, and tabulate several models.

Sweeps and the dial print these tables. A sweeper maximises the objective.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from warmtune.analysis import verdict
from warmtune.analysis.gap_tables import over_all_prompts
from warmtune.config.evaluation_settings import SweepSettings
from warmtune.io.schemas import CHECKS, GAPS, Check, Gap, read
from warmtune.measures import registry, style_probe
from warmtune.presentation.formatting import NONE, with_mark
from warmtune.presentation.terminal import table
from warmtune.runs.run import Run


@dataclass(frozen=True)
class VariantSummary:
    """One variant's figures."""

    warmth: Check | None
    """The chosen instrument's lift over the base; None at intensity 0, where the probe has nothing to learn."""
    gap: Gap
    """The error gap to the chosen reference, over all prompts."""
    verdict: str
    """The verdict of the manipulation check."""
    holds: bool
    """True when the gap can be read as the cost of the style."""
    probe_id: str
    """Digest of the style probe; lifts of different probes have different scales."""


def summary_of(run: Run, variant: str = "styled") -> VariantSummary:
    """Read a variant's figures from its run's report; the recipe's `sweep` settings choose them."""
    settings, reported = run.settings.sweep, run.stages["report"]
    checks = read(reported.folder / CHECKS, Check)
    key = (settings.instrument, variant, "base")
    lift = next((c for c in checks if (c.instrument, c.variant, c.reference) == key), None)
    probe_id = run.stages["probe"].digest
    gaps = over_all_prompts(read(reported.folder / GAPS, Gap))
    gap = next(g for g in gaps if (g.variant, g.reference) == (variant, settings.reference))
    check_verdict = verdict(checks, run.settings.style.measure.sociot, variant)
    return VariantSummary(lift, gap, check_verdict.says, check_verdict.holds, probe_id)


def objective(summary: VariantSummary, settings: SweepSettings) -> float:
    """Return the value that a sweeper maximises.

    Under the limit it is the warmth's lift, in the instrument's unit. Over the limit it is minus the excess of the
    gap's upper bound, in percentage points. So a point over the limit is worse than every point under the limit that is
    warmer than the base. Without an interval (too few questions), a point counts as over any limit: -100.
    """
    lift = summary.warmth.difference if summary.warmth else 0.0
    if settings.max_gap is None:
        return lift
    if summary.gap.high != summary.gap.high:
        return -100.0
    excess = summary.gap.high - settings.max_gap
    return lift if excess <= 0 else -excess


def summary_table(rows: Sequence[tuple[str, VariantSummary]], first: str, settings: SweepSettings) -> Table:
    """Return a table with one row per variant.

    Args:
        rows: names and summaries.
        first: heading of the names.
        settings: the instrument and the reference of the figures.
    """
    digits = registry.instrument(settings.instrument).digits
    columns = (first, "warmth", f"gap to {settings.reference}", "manipulation check")
    cells = (
        (name, with_mark(summary.warmth, digits) if summary.warmth else NONE, with_mark(summary.gap), summary.verdict)
        for name, summary in rows
    )
    return table(columns, cells, left=(0, 3))


def legend(settings: SweepSettings, summaries: Sequence[VariantSummary]) -> str:
    """Explain the table's columns, and say how many probes measured the warmth."""
    return (
        f"~ the interval includes 0. Warmth: {settings.instrument}, lift over the base{_probes(settings, summaries)};"
        f" gap: error less that of {settings.reference}, percentage points, above 0: wrong more often."
    )


def _probes(settings: SweepSettings, summaries: Sequence[VariantSummary]) -> str:
    count = probes_of(settings, summaries)
    if count > 1:
        return f" ({count} probes, which learned from different rewrites: their lifts are not on one scale)"
    return " (one probe for all)" if count else ""


def probes_of(settings: SweepSettings, summaries: Sequence[VariantSummary]) -> int:
    """Return how many style probes measured the warmth; 0 where another instrument did."""
    if settings.instrument != style_probe.INSTRUMENT.name:
        return 0
    return len({summary.probe_id for summary in summaries if summary.warmth})
