"""What came of a tuned model in two numbers, its warmth and its error gap, with intervals; and the table of many.

Behind what a sweep and a dial print, and what a sweeper maximises.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from warmtune.analysis import verdict
from warmtune.analysis.gap_tables import over_all_prompts
from warmtune.config.evaluation_settings import SweepSettings
from warmtune.io.schemas import CHECKS, GAPS, Check, Gap, read
from warmtune.measures import style_probe
from warmtune.presentation.formatting import NONE, with_mark
from warmtune.presentation.terminal import table
from warmtune.runs.run import Run


@dataclass(frozen=True)
class VariantSummary:
    """One variant's figures."""

    warmth: Check | None
    """The chosen instrument's lift over the base; None where the probe had nothing to learn, at intensity 0."""
    gap: Gap
    """The error gap to the chosen reference, over all prompts."""
    verdict: str
    """The manipulation check's."""
    holds: bool
    """Whether the gap can be read as the cost of the style."""
    probe_id: str
    """Digest of the style probe; lifts of different probes are on different scales."""


def summary_of(run: Run, variant: str = "styled") -> VariantSummary:
    """Read a variant's figures from its run's report; how they are chosen is in the recipe's `sweep`."""
    settings, reported = run.settings.sweep, run.stages["report"]
    checks = read(reported.folder / CHECKS, Check)
    wanted = (settings.instrument, variant, "base")
    lift = next((c for c in checks if (c.instrument, c.variant, c.reference) == wanted), None)
    probe_id = run.stages["probe"].digest
    gaps = over_all_prompts(read(reported.folder / GAPS, Gap))
    gap = next(g for g in gaps if (g.variant, g.reference) == (variant, settings.reference))
    found = verdict(checks, run.settings.style.measure.sociot, variant)
    return VariantSummary(lift, gap, found.says, found.holds, probe_id)


def objective(found: VariantSummary, settings: SweepSettings) -> float:
    """Return what a sweeper is to maximise.

    Under the limit it is the warmth's lift, in the instrument's unit. Over the limit it is minus the excess of the
    gap's upper bound in percentage points: worse than any point under the limit that is warmer than the base, and the
    worse the further it is over. Without an interval (too few questions) a point counts as over any limit.
    """
    lift = found.warmth.difference if found.warmth else 0.0
    if settings.max_gap is None:
        return lift
    if found.gap.high != found.gap.high:
        return -100.0
    excess = found.gap.high - settings.max_gap
    return lift if excess <= 0 else -excess


def summary_table(rows: Sequence[tuple[str, VariantSummary]], first: str, settings: SweepSettings) -> Table:
    """Return a table with a row for each variant.

    Args:
        rows: each with its name.
        first: heading of the names.
        settings: which instrument and which reference the figures are of.
    """
    columns = (first, "warmth", f"gap to {settings.reference}", "manipulation check")
    cells = (
        (name, with_mark(found.warmth, 3) if found.warmth else NONE, with_mark(found.gap), found.verdict)
        for name, found in rows
    )
    return table(columns, cells, left=(0, 3))


def legend(settings: SweepSettings, found: Sequence[VariantSummary]) -> str:
    """Say what the table's columns are, and by how many probes the warmth of these was measured."""
    return (
        f"~ the interval includes 0. Warmth: {settings.instrument}, lift over the base{_probes(settings, found)}; gap:"
        f" error less that of {settings.reference}, percentage points, above 0: wrong more often."
    )


def _probes(settings: SweepSettings, found: Sequence[VariantSummary]) -> str:
    count = probes_of(settings, found)
    if count > 1:
        return f" ({count} probes, which learned from different rewrites: their lifts are not on one scale)"
    return " (one probe for all)" if count else ""


def probes_of(settings: SweepSettings, found: Sequence[VariantSummary]) -> int:
    """Return by how many style probes warmth was measured; 0 where another instrument did."""
    return len({one.probe_id for one in found if one.warmth}) if settings.instrument == style_probe.INSTRUMENT else 0
