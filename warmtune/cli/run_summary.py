"""Print the summary of a finished recipe: its folders, the time per stage, and the error gaps."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from warmtune.analysis.agreement import kappa
from warmtune.analysis.gap_tables import condition_rows
from warmtune.cli.data_summary import print_data
from warmtune.config.contexts import Grid
from warmtune.io.schemas import GAPS, Gap, read
from warmtune.presentation.formatting import with_mark
from warmtune.presentation.terminal import console, table
from warmtune.runs.run import PRINTED_RUN, write_run
from warmtune.runs.store import Stage, peak_gb

if TYPE_CHECKING:
    from warmtune.evaluation import Label
    from warmtune.pipeline.context import RunContext


def summarize(run: "RunContext") -> None:
    """Write the run's folder, and print the tables on standard output."""
    out = console()
    folder = write_run(run.settings, run.done)
    out.print(_times(run.done))
    print_data(out, run)
    if run.settings.model.toy:
        out.print("\nA toy: the base has random weights, and none of these numbers means anything.")
    if "report" in run.done:
        reported = run.done["report"]
        style = run.settings.style.name
        out.print(f"\nError gaps in percentage points; above 0: {style} is wrong more often; 95 % intervals")
        out.print(_gaps(read(reported.folder / GAPS, Gap), style, run.settings.eval.grid))
        out.print("~ the interval includes 0: no difference shown. control: tuned on the original replies.\n")
        out.print((reported.folder / "verdict.txt").read_text().strip())
        out.print(f"Report:  {folder / 'report' / 'report.html'}")
    if "publish" in run.done:
        out.print(f"Adapter: {folder / 'publish' / run.settings.publish.name}")
    out.print(f"{PRINTED_RUN}     {folder}")


def _times(done: dict[str, Stage]) -> Table:
    rows = [(name, f"{stage.seconds:.1f}", "kept from before" if stage.reused else "") for name, stage in done.items()]
    rows.append(("all", f"{sum(stage.seconds for stage in done.values()):.1f}", f"peak memory {peak_gb():.1f} GB"))
    tabulated = table(("stage", "seconds", ""), rows, left=(0, 2))
    tabulated.title, tabulated.title_justify = "Stages", "left"
    return tabulated


def _gaps(gaps: list[Gap], style: str, grid: Grid) -> Table:
    """Tabulate the gaps over all benchmarks, one row per condition."""
    columns = ("condition", "base", "control", style, f"{style} - base", f"{style} - control")
    rows = []
    for row in condition_rows(gaps, grid):
        errors = (row.base.reference_error, row.control.reference_error, row.base.variant_error)
        rows.append((row.name, *(f"{error:.1f} %" for error in errors), with_mark(row.base), with_mark(row.control)))
    return table(columns, rows)


def summarize_labels(labels: "Sequence[Label]") -> None:
    """Print how often a person's marks agree with the marks that count, with the rules, and with the judge."""
    for who, pairs in (
        ("the marks that count", [(label.person, label.mark) for label in labels]),
        ("the rules", [(label.person, label.rule_mark) for label in labels]),
        ("the judge", [(label.person, label.judge_mark) for label in labels if label.judge_mark]),
    ):
        if pairs:
            agreeing = sum(a == b for a, b in pairs)
            console().print(
                f"You and {who} agree on {agreeing} of {len(pairs)} answers (Cohen's kappa"
                f" {kappa([a for a, _ in pairs], [b for _, b in pairs]):.2f})."
            )
