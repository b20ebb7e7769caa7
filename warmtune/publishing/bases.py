"""Where the base is on this machine, without fetching it."""

import importlib.util
from dataclasses import replace
from pathlib import Path

from warmtune.errors import ModelError
from warmtune.generation.base import Base, cache, locate
from warmtune.settings import ModelSettings


def base_here(model: ModelSettings) -> Base | None:
    """Return the base if it is on this machine: in its folder, in its package, or in the Hub's cache."""
    if model.path is None and not _packaged(model):
        commit = _cached(model)
        if commit is None:
            return None
        model = replace(model, revision=commit, package=None)
    try:
        return locate(model)
    except ModelError:
        return None


def _packaged(model: ModelSettings) -> bool:
    if model.package is None or model.gguf is None:
        return False
    converted = cache() / "models" / Path(model.gguf).stem / "fingerprint"
    return converted.is_file() or importlib.util.find_spec(model.package) is not None


def _cached(model: ModelSettings) -> str | None:
    """Return the commit of the copy in the Hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(model.hub, "config.json", revision=model.revision)
    return Path(found).parent.name if isinstance(found, str) else None
