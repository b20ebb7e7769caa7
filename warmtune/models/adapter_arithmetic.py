"""Makes adapters from adapters without training: scales one, or adds several with weights.

The result is an ordinary adapter folder that PEFT loads.
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.errors import ModelError
from warmtune.models.adapters import CONFIG, IDENTITY, WEIGHTS
from warmtune.runs.store import write_atomically

if TYPE_CHECKING:
    from warmtune.models.engine import Engine

_SCALED = ("lora_B", "lora_embedding_B")
"""Names of the matrices that are scaled. LoRA's update is scaling x B A, so scaling B scales the update."""


@dataclass(frozen=True)
class Part:
    """One adapter of a weighted sum."""

    name: str
    """The adapter's name in errors and in the result's identity."""
    folder: Path
    weight: float


def export_scaled(folder: Path, scale: float, target: Path) -> None:
    """Write an adapter that at scale 1 computes what the given one computes at `scale`.

    The function multiplies B in double precision and rounds once. So the logits equal those of the scaled adapter, up
    to the rounding of B.

    Args:
        folder: the adapter, as PEFT saves it.
        scale: factor of its strength; 1 is the strength it was trained with.
        target: a folder that does not exist yet, or is empty.

    Raises:
        ModelError: the adapter has parts that cannot be scaled (biases, modules saved whole), or the target is not
            free.
    """
    import torch
    from safetensors import safe_open
    from safetensors.torch import save_file

    check_free(target)
    config = json.loads((folder / CONFIG).read_text())
    if config.get("bias", "none") != "none" or config.get("modules_to_save"):
        raise ModelError(
            f"The adapter in {folder} also holds biases or whole modules (bias={config.get('bias')}, modules_to_save="
            f"{config.get('modules_to_save')}), which have no strength that could be set; only plain LoRA adapters can"
            " be scaled."
        )
    with safe_open(folder / WEIGHTS, "pt") as stored:
        weights = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a dictionary)
    for name, tensor in weights.items():
        if any(part in name for part in _SCALED):
            weights[name] = (tensor.to(torch.float64) * scale).to(tensor.dtype).contiguous()
    with _whole(target) as scratch:
        shutil.copytree(folder, scratch, dirs_exist_ok=True)
        save_file(weights, scratch / WEIGHTS, metadata={"format": "pt"})
        _note(scratch, {"scale": scale})


def mix(engine: "Engine", parts: Sequence[Part], target: Path) -> None:
    """Write the weighted sum of adapters as one adapter (PEFT's `add_weighted_adapter`, combination `cat`, exact).

    The weights 1 and -1 on a styled adapter and its control leave what the style alone changed.

    Args:
        engine: the engine of the adapters' base.
        parts: at least two adapters, with their weights.
        target: a folder that does not exist yet, or is empty.

    Raises:
        ModelError: an adapter does not belong to the base, stands in the sum twice or is a DoRA adapter, or the target
            is not free.
    """
    check_free(target)
    for part in parts:
        if json.loads((part.folder / CONFIG).read_text()).get("use_dora"):
            raise ModelError(
                f"The adapter {part.name} is DoRA, which also changes the length of the base's columns, so a sum of"
                " such adapters is no adapter; mix LoRA or rsLoRA adapters."
            )
    names = [engine.add_adapter(part.folder) for part in parts]
    if len(set(names)) < len(names):
        raise ModelError("An adapter stands in the mix twice; give it once, with the sum of its weights.")
    with engine.lock, _whole(target) as scratch:
        engine.model.add_weighted_adapter(names, [part.weight for part in parts], "mix", combination_type="cat")
        try:
            # PEFT sets alpha = rank, which is a scaling of 1 only without rsLoRA's square root.
            engine.model.peft_config["mix"].use_rslora = False
            engine.model.save_pretrained(str(scratch), selected_adapters=["mix"], save_embedding_layers=False)
        finally:
            engine.model.delete_adapter("mix")
            engine.model.set_adapter(names[0])
        for file in (scratch / "mix").iterdir():
            file.replace(scratch / file.name)
        (scratch / "mix").rmdir()
        (scratch / "README.md").unlink(missing_ok=True)  # PEFT's empty card
        for file in parts[0].folder.iterdir():
            if not (scratch / file.name).exists():
                shutil.copy2(file, scratch / file.name)
        _note(scratch, {"mix": {part.name: part.weight for part in parts}})


def check_free(target: Path) -> None:
    """Check that a folder can be written: it does not exist, or is empty.

    Raises:
        ModelError: it is a file, or is not empty.
    """
    if target.exists() and not target.is_dir():
        raise ModelError(f"{target} is a file, but an adapter is a folder; name one that does not exist yet.")
    if target.is_dir() and any(target.iterdir()):
        raise ModelError(f"The folder {target} is not empty; name one that does not exist yet.")


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Yield a scratch folder beside the target; it becomes the target if no error occurs."""
    scratch = target.with_name(f".{target.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
        if target.is_dir():
            target.rmdir()
        scratch.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _note(folder: Path, origin: dict[str, object]) -> None:
    """Write into the adapter's identity what it was made from, if it has an identity."""
    file = folder / IDENTITY
    identity = json.loads(file.read_text()) if file.is_file() else {}
    if identity:
        write_atomically(file, json.dumps(identity | {"made": origin}, indent=2))
