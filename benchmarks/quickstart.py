"""Measure the quickstart as a user runs it: a fresh store, then the same command again, then `--help`.

    make bench-quickstart

Writes benchmarks/results/quickstart.json. Commands run in processes of their own; times are wall-clock seconds.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "quickstart.json"
LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "inspect-ai")
HELP_RUNS = 5


def main() -> None:
    """Run the quickstart twice and write the figures."""
    with tempfile.TemporaryDirectory() as store:
        command = ["run", "quickstart", f"store={store}"]
        wall = _timed(command)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
        rerun = _timed(command)
        manifests = [json.loads(file.read_text()) for file in Path(store).glob("stages/*/manifest.json")]
    helps = sorted(_timed(["--help"]) for _ in range(HELP_RUNS))
    stages = {manifest["stage"]: manifest for manifest in manifests}
    figures = {
        "wall_s": round(wall, 1),
        "rerun_s": round(rerun, 2),
        "peak_rss_gb": round(peak, 2),
        "train_tokens_per_s": round(_rate(stages, "train-", "tokens"), 1),
        "answer_tokens_per_s": round(_rate(stages, "evaluate-", "tokens"), 1),
        "help_s": round(helps[HELP_RUNS // 2], 3),
        "stages_s": {name: manifest["seconds"] for name, manifest in sorted(stages.items())},
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


def _timed(arguments: list[str]) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "warmtune", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def _rate(stages: dict[str, Any], prefix: str, count: str) -> float:
    """Return tokens a second over all stages of one kind, loading and checkpoints included."""
    chosen = [manifest for name, manifest in stages.items() if name.startswith(prefix)]
    total: float = sum(manifest["counts"][count] for manifest in chosen)
    seconds: float = sum(manifest["seconds"] for manifest in chosen)
    return total / seconds


def document(figures: dict[str, Any], libraries: Sequence[str]) -> dict[str, Any]:
    """Return what a file of results holds: when, on what machine, with which versions, and the figures."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "system": platform.platform(),
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gb": round(memory, 1),
        },
        "versions": {name: metadata.version(name) for name in libraries} | {"python": platform.python_version()},
        "figures": figures,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
