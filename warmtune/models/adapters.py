"""Adapter folders: the adapter's fingerprint, and whether the adapter belongs to a base. It loads no model."""

import json
from pathlib import Path

from warmtune.errors import ModelError
from warmtune.models.base import Base
from warmtune.runs.keys import fingerprint, sha256

CONFIG, WEIGHTS, IDENTITY = "adapter_config.json", "adapter_model.safetensors", "warmtune.json"


def check_adapter(folder: Path, base: Base) -> str:
    """Return a name for the adapter made from its content, after a check that it belongs to the base.

    Raises:
        ModelError: the folder holds no adapter, or the adapter was trained on another base or with another tokenizer.
    """
    content = weights_of(folder)
    identity = folder / IDENTITY
    if identity.is_file():
        trained_on = json.loads(identity.read_text())
        is_same_base = trained_on["fingerprint"] == base.fingerprint
        base_name = f"{trained_on['base']} ({trained_on['fingerprint'][:12]})"
    else:
        base_name = str(json.loads((folder / CONFIG).read_text())["base_model_name_or_path"])
        is_same_base = base_name in (base.hub, str(base.folder))
    if not is_same_base:
        raise ModelError(
            f"The adapter in {folder} was trained on {base_name}, but the base here is {base.hub}"
            f" ({base.fingerprint[:12]}); use it with the base it was trained on."
        )
    if not _same_tokens(folder / "tokenizer.json", base.folder / "tokenizer.json"):
        raise ModelError(
            f"The adapter in {folder} comes with a tokenizer that gives other ids than that of {base.hub}, so the base"
            " would read its own tokens wrongly; use the adapter with the base and tokenizer it was trained on."
        )
    return f"adapter-{content[:12]}"


def weights_of(folder: Path) -> str:
    """Return the fingerprint of an adapter's content: a hash of its weights and of its LoRA settings.

    Raises:
        ModelError: the folder holds no adapter.
    """
    config, weights = folder / CONFIG, folder / WEIGHTS
    if not (config.is_file() and weights.is_file()):
        raise ModelError(
            f"The folder {folder} holds no adapter ({CONFIG} and {WEIGHTS}); give a folder as PEFT saves it."
        )
    config_tree = json.loads(config.read_text())
    settings = {name: config_tree.get(name) for name in ("r", "lora_alpha", "use_rslora", "use_dora", "target_modules")}
    return fingerprint([sha256(weights), {**settings, "target_modules": sorted(settings["target_modules"] or [])}])


def _same_tokens(first: Path, second: Path) -> bool:
    """Return whether two tokenizer files give every token the same id; True if one of the files is missing."""
    if not (first.is_file() and second.is_file()):
        return True
    trees = [json.loads(file.read_text(encoding="utf-8")) for file in (first, second)]
    added = [{token["content"]: token["id"] for token in tree.get("added_tokens", [])} for tree in trees]
    return trees[0]["model"].get("vocab") == trees[1]["model"].get("vocab") and added[0] == added[1]
