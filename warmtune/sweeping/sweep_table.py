"""What is printed when a sweep is over: every point with its warmth and its cost, the warmest that costs little enough,
and those that failed."""

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
    runs = {one.run: one.title for one in points if one.objective is not None}  # a search may draw a point again
    measured = [(title, summary_of(open_run(Path(run)))) for run, title in runs.items()]
    failed = [one for one in points if one.code]
    again = len(points) - len({one.title for one in points})
    more = f"; the search drew {again} of them again" if again else ""
    out.print(f"\n{len(points)} points: {len(points) - len(failed)} done, {len(failed)} failed{more}")
    if measured:
        out.print(summary_table(measured, "point", settings))
        out.print(legend(settings, [found for _, found in measured]))
        out.print(_choice(measured, settings))
    for one in failed:
        out.print(f"Failed: {one.title} (exit code {one.code}): {one.error}")
    if measured:
        out.print(f"Compare: warmtune compare {folder}")


def _choice(measured: Sequence[tuple[str, VariantSummary]], settings: SweepSettings) -> str:
    """Name the warmest point whose check holds and whose gap stays under the limit, where one is set."""
    if probes_of(settings, [found for _, found in measured]) > 1:
        return (
            "Several probes measured the warmth, so no point is called the warmest; warmtune compare has one for all."
        )
    held = [(name, found) for name, found in measured if found.holds and found.warmth]
    if not held:
        return "The manipulation check holds at no point, so none can be called the warmest."
    allowed = [
        (found.warmth.difference, name)
        for name, found in held
        if found.warmth and (settings.max_gap is None or found.gap.high <= settings.max_gap)
    ]
    under = "" if settings.max_gap is None else f" and whose gap's upper bound stays under {settings.max_gap:g} points"
    which = f"whose manipulation check holds{under}"
    return f"Warmest {which}: {max(allowed)[1]}" if allowed else f"There is no point {which}."
