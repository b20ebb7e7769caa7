"""The committed stages of the recipe `debug`: read, compared with what the code puts out now, and recorded anew.

python tests/pipeline/committed_stages.py      records them (make record-stages)
"""

import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

from warmtune.config.compose import load
from warmtune.config.settings import Settings
from warmtune.runs.keys import sha256
from warmtune.runs.store import MANIFEST, Stage

FOLDER = Path(__file__).parent / "committed"
_TENSORS = {"rtol": 1e-2, "atol": 1e-3}
_NUMBERS = {"rel_tol": 1e-3, "abs_tol": 1e-4}
_LEFT_OUT = (
    ".html",
    ".png",
    ".svg",
    ".md",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "warmtune.json",
    "recipe.yaml",
)
"""Files that are not compared: looks, texts that name a machine or a version, and what comes from the base."""
NOT_COMPARED = ("libraries", "stages")


def settings(store: Path, *overrides: str) -> Settings:
    return load("debug", ["seed=1", f"store={store}", *overrides])


def committed() -> dict[str, Stage]:
    """Return the committed stages by name, in the order of the recipe."""
    stages = {}
    for name in json.loads((FOLDER / "order.json").read_text()):
        folder = FOLDER / name
        files = {str(f.relative_to(folder)): sha256(f) for f in sorted(folder.rglob("*")) if f.is_file()}
        files.pop(MANIFEST)
        told = json.loads((folder / MANIFEST).read_text())
        stages[name] = Stage(name, folder, "committed", told["digest"], files, told["counts"], 0.0, 0.0)
    return stages


def inputs_of(folder: Path) -> dict:
    """Return what the manifest says went into a stage, without the versions of libraries."""
    inputs = json.loads((folder / MANIFEST).read_text())["inputs"]
    return {name: value for name, value in inputs.items() if name not in NOT_COMPARED}


def differences(ours: Path, kept: Path) -> list[str]:
    """Return in what a stage's output differs from the committed one: texts and ids exactly, floats by tolerance."""
    files = {str(f.relative_to(kept)) for f in kept.rglob("*") if f.is_file()} - {MANIFEST}
    return [f"{name}: {said}" for name in sorted(files) if (said := _different(ours / name, kept / name))]


def _different(ours: Path, kept: Path) -> str:
    if not ours.is_file():
        return "is missing"
    read = {".parquet": _parquet, ".json": _json, ".jsonl": _lines, ".csv": _lines}.get(kept.suffix, Path.read_text)
    if kept.suffix == ".safetensors":
        return _tensors(ours, kept)
    return _compared(read(ours), read(kept), "")


def _parquet(file: Path):
    import pyarrow.parquet as parquet

    return parquet.read_table(file).to_pylist()


def _json(file: Path):
    return json.loads(file.read_text(encoding="utf-8"))


def _lines(file: Path):
    """Return the lines, numbers among them as numbers."""
    return [[_number(part) for part in line.split(",")] for line in file.read_text(encoding="utf-8").splitlines()]


def _number(text: str):
    try:
        return float(text)
    except ValueError:
        return text


def _compared(ours, kept, at: str) -> str:
    if isinstance(kept, float) and isinstance(ours, float | int):
        same = math.isclose(ours, kept, **_NUMBERS) or (math.isnan(ours) and math.isnan(kept))
        return "" if same else f"{at} is {ours}, was {kept}"
    if isinstance(kept, dict) and isinstance(ours, dict) and ours.keys() == kept.keys():
        return next((said for key in kept if (said := _compared(ours[key], kept[key], f"{at}.{key}"))), "")
    if isinstance(kept, list) and isinstance(ours, list) and len(ours) == len(kept):
        return next((said for n in range(len(kept)) if (said := _compared(ours[n], kept[n], f"{at}[{n}]"))), "")
    return "" if ours == kept else f"{at} is {str(ours)[:60]!r}, was {str(kept)[:60]!r}"


def _tensors(ours: Path, kept: Path) -> str:
    import torch
    from safetensors.torch import load_file

    one, other = load_file(ours), load_file(kept)
    if one.keys() != other.keys():
        return "has other tensors"
    return next((f"{name} differs" for name in one if not torch.allclose(one[name], other[name], **_TENSORS)), "")


def record() -> None:
    from warmtune.pipeline.context import RunContext
    from warmtune.pipeline.stages import run_stages

    with tempfile.TemporaryDirectory() as store:
        done = run_stages(RunContext(settings(Path(store))))
        shutil.rmtree(FOLDER, ignore_errors=True)
        for name, stage in done.items():
            for file in stage.files:
                if not file.endswith(_LEFT_OUT):
                    (FOLDER / name / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(stage.folder / file, FOLDER / name / file)
            (FOLDER / name).mkdir(parents=True, exist_ok=True)
            kept = json.loads((stage.folder / MANIFEST).read_text())
            kept["inputs"].get("settings", {}).pop("store", None)
            told = {"inputs": kept["inputs"], "digest": kept["digest"], "counts": kept["counts"]}
            (FOLDER / name / MANIFEST).write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
        (FOLDER / "order.json").write_text(json.dumps(list(done)) + "\n")
    print(f"{len(done)} stages in {FOLDER}", file=sys.stderr)


if __name__ == "__main__":
    record()
