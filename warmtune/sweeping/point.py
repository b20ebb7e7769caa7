"""Run one point of a sweep in its own process, so that its memory is free again when it ends."""

import json
import logging
import os
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from warmtune.runs.run import PRINTED_RUN
from warmtune.runs.store import write_atomically
from warmtune.sweeping.sweep_points import SweepRequest
from warmtune.system.child_process import end_with_parent
from warmtune.system.console import print_status

_LOG = logging.getLogger(__name__)

REQUEST, POINT, OUTPUT = "sweep.json", "point.json", "output.txt"
ENDED = "ended"
"""Empty file in a sweep's folder; it says that every point was tried."""
FOLDER = "WARMTUNE_SWEEP"
"""Environment variable with the sweep's folder; Hydra sets it for every job, wherever the launcher starts the job."""
_INTERRUPTED = 130
_LAST_LINES = 8


@dataclass(frozen=True)
class Point:
    """One finished point."""

    number: int
    overrides: list[str]
    """The overrides that differ between points."""
    code: int
    """Exit code of its run."""
    seconds: float
    run: str
    """The run's folder; empty where the run failed."""
    objective: float | None
    """The value that a sweeper maximises, see `objective`; None where the run failed or was not evaluated."""
    error: str
    """The error message of a failed run."""

    @property
    def title(self) -> str:
        """The point's overrides in one line."""
        return " ".join(self.overrides)


def read_points(folder: Path) -> list[Point]:
    """Return a sweep's finished points by number; an empty list where the folder does not belong to a sweep.

    The points' runs lie in the sweep's store, even after the store was moved.
    """
    files = folder.glob(f"*/{POINT}") if is_sweep(folder) else []
    store = folder.resolve().parent.parent
    points = [Point(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
    moved = [replace(point, run=str(store / Path(point.run).name) if point.run else "") for point in points]
    return sorted(moved, key=lambda point: point.number)


def is_sweep(folder: Path) -> bool:
    """Tell whether a folder belongs to a sweep."""
    return (folder / REQUEST).is_file()


def run_point(_: Any) -> float | None:
    """Run one point in its own process. Hydra calls this for every job.

    Returns:
        The objective. None for a failed run: a sweeper counts it as a failed trial and goes on. NaN would not do,
        because Optuna's sweeper raises an error for it and ends the sweep.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    from hydra.core.hydra_config import HydraConfig

    folder = Path(os.environ[FOLDER])
    request = SweepRequest(**json.loads((folder / REQUEST).read_text(encoding="utf-8")))
    job = HydraConfig.get()
    texts = [text.lstrip("+") for text in job.overrides.task]
    own = [request.own.get(text, text) for text in texts if text.partition("=")[0] in request.swept]
    point_folder = folder / str(job.job.num)
    point_folder.mkdir(parents=True, exist_ok=True)
    print_status(f"Point {job.job.num}: {' '.join(own)}")
    started = time.monotonic()
    code, error = _run([request.until, request.recipe, *request.fixed, *own], " ".join(own), point_folder / OUTPUT)
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    seconds = time.monotonic() - started
    point = Point(job.job.num, own, code, round(seconds, 1), "", None, error)
    if code == 0:
        point = _measured(point, point_folder / OUTPUT)
    write_atomically(point_folder / POINT, json.dumps(asdict(point), indent=2))
    if code:
        print_status(f"Point {point.number} ({point.title}) failed with exit code {code}; the others go on. {error}")
    return point.objective


def _run(arguments: list[str], title: str, output: Path) -> tuple[int, str]:
    """Run warmtune and print its messages with the point's title; return its exit code and its error message."""
    command = [sys.executable, "-m", "warmtune", *arguments]
    last: deque[str] = deque(maxlen=_LAST_LINES)
    _LOG.info("starting %s, output in %s", " ".join(command), output)
    with output.open("w", encoding="utf-8") as output_file:
        process = subprocess.Popen(
            command, stdout=output_file, stderr=subprocess.PIPE, text=True, errors="replace", preexec_fn=end_with_parent
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                last.append(line.rstrip())
                print_status(f"[{title}] {line.rstrip()}")
            code = process.wait()
        except BaseException:  # Ctrl-C reaches the child as well; the child keeps its finished work
            process.wait()
            raise
    return code, "\n".join(last).rpartition("warmtune: ")[2] if code else ""


def _measured(point: Point, output: Path) -> Point:
    """Return a finished point with its objective and the run's folder, which is the run's last line of output."""
    from warmtune.runs.run import open_run
    from warmtune.sweeping.variant_summary import objective, summary_of

    last = output.read_text(encoding="utf-8").splitlines()[-1]
    run = open_run(Path(last.removeprefix(PRINTED_RUN).strip()))
    value = objective(summary_of(run), run.settings.sweep) if "report" in run.stages else None
    return replace(point, run=str(run.folder), objective=value)
