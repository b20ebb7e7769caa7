"""A run as it lies on disk: the folder that a recipe's run left, with its settings and its stages.

What is done with a finished run (dialling, comparing, publishing) reads it from here and makes nothing anew: the
adapters and answers are those of the run, whatever has changed in the code since.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from warmtune.config.compose import convert
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError, StoreError
from warmtune.runs.store import Stage, complete, fingerprint

RUN = "run.json"
PRINTED_RUN = "Run:"
"""What the last line of a run's output begins with, before its folder."""


@dataclass(frozen=True)
class Run:
    """A recipe that was carried out, perhaps not to its end."""

    folder: Path
    settings: Settings
    stages: dict[str, Stage]
    """The complete stages by name, in the order they were made."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def require(self, *names: str) -> None:
        """Raise where stages are missing.

        Raises:
            StoreError: names what is missing and the command that makes it.
        """
        missing = [name for name in names if name not in self.stages]
        if missing:
            raise StoreError(
                f"The run {self.folder} is not finished: it has no {', '.join(missing)}. Let it end first, with the"
                f" command that began it (warmtune run {self.settings.recipe} …); what is done is kept."
            )


def is_run(folder: Path) -> bool:
    """Tell whether a folder is a run's."""
    return (folder / RUN).is_file()


def folder_of(settings: Settings) -> Path:
    """Return the folder that the run of these settings has, or will have."""
    return Path(settings.store) / f"{Path(settings.recipe).name}-{fingerprint(settings.identity)[:8]}"


def open_run(folder: Path) -> Run:
    """Read a run's settings and its complete stages.

    Raises:
        StoreError: the folder is no run's, or a stage in it is damaged.
    """
    if not is_run(folder):
        raise StoreError(
            f"{folder} is not the folder of a run (it has no {RUN}); give one that `warmtune run` printed, such as"
            " runs/quickstart-0123abcd."
        )
    kept = json.loads((folder / RUN).read_text(encoding="utf-8"))
    root = folder.resolve().parent
    try:
        settings = convert(kept["settings"] | {"store": str(root)})
    except ConfigError as error:
        raise StoreError(
            f"The run {folder} was made by another version of warmtune, whose settings this one cannot read:"
            f" {' '.join(error.problems)} Run its recipe again."
        ) from None
    found = {name: complete(name, root / "stages" / place) for name, place in kept["stages"].items()}
    return Run(folder, settings, {name: stage for name, stage in found.items() if stage is not None})
