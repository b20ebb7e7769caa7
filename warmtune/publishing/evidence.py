"""What a run's folder says for itself: is the evaluation there, and is it of these weights?

Read from the stages' manifests, not by `open_run`: that stops at the first damaged stage, and the gate names them all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmtune.runs import RUN
from warmtune.schemas import GAPS, Gap, read
from warmtune.store import MANIFEST, sha256

ADAPTER = "train-styled"
NEEDED = (ADAPTER, "evaluate-base", "evaluate-control", "evaluate-styled", "mark", "warmth", "report")
"""The stages without which nothing is known of the adapter's cost."""


@dataclass(frozen=True)
class Evidence:
    """What the gate decides on."""

    missing: tuple[str, ...] = ()
    """Stages that are needed and not complete."""
    damaged: tuple[str, ...] = ()
    """Files that are not what their stage wrote."""
    changed: tuple[str, ...] = ()
    """Stages that are not those from which the report was written."""
    holds: bool = True
    """Whether the manipulation check held."""
    says: str = ""
    """What it found."""
    gaps: tuple[Gap, ...] = ()
    """All gaps of the tuned model."""


def folders_of(run: Path) -> dict[str, Path]:
    """Return the folders of a run's stages by name, complete or not."""
    kept = json.loads((run / RUN).read_text(encoding="utf-8"))
    stages = run.resolve().parent / "stages"
    return {name: stages / folder for name, folder in kept["stages"].items()}


def gather(folders: Mapping[str, Path]) -> Evidence:
    """Read the evidence from the folders of a run's stages."""
    manifests = {name: found for name in NEEDED if (found := _manifest(folders.get(name)))}
    missing = tuple(name for name in NEEDED if name not in manifests)
    damaged = tuple(
        f"{name}/{file}"
        for name, manifest in manifests.items()
        for file, expected in manifest["files"].items()
        if not (folders[name] / file).is_file() or sha256(folders[name] / file) != expected
    )
    if "report" not in manifests:
        return Evidence(missing, damaged, holds=False)
    written = manifests["report"]
    digests = written["determines"]["stages"]
    changed = tuple(
        name for name, found in manifests.items() if name != "report" and digests.get(name) != found["digest"]
    )
    whole = f"report/{GAPS}" not in damaged
    gaps = [gap for gap in read(folders["report"] / GAPS, Gap) if gap.variant == "styled"] if whole else []
    counts = written["counts"]
    return Evidence(missing, damaged, changed, counts["holds"], counts["verdict"], tuple(gaps))


def _manifest(folder: Path | None) -> dict[str, Any] | None:
    if folder is None or not (folder / MANIFEST).is_file():
        return None
    found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return found
