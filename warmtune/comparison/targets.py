"""`warmtune compare`: variants of any runs side by side, what is missing evaluated first, on a page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from warmtune.config.evaluation_settings import VariantSettings
from warmtune.errors import DataError
from warmtune.pipeline.extend_run import ensure_evaluated
from warmtune.runs.keys import fingerprint
from warmtune.runs.run import is_run, open_run
from warmtune.sweeping.point import ENDED, Point, is_sweep, read_points
from warmtune.system.console import print_status


@dataclass(frozen=True)
class Targets:
    """What the command line named."""

    runs: list[Path]
    adapters: list[str]
    """Folders as PEFT saves them, or hub:org/name."""
    notes: list[str]
    """What of a sweep is not among the runs."""


def parse_targets(given: Sequence[str]) -> Targets:
    """Tell runs, sweeps (which stand for their runs) and adapters apart.

    Raises:
        DataError: something is none of these, or there is no run whose questions the adapters could be asked.
    """
    runs: list[Path] = []
    adapters: list[str] = []
    notes: list[str] = []
    unknown = []
    for path_or_repo in given:
        folder = Path(path_or_repo)
        if path_or_repo.startswith("hub:"):
            adapters.append(path_or_repo)
        elif (folder / "adapter_config.json").is_file():
            adapters.append(str(folder.resolve()))  # a plain name might be that of an adapter of the run's
        elif is_run(folder):
            runs.append(folder)
        elif is_sweep(folder):
            points = read_points(folder)
            runs += [Path(point.run) for point in points if point.run]
            notes += _left_out(folder, points)
        else:
            unknown.append(path_or_repo)
    if unknown:
        raise DataError(
            f"{', '.join(unknown)}: neither the folder of a run, nor of a sweep, nor an adapter as PEFT saves it; give"
            " what `warmtune run` printed as Run or Compare, or an adapter's folder, or hub:org/name."
        )
    if not runs:
        raise DataError(
            " ".join([*notes, "A comparison needs a run; give the sweep's command again, which goes on where it was."])
            if notes
            else "A comparison needs at least one run, whose questions the adapters are asked; name it first, such as"
            " warmtune compare runs/quickstart-0123abcd hub:org/adapter."
        )
    return Targets(list({run.resolve(): run for run in runs}.values()), list(dict.fromkeys(adapters)), notes)


def _left_out(sweep: Path, points: Sequence[Point]) -> list[str]:
    """Say which points of a sweep have no run to compare."""
    failed = [point.title for point in points if not point.run]
    notes = []
    if failed:
        notes.append(f"{len(failed)} of {len(points)} points of the sweep {sweep.name} failed: {'; '.join(failed)}.")
    if not (sweep / ENDED).exists():
        notes.append(f"The sweep {sweep.name} has not ended: {len(points)} of its points so far.")
    return notes


def compare(given: Sequence[str], to: Path | None) -> Path:
    """Write the comparison and return its page.

    Args:
        given: runs, sweeps, adapters.
        to: folder for the page and the tables; None for one in the first run's store.

    Raises:
        UserError: something cannot be compared; nothing is written then.
    """
    from warmtune.comparison import gather, write_comparison

    if to is not None and to.exists() and not to.is_dir():
        raise DataError(f"--to {to} is a file, but the page and its tables go into a folder; name one.")
    targets = parse_targets(given)
    opened = [open_run(folder) for folder in targets.runs]
    added = [VariantSettings(name=_name(path_or_repo), adapter=path_or_repo) for path_or_repo in targets.adapters]
    runs = [ensure_evaluated(opened[0], added), *(ensure_evaluated(run) for run in opened[1:])]
    found = gather(runs)
    found = replace(found, notes=[*targets.notes, *found.notes])
    for note in found.notes:
        print_status(note)
    store = opened[0].folder.resolve().parent
    folder = to or store / "comparisons" / fingerprint([run.name for run in runs])[:8]
    folder.mkdir(parents=True, exist_ok=True)
    return write_comparison(found, folder)[0]


def _name(path_or_repo: str) -> str:
    """Return a variant's name for an adapter: the last part of its path, in letters that names may have."""
    last = path_or_repo.removeprefix("hub:").rstrip("/").split("/")[-1].lower()
    name = re.sub(r"[^a-z0-9._-]+", "-", last).strip("-._")
    return f"{name or 'adapter'}-{fingerprint(path_or_repo)[:4]}"
