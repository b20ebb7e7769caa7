"""One point of a sweep: a run in a process of its own, so that its memory is free again when it ends."""

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
from warmtune.sweeping.sweep_points import Order
from warmtune.system.child_process import end_with_parent
from warmtune.system.console import print_status

_LOG = logging.getLogger(__name__)

ORDER, POINT, OUTPUT = "sweep.json", "point.json", "output.txt"
ENDED = "ended"
"""Empty file in a sweep's folder that says that every point was tried."""
FOLDER = "WARMTUNE_SWEEP"
"""Environment variable with the sweep's folder; Hydra sets it around every job, wherever its launcher starts it."""
_INTERRUPTED = 130
_LAST_LINES = 8


@dataclass(frozen=True)
class Point:
    """One point when it is done."""

    number: int
    overrides: list[str]
    """Its own, by which it differs from the others."""
    code: int
    """Exit code of its run."""
    seconds: float
    run: str
    """The run's folder; empty where it failed."""
    objective: float | None
    """What a sweeper maximises, see `objective`; None where the run failed or was not evaluated."""
    error: str
    """The last words of a run that failed."""

    @property
    def title(self) -> str:
        """Its own settings, for people."""
        return " ".join(self.overrides)


def read_points(folder: Path) -> list[Point]:
    """Return a sweep's points that are done, by number; none where the folder is no sweep's.

    Their runs lie in the sweep's store, wherever that is now.
    """
    files = folder.glob(f"*/{POINT}") if is_sweep(folder) else []
    store = folder.resolve().parent.parent
    found = [Point(**json.loads(file.read_text(encoding="utf-8"))) for file in files]
    placed = [replace(one, run=str(store / Path(one.run).name) if one.run else "") for one in found]
    return sorted(placed, key=lambda one: one.number)


def is_sweep(folder: Path) -> bool:
    """Tell whether a folder is a sweep's."""
    return (folder / ORDER).is_file()


def run_point(_: Any) -> float | None:
    """Run one point in a process of its own; what Hydra calls for every job.

    Returns:
        The objective; nothing where the run failed, which a sweeper counts as a failed trial and passes over. (Of not a
        number Optuna's sweeper makes an error that ends the sweep.)

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    from hydra.core.hydra_config import HydraConfig

    folder = Path(os.environ[FOLDER])
    order = Order(**json.loads((folder / ORDER).read_text(encoding="utf-8")))
    job = HydraConfig.get()
    texts = [text.lstrip("+") for text in job.overrides.task]
    own = [order.own.get(text, text) for text in texts if text.partition("=")[0] in order.swept]
    here = folder / str(job.job.num)
    here.mkdir(parents=True, exist_ok=True)
    print_status(f"Point {job.job.num}: {' '.join(own)}")
    started = time.monotonic()
    code, error = _run([order.until, order.recipe, *order.fixed, *own], " ".join(own), here / OUTPUT)
    if code == _INTERRUPTED:
        raise KeyboardInterrupt
    seconds = time.monotonic() - started
    point = Point(job.job.num, own, code, round(seconds, 1), "", None, error)
    if code == 0:
        point = _measured(point, here / OUTPUT)
    write_atomically(here / POINT, json.dumps(asdict(point), indent=2))
    if code:
        print_status(f"Point {point.number} ({point.title}) failed with exit code {code}; the others go on. {error}")
    return point.objective


def _run(arguments: list[str], title: str, output: Path) -> tuple[int, str]:
    """Run warmtune; pass on what it says with the point before each line, and return its exit code and last words."""
    command = [sys.executable, "-m", "warmtune", *arguments]
    last: deque[str] = deque(maxlen=_LAST_LINES)
    _LOG.info("starting %s, output in %s", " ".join(command), output)
    with output.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            command, stdout=written, stderr=subprocess.PIPE, text=True, errors="replace", preexec_fn=end_with_parent
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                last.append(line.rstrip())
                print_status(f"[{title}] {line.rstrip()}")
            code = process.wait()
        except BaseException:  # Ctrl-C reaches the child as well, which keeps what it has done
            process.wait()
            raise
    return code, "\n".join(last).rpartition("warmtune: ")[2] if code else ""


def _measured(point: Point, output: Path) -> Point:
    """Return a finished point with the run's folder, which the run printed last, and what a sweeper is to maximise."""
    from warmtune.runs.run import open_run
    from warmtune.sweeping.variant_summary import objective, summary_of

    last = output.read_text(encoding="utf-8").splitlines()[-1]
    run = open_run(Path(last.removeprefix(PRINTED_RUN).strip()))
    value = objective(summary_of(run), run.settings.sweep) if "report" in run.stages else None
    return replace(point, run=str(run.folder), objective=value)
