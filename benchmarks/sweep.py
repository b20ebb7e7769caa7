"""Measure a sweep against the same runs made one by one, and the comparison page with 100,000 answers.

    python benchmarks/sweep.py              everything
    python benchmarks/sweep.py sweep        five intensities as one sweep and as five separate runs, in turns
    python benchmarks/sweep.py page         the page in headless Chromium

Writes benchmarks/results/sweep.json; parts that are not named keep their figures.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quickstart import document

RESULTS = Path(__file__).parent / "results" / "sweep.json"
LIBRARIES = ("hydra-core", "torch", "transformers", "trl", "peft", "inspect-ai")
INTENSITIES = (0, 0.25, 0.5, 0.75, 1)
SIZE = (
    "data.per_type=6",
    "data.held_out=12",
    "eval.questions=12",
    "eval.max_tokens=24",
    "eval.reply_tokens=24",
    "rewriter.sociot_pairs=8",
)
"""A third of the quickstart, with less to answer, on the same model, so that ten runs end within an hour."""


def main() -> None:
    """Measure the parts that are named, or all."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {"sweep": sweep, "page": page}
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    for name in sys.argv[1:] or parts:
        print(f"{name} ...", flush=True)
        figures |= parts[name]()
        RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


def sweep() -> dict[str, Any]:
    """Time one sweep of five points and five separate runs in stores of their own, one before the sweep, four after."""
    with tempfile.TemporaryDirectory() as place:
        separate = [_timed(["run", "quickstart", *SIZE, f"style.intensity={INTENSITIES[0]}", f"store={place}/0"])]
        values = ",".join(map(str, INTENSITIES))
        together = _timed(["run", "quickstart", "-m", *SIZE, f"style.intensity={values}", f"store={place}/all"])
        for number, intensity in enumerate(INTENSITIES[1:], 1):
            run = ["run", "quickstart", *SIZE, f"style.intensity={intensity}", f"store={place}/{number}"]
            separate.append(_timed(run))
        kept = _timed(["run", "quickstart", "-m", *SIZE, f"style.intensity={values}", f"store={place}/all"])
    return {
        "sweep_ratio": round(together / sum(separate), 3),
        "sweep_s": round(together, 1),
        "separate_s": [round(seconds, 1) for seconds in separate],
        "sweep_again_s": round(kept, 1),
        "sweep_size": list(SIZE),
    }


def page() -> dict[str, Any]:
    """Return what `benchmarks/page.py` measures."""
    from page import page_figures

    found: dict[str, Any] = dict(page_figures())
    return found


def _timed(arguments: list[str]) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, "-m", "warmtune", *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


if __name__ == "__main__":
    main()
