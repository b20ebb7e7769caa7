"""The contexts of several runs: one grid for all, and what is said where two runs mean different things by one name."""

from collections.abc import Sequence

from warmtune.config.contexts import ContextSettings, Grid
from warmtune.runs.run import Run


def grid_of(runs: Sequence[Run]) -> tuple[Grid, list[str]]:
    """Return the contexts of all runs, each as the first run has it, and a note on each that runs have differently."""
    found: dict[str, tuple[Run, ContextSettings]] = {}
    notes = []
    for run in runs:
        for one in run.settings.eval.contexts:
            first, known = found.setdefault(one.name, (run, one))
            if known.statements != one.statements:
                notes.append(
                    f"The context {one.name} has other statements in {run.name} than in {first.name}; answers are"
                    " compared where the words of the prompts are the same, and the others are left out."
                )
            if (known.label, known.group) != (one.label, one.group):
                notes.append(
                    f"The context {one.name} has another label or group in {run.name} than in {first.name}, whose label"
                    f" and group stand here: {known.label}, {known.group or 'no group'}."
                )
    return Grid(tuple(one for _, one in found.values())), notes
