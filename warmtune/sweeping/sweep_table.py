"""Print the table of a finished sweep: each point's warmth and gap, the warmest point under the limit, the failures."""

from collections.abc import Sequence
from pathlib import Path

from warmtune.config.evaluation_settings import SweepSettings
from warmtune.presentation.terminal import console
from warmtune.runs.run import open_run
from warmtune.sweeping.point import Point
from warmtune.sweeping.variant_summary import VariantSummary, legend, probes_of, summary_of, summary_table


def show(points: Sequence[Point], settings: SweepSettings, folder: Path) -> None:
    """Print the sweep's table on standard output."""
    out = console()
    runs = {point.run: point.title for point in points if point.objective is not None}  # a search may repeat a point
    measured = [(title, summary_of(open_run(Path(run)))) for run, title in runs.items()]
    failed = [point for point in points if point.code]
    repeated = len(points) - len({point.title for point in points})
    repeats = f"; the search drew {repeated} of them again" if repeated else ""
    out.print(f"\n{len(points)} points: {len(points) - len(failed)} done, {len(failed)} failed{repeats}")
    if measured:
        out.print(summary_table(measured, "point", settings))
        out.print(legend(settings, [summary for _, summary in measured]))
        out.print(_choice(measured, settings))
    for point in failed:
        out.print(f"Failed: {point.title} (exit code {point.code}): {point.error}")
    if measured:
        out.print(f"Compare: warmtune compare {folder}")


def _choice(measured: Sequence[tuple[str, VariantSummary]], settings: SweepSettings) -> str:
    """Name the warmest point that passes the manipulation check and, where a limit is set, stays under it."""
    if probes_of(settings, [summary for _, summary in measured]) > 1:
        return (
            "Several probes measured the warmth, so no point is called the warmest; warmtune compare has one for all."
        )
    passing = [(name, summary) for name, summary in measured if summary.holds and summary.warmth]
    if not passing:
        return "The manipulation check holds at no point, so none can be called the warmest."
    allowed = [
        (summary.warmth.difference, name)
        for name, summary in passing
        if summary.warmth and (settings.max_gap is None or summary.gap.high <= settings.max_gap)
    ]
    under = "" if settings.max_gap is None else f" and whose gap's upper bound stays under {settings.max_gap:g} points"
    which = f"whose manipulation check holds{under}"
    return f"Warmest {which}: {max(allowed)[1]}" if allowed else f"There is no point {which}."
