"""`warmtune compare`: variants of any runs side by side, what is missing evaluated first, on a page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warmtune.errors import DataError
from warmtune.finished import evaluated
from warmtune.progress import say
from warmtune.runs import is_run, open_run
from warmtune.settings_evaluation import VariantSettings
from warmtune.store import fingerprint
from warmtune.sweeping.point import read_points


@dataclass(frozen=True)
class Places:
    """What the command line named."""

    runs: list[Path]
    adapters: list[str]
    """Folders as PEFT saves them, or hub:org/name."""


def places_of(given: Sequence[str]) -> Places:
    """Tell runs, sweeps (which stand for their runs) and adapters apart.

    Raises:
        DataError: something is none of these, or there is no run whose questions the adapters could be asked.
    """
    runs: list[Path] = []
    adapters: list[str] = []
    unknown = []
    for place in given:
        folder = Path(place)
        if place.startswith("hub:") or (folder / "adapter_config.json").is_file():
            adapters.append(place)
        elif is_run(folder):
            runs.append(folder)
        elif points := read_points(folder):
            runs += [Path(point.run) for point in points if point.run]
        else:
            unknown.append(place)
    if unknown:
        raise DataError(
            f"{', '.join(unknown)}: neither the folder of a run, nor of a sweep, nor an adapter as PEFT saves it; give"
            " what `warmtune run` printed as Run or Compare, or an adapter's folder, or hub:org/name."
        )
    if not runs:
        raise DataError(
            "A comparison needs at least one run, whose questions the adapters are asked; name it first, such as"
            " warmtune compare runs/quickstart-0123abcd hub:org/adapter."
        )
    return Places(list(dict.fromkeys(runs)), list(dict.fromkeys(adapters)))


def compare(given: Sequence[str], to: Path | None) -> Path:
    """Write the comparison and return its page.

    Args:
        given: runs, sweeps, adapters.
        to: folder for the page and the tables; None for one in the first run's store.

    Raises:
        UserError: something cannot be compared; nothing is written then.
    """
    from warmtune.comparison import gather, write_comparison

    places = places_of(given)
    opened = [open_run(folder) for folder in places.runs]
    added = [VariantSettings(name=_name(place), adapter=place) for place in places.adapters]
    runs = [evaluated(opened[0], added), *(evaluated(run) for run in opened[1:])]
    found = gather(runs)
    for note in found.notes:
        say(note)
    store = opened[0].folder.resolve().parent
    folder = to or store / "comparisons" / fingerprint([run.name for run in runs])[:8]
    folder.mkdir(parents=True, exist_ok=True)
    return write_comparison(found, folder)[0]


def _name(place: str) -> str:
    """Return a variant's name for an adapter: the last part of its place, in the letters that names have."""
    last = place.removeprefix("hub:").rstrip("/").split("/")[-1].lower()
    name = re.sub(r"[^a-z0-9._-]+", "-", last).strip("-._")
    return f"{name or 'adapter'}-{fingerprint(place)[:4]}"
