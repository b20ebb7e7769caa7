"""What the command line prints when a recipe is done: where everything is, how long it took, and the error gaps."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from warmtune.analysis.agreement import kappa
from warmtune.analysis.gap_tables import condition_rows
from warmtune.cli.data_summary import WIDTH, print_data
from warmtune.io.schemas import GAPS, Gap, read
from warmtune.presentation.formatting import with_mark
from warmtune.runs.run import PRINTED_RUN, write_run
from warmtune.runs.store import Stage, peak_gb

if TYPE_CHECKING:
    from warmtune.evaluation import Label
    from warmtune.pipeline.context import RunContext


def summarize(run: "RunContext") -> None:
    """Write the run's folder and print the tables, on standard output."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    folder = write_run(run.settings, run.done)
    console.print(_times(run.done))
    print_data(console, run)
    if run.settings.model.toy:
        console.print("\nA toy: the base has random weights, and none of these numbers means anything.")
    if "report" in run.done:
        reported = run.done["report"]
        style = run.settings.style.name
        console.print(f"\nError gaps in percentage points; above 0: {style} is wrong more often; 95 % intervals")
        console.print(_gaps(read(reported.folder / GAPS, Gap), style))
        console.print("~ the interval includes 0: no difference shown. control: tuned on the original replies.\n")
        console.print((reported.folder / "verdict.txt").read_text().strip(), markup=False, soft_wrap=True)
        console.print(f"Report:  {folder / 'report' / 'report.html'}", markup=False, soft_wrap=True)
    if "publish" in run.done:
        console.print(f"Adapter: {folder / 'publish' / run.settings.publish.name}", markup=False, soft_wrap=True)
    console.print(f"{PRINTED_RUN}     {folder}", markup=False, soft_wrap=True)


def _times(done: dict[str, Stage]) -> Table:
    table = Table(title="Stages", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    table.add_column("")
    for name, stage in done.items():
        table.add_row(name, f"{stage.seconds:.1f}", "kept from before" if stage.reused else "")
    table.add_row("all", f"{sum(stage.seconds for stage in done.values()):.1f}", f"peak memory {peak_gb():.1f} GB")
    return table


def _gaps(gaps: list[Gap], style: str) -> Table:
    """Tabulate the gaps over all benchmarks, by condition."""
    table = Table(box=None, pad_edge=False)
    for column in ("condition", "base", "control", style, f"{style} - base", f"{style} - control"):
        table.add_column(column, justify="left" if column == "condition" else "right", no_wrap=True)
    for row in condition_rows(gaps):
        errors = (row.base.reference_error, row.control.reference_error, row.base.variant_error)
        table.add_row(row.name, *(f"{error:.1f} %" for error in errors), with_mark(row.base), with_mark(row.control))
    return table


def summarize_labels(labels: "Sequence[Label]") -> None:
    """Print how far a person's marks agree with the ones that count, by whether a rule or a judge gave them."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    for who, found in (
        ("the marks that count", [(one.person, one.mark) for one in labels]),
        ("the rules", [(one.person, one.rule_mark) for one in labels]),
        ("the judge", [(one.person, one.judge_mark) for one in labels if one.judge_mark]),
    ):
        if found:
            agreed = sum(a == b for a, b in found)
            console.print(
                f"You and {who} agree on {agreed} of {len(found)} answers (Cohen's kappa"
                f" {kappa([a for a, _ in found], [b for _, b in found]):.2f})."
            )
