"""Adapter folders: what one is known by, and whether it belongs to a base. Loads no model."""

import json
from pathlib import Path

from warmtune.errors import ModelError
from warmtune.models.base import Base
from warmtune.runs.keys import fingerprint, sha256

CONFIG, WEIGHTS, IDENTITY = "adapter_config.json", "adapter_model.safetensors", "warmtune.json"


def check_adapter(folder: Path, base: Base) -> str:
    """Return the adapter's own name (from its content), refusing one that was trained on another base."""
    known = weights_of(folder)
    identity = folder / IDENTITY
    if identity.is_file():
        trained_on = json.loads(identity.read_text())
        fits = trained_on["fingerprint"] == base.fingerprint
        named = f"{trained_on['base']} ({trained_on['fingerprint'][:12]})"
    else:
        named = str(json.loads((folder / CONFIG).read_text())["base_model_name_or_path"])
        fits = named in (base.hub, str(base.folder))
    if not fits:
        raise ModelError(
            f"The adapter in {folder} was trained on {named}, but the base here is {base.hub}"
            f" ({base.fingerprint[:12]}); use it with the base it was trained on."
        )
    if not _same_tokens(folder / "tokenizer.json", base.folder / "tokenizer.json"):
        raise ModelError(
            f"The adapter in {folder} comes with a tokenizer that gives other ids than that of {base.hub}, so the base"
            " would read its own tokens wrongly; use the adapter with the base and tokenizer it was trained on."
        )
    return f"adapter-{known[:12]}"


def weights_of(folder: Path) -> str:
    """Return what an adapter's content is known by: the hashes of its weights and its settings.

    Raises:
        ModelError: the folder holds no adapter.
    """
    config, weights = folder / CONFIG, folder / WEIGHTS
    if not (config.is_file() and weights.is_file()):
        raise ModelError(
            f"The folder {folder} holds no adapter ({CONFIG} and {WEIGHTS}); give a folder as PEFT saves it."
        )
    kept = json.loads(config.read_text())
    named = {name: kept.get(name) for name in ("r", "lora_alpha", "use_rslora", "use_dora", "target_modules")}
    return fingerprint([sha256(weights), {**named, "target_modules": sorted(named["target_modules"] or [])}])


def _same_tokens(one: Path, other: Path) -> bool:
    """Tell whether two tokenizer files give every token the same id; a file that is not there says nothing."""
    if not (one.is_file() and other.is_file()):
        return True
    trees = [json.loads(file.read_text(encoding="utf-8")) for file in (one, other)]
    added = [{token["content"]: token["id"] for token in tree.get("added_tokens", [])} for tree in trees]
    return trees[0]["model"].get("vocab") == trees[1]["model"].get("vocab") and added[0] == added[1]
