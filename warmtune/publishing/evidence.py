"""The evidence in a run's folder: is the evaluation there, and is it of these weights?

This module reads the stages' manifests itself: `open_run` stops at the first damaged stage, and the gate names all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmtune.errors import StoreError
from warmtune.io.schemas import GAPS, Gap, read
from warmtune.runs.keys import sha256
from warmtune.runs.run import RUN
from warmtune.runs.store import MANIFEST

ADAPTER = "train-styled"
NEEDED = (ADAPTER, "evaluate-base", "evaluate-control", "evaluate-styled", "mark", "warmth", "report")
"""The stages that show what the adapter costs; without one of them the gate stays closed."""


@dataclass(frozen=True)
class Evidence:
    """What the gate bases its decision on."""

    missing: tuple[str, ...] = ()
    """Needed stages that are not complete."""
    damaged: tuple[str, ...] = ()
    """Files that differ from what their stage wrote."""
    changed: tuple[str, ...] = ()
    """Stages that were made anew after the report."""
    holds: bool = True
    """Whether the manipulation check held."""
    says: str = ""
    """The check's verdict in words."""
    gaps: tuple[Gap, ...] = ()
    """All gaps of the tuned model."""


def read_run_file(run: Path) -> dict[str, Any]:
    """Return what `run.json` holds: the run's settings, and its stages' folders by name.

    Raises:
        StoreError: the file cannot be read.
    """
    try:
        kept: dict[str, Any] = json.loads((run / RUN).read_text(encoding="utf-8"))
        if isinstance(kept["settings"], dict) and isinstance(kept["stages"], dict):
            return kept
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise StoreError(
        f"{run / RUN} cannot be read, so it is not known what the run is of; run its recipe again, with the command"
        " that began it. What is done is kept."
    )


def stage_folders(run: Path) -> dict[str, Path]:
    """Return the folders of a run's stages by name, complete or not.

    Raises:
        StoreError: the run cannot be read.
    """
    stages = run.resolve().parent / "stages"
    return {name: stages / str(folder) for name, folder in read_run_file(run)["stages"].items()}


def read_evidence(folders: Mapping[str, Path]) -> Evidence:
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
    digests = written["inputs"].get("stages", {})
    changed = tuple(
        name for name, found in manifests.items() if name != "report" and digests.get(name) != found["digest"]
    )
    whole = f"report/{GAPS}" not in damaged
    gaps = [gap for gap in read(folders["report"] / GAPS, Gap) if gap.variant == "styled"] if whole else []
    counts = written["counts"]
    return Evidence(
        missing, damaged, changed, counts.get("holds", False), counts.get("verdict", "not known"), tuple(gaps)
    )


def _manifest(folder: Path | None) -> dict[str, Any] | None:
    """Return a stage's manifest; None if the stage is not complete or the manifest is damaged."""
    if folder is None or not (folder / MANIFEST).is_file():
        return None
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        sound = all(isinstance(found[part], dict) for part in ("files", "counts", "inputs")) and "digest" in found
    except (ValueError, KeyError, TypeError):
        return None
    return found if sound else None
