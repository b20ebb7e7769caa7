"""What came of a tuned model in two numbers, its warmth and its error gap, with intervals; and the table of many.

Behind what a sweep and a dial print, and what a sweeper maximises.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from warmtune.analysis import verdict
from warmtune.runs import Run
from warmtune.schemas import CHECKS, GAPS, Check, Gap, read
from warmtune.settings_evaluation import SweepSettings


@dataclass(frozen=True)
class Outcome:
    """One variant's figures."""

    warmth: Check | None
    """The chosen instrument's lift over the base; None at intensity 0, where the probe has nothing to learn."""
    gap: Gap
    """The error gap to the chosen reference, over all prompts."""
    verdict: str
    """The manipulation check's."""


def outcome_of(run: Run, variant: str = "styled") -> Outcome:
    """Read a variant's figures from its run's report; how they are chosen is in the recipe's `sweep`."""
    settings, reported = run.settings.sweep, run.stages["report"]
    checks = read(reported.folder / CHECKS, Check)
    lift = [c for c in checks if (c.instrument, c.variant, c.reference) == (settings.instrument, variant, "base")]
    gap = next(
        g
        for g in read(reported.folder / GAPS, Gap)
        if (g.variant, g.reference) == (variant, settings.reference) and g.benchmark == g.context == g.belief == "all"
    )
    found = verdict(checks, run.settings.style.measure.sociot, variant)
    return Outcome(lift[0] if lift else None, gap, found.says)


def objective(found: Outcome, settings: SweepSettings) -> float:
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


def outcome_table(rows: Sequence[tuple[str, Outcome]], first: str, settings: SweepSettings) -> Table:
    """Return a table with a row for each variant.

    Args:
        rows: each with its name.
        first: heading of the names.
        settings: which instrument and which reference the figures are of.
    """
    table = Table(box=None, pad_edge=False)
    for column in (first, "warmth", f"gap to {settings.reference}", "manipulation check"):
        table.add_column(column, justify="left" if column in (first, "manipulation check") else "right")
    for name, found in rows:
        table.add_row(name, _said(found.warmth, 3), _said(found.gap, 1), found.verdict)
    return table


def legend(settings: SweepSettings) -> str:
    """Say what the table's columns are."""
    return (
        f"~ the interval includes 0. Warmth: {settings.instrument}, lift over the base; gap: error less that of"
        f" {settings.reference}, percentage points, above 0: wrong more often."
    )


def _said(found: Check | Gap | None, digits: int) -> str:
    if found is None:
        return "–"
    value = found.gap if isinstance(found, Gap) else found.difference
    if found.low != found.low:
        return f"{value:+.{digits}f} (too few)"
    mark = "" if found.low > 0 or found.high < 0 else " ~"
    return f"{value:+.{digits}f} [{found.low:+.{digits}f}, {found.high:+.{digits}f}]{mark}"
