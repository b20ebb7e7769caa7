"""The base of an adapter: find it on this machine without a download, tell which one was tuned, read its files."""

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from warmtune.config.settings import ModelSettings
from warmtune.errors import ModelError
from warmtune.models.base import Base, Kind, cache, locate, with_template

_COMMIT = re.compile(r"[0-9a-f]{40}")
"""A commit on the Hub: the one kind of revision that never changes."""


def find_base(model: ModelSettings) -> Base | None:
    """Return the base if all of it is on this machine: in a folder, in a package, or in the Hub's cache."""
    if model.path is None and not _packaged(model):
        commit = _cached(model)
        if commit is None:
            return None
        model = replace(model, revision=commit, package=None)
    try:
        found = locate(model, fetch=False)
    except ModelError:
        return None
    return found if found.kind != "hub" or _has_weights(found.folder) else None


def trained_on(fingerprint: str, model: ModelSettings, base: Base | None) -> tuple[Kind, str | None]:
    """Return the kind of base that an adapter was trained on, and its commit on the Hub if that is known.

    A fingerprint includes the chat template's values. So this function tries each commit that may be the right one.

    Args:
        fingerprint: of the base, as the adapter's `warmtune.json` has it.
        model: the run's settings.
        base: the base that is on this machine now; it may be another one.
    """
    if model.path is not None:
        return "folder", None
    may_be = [fingerprint, model.revision, base.commit if base else None, *_snapshots(model.hub)]
    for commit in may_be:
        if commit and _COMMIT.fullmatch(commit) and with_template(commit, model.template) == fingerprint:
            return "hub", commit
    if base is not None and base.fingerprint == fingerprint:
        return base.kind, None
    return "hub" if model.package is None else "package", None


def base_file(base: Base, name: str) -> Path | None:
    """Return a file of the base that tuning does not need, such as its card: from the base's folder, or from the Hub.

    Returns None if there is no such file, or if the Hub does not answer.
    """
    if (base.folder / name).is_file():
        return base.folder / name
    if base.commit is None:
        return None
    import httpx2
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(hf_hub_download(base.hub, name, revision=base.commit))
    except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError):
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


def _snapshots(hub: str) -> Iterator[str]:
    """Yield the commits of a model that the Hub's cache holds, complete or not."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{hub.replace('/', '--')}" / "snapshots"
    yield from sorted(path.name for path in folder.glob("*"))


def _has_weights(folder: Path) -> bool:
    """Tell whether all of a model's weights are there; an interrupted download leaves only some of the files."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    parts = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return all((folder / part).is_file() for part in parts)
