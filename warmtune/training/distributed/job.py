"""One training, as it is handed to the processes that carry it out."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from warmtune.config.training_settings import LaunchSettings, TrainSettings
from warmtune.models.base import Base

JOB = "job-{node}.json"


@dataclass(frozen=True)
class Job:
    """Everything that determines an adapter, and where it goes."""

    rows: Path
    """Parquet file of `TrainingRow`."""
    base: Base
    settings: TrainSettings
    launch: LaunchSettings
    seed: int
    title: str
    """What people are told is being done."""
    folder: Path

    @property
    def checkpoints(self) -> Path:
        """Where a killed training goes on from."""
        return self.folder / "checkpoints"

    def write(self) -> Path:
        """Write the job for other processes and return the file."""
        file = self.folder / JOB.format(node=self.launch.node_rank)
        file.write_text(json.dumps(asdict(self), default=str))
        return file


def read_job(file: Path) -> Job:
    """Read what `Job.write` wrote."""
    from pydantic import TypeAdapter

    tree = json.loads(file.read_text())
    base = tree["base"] | {"folder": Path(tree["base"]["folder"])}
    return Job(
        rows=Path(tree["rows"]),
        base=Base(**base),
        settings=TypeAdapter(TrainSettings).validate_json(json.dumps(tree["settings"])),
        launch=TypeAdapter(LaunchSettings).validate_json(json.dumps(tree["launch"])),
        seed=tree["seed"],
        title=tree["title"],
        folder=Path(tree["folder"]),
    )
