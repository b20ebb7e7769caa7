"""A run on disk: the folder that a recipe left, with its settings and its stages.

Dialling, comparing and publishing read a finished run from here. They make nothing anew: adapters and answers are those
of the run, even if the code has changed since.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.config.compose import convert
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError, StoreError
from warmtune.io.schemas import CHECKS, GAPS, MARKED, REPLIES, REWRITTEN
from warmtune.runs.keys import fingerprint
from warmtune.runs.store import Stage, complete, write_atomically

if TYPE_CHECKING:
    import pandas as pd

RUN = "run.json"
PRINTED_RUN = "Run:"
"""How the last line of a run's output begins; the run's folder follows."""


@dataclass(frozen=True)
class Run:
    """A recipe that was carried out, wholly or in part."""

    folder: Path
    settings: Settings
    stages: dict[str, Stage]
    """The complete stages by name, in the order they were made."""

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def gaps(self) -> "pd.DataFrame":
        """Return the error gaps: one row per pair of variants and part of the grid; columns of `schemas.Gap`.

        Raises:
            StoreError: the run has no report yet.
        """
        return self._table("report", GAPS)

    def checks(self) -> "pd.DataFrame":
        """Return the manipulation check: one row per instrument and pair of variants; columns of `schemas.Check`.

        Raises:
            StoreError: the run has no report yet.
        """
        return self._table("report", CHECKS)

    def answers(self) -> "pd.DataFrame":
        """Return all variants' answers with their marks: one row per answer; columns of `schemas.Marked`.

        Raises:
            StoreError: the run has no marks yet.
        """
        return self._table("mark", MARKED)

    def replies(self) -> "pd.DataFrame":
        """Return all variants' replies to the held-out prompts: one row per reply; columns of `schemas.Reply`.

        Raises:
            StoreError: the run has no replies yet.
        """
        import pandas as pd

        names = [name for name in self.stages if name.startswith("evaluate-")]
        self.require(*(names or ["evaluate-base"]))
        tables = (self._table(name, REPLIES).assign(variant=name.removeprefix("evaluate-")) for name in names)
        return pd.concat(list(tables), ignore_index=True)

    def rewrites(self) -> "pd.DataFrame":
        """Return the training replies before and after rewriting: one row per reply; columns of `schemas.Rewrite`.

        Raises:
            StoreError: the run has no rewrites yet.
        """
        return self._table("rewrite", REWRITTEN)

    @property
    def report(self) -> Path:
        """The path of the report's HTML page.

        Raises:
            StoreError: the run has no report yet.
        """
        self.require("report")
        return self.stages["report"].folder / "report.html"

    def _table(self, stage: str, file: str) -> "pd.DataFrame":
        import pandas as pd

        self.require(stage)
        return pd.read_parquet(self.stages[stage].folder / file)

    def require(self, *names: str) -> None:
        """Check that the run has these stages.

        Raises:
            StoreError: stages are missing; the error names them and the command that makes them.
        """
        missing = [name for name in names if name not in self.stages]
        if missing:
            raise StoreError(
                f"The run {self.folder} is not finished: it has no {', '.join(missing)}. Let it end first, with the"
                f" command that began it (warmtune run {self.settings.recipe} …); what is done is kept."
            )


def is_run(folder: Path) -> bool:
    """Return whether a folder is the folder of a run."""
    return (folder / RUN).is_file()


def folder_of(settings: Settings) -> Path:
    """Return the folder of the run with these settings, whether or not it exists."""
    return Path(settings.store) / f"{Path(settings.recipe).name}-{fingerprint(settings.identity)[:8]}"


def open_run(folder: Path) -> Run:
    """Read a run's settings and its complete stages.

    Raises:
        StoreError: the folder is not that of a run, another version of warmtune wrote it, or a stage in it is damaged.
    """
    if not is_run(folder):
        raise StoreError(
            f"{folder} is not the folder of a run (it has no {RUN}); give one that `warmtune run` printed, such as"
            " runs/quickstart-0123abcd."
        )
    record = json.loads((folder / RUN).read_text(encoding="utf-8"))
    root = folder.resolve().parent
    try:
        settings = convert(record["settings"] | {"store": str(root)})
    except ConfigError as error:
        raise StoreError(
            f"The run {folder} was made by another version of warmtune, whose settings this one cannot read:"
            f" {' '.join(error.problems)} Run its recipe again."
        ) from None
    stages = {name: complete(name, root / "stages" / folder_name) for name, folder_name in record["stages"].items()}
    return Run(folder, settings, {name: stage for name, stage in stages.items() if stage is not None})


def write_run(settings: Settings, done: Mapping[str, Stage]) -> Path:
    """Write the run's folder, with its settings and a link to each stage, and return it."""
    folder = folder_of(settings)
    folder.mkdir(exist_ok=True)
    stages = _recorded(folder) | {name: stage.folder.name for name, stage in done.items()}
    for name, target in stages.items():
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / "stages" / target, target_is_directory=True)
    write_atomically(folder / RUN, json.dumps({"settings": asdict(settings), "stages": stages}, indent=2))
    return folder


def _recorded(folder: Path) -> dict[str, str]:
    """Return the stages' folder names, by stage, that an earlier command wrote into the run's folder."""
    file = folder / RUN
    stages: dict[str, str] = json.loads(file.read_text())["stages"] if file.is_file() else {}
    return stages
