"""Is a published adapter whole, and do its parts belong together? Every hash again, and every disagreement at once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.errors import ModelError, UserError
from warmtune.publishing.bases import base_here
from warmtune.publishing.identity import Identity, files_in, hashes, read_identity
from warmtune.publishing.recipe import RECIPE
from warmtune.publishing.stage import CARD

if TYPE_CHECKING:
    from warmtune.generation.base import Base
    from warmtune.settings import Settings


class VerifyError(UserError):
    """A published adapter is not what it says it is; carries every finding."""

    def __init__(self, place: str, findings: list[str]) -> None:
        self.findings = findings
        listed = "\n".join(f"  - {finding}" for finding in findings)
        super().__init__(f"{place} is not as it was published:\n{listed}")


@dataclass(frozen=True)
class Verified:
    """What was looked at, and what was found."""

    folder: Path
    identity: Identity
    findings: list[str]
    """What is wrong; empty where nothing is."""
    base: str
    """What could be said of the base, in words."""


def fetched(place: str) -> Path:
    """Return the folder of an adapter: a folder as it is, `hub:org/name` with all its files.

    Raises:
        ModelError: there is none.
    """
    if not place.startswith("hub:"):
        if not Path(place).is_dir():
            raise ModelError(f"There is no folder {place}; give one that `warmtune publish` wrote, or hub:org/name.")
        return Path(place)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name = place.removeprefix("hub:")
    try:
        return Path(snapshot_download(name))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelError(
            f"{name} cannot be had from the Hub: {' '.join(str(error).split())[:300]} Check the name, log in with"
            " `hf auth login` if it is private, or give a folder."
        ) from None


def verified(folder: Path, base_folder: Path | None) -> Verified:
    """Recompute every hash of a published adapter, and compare its weights, card, adapter settings and base.

    Args:
        folder: the adapter's.
        base_folder: where the base is, where it is in a folder of the user's.

    Raises:
        StoreError: the folder holds no published adapter.
        ModelError: `base_folder` holds no model.
    """
    identity = read_identity(folder)
    findings = _files(folder, identity) + _card(folder, identity) + _config(folder, identity)
    settings = recipe_of(folder)
    told, differs = _base(identity, None if settings is None else base_of(settings, base_folder))
    return Verified(folder, identity, findings + ([told] if differs else []), told)


def recipe_of(folder: Path) -> "Settings | None":
    """Return the settings in the recipe beside an adapter, None where it cannot be read."""
    from warmtune.recipes import load

    if not (folder / RECIPE).is_file():
        return None
    import contextlib

    try:
        with contextlib.chdir(folder):  # the recipe names its own benchmarks by the folder it lies in
            return load(RECIPE, [])
    except UserError:
        return None


def base_of(settings: "Settings", folder: Path | None) -> "Base | None":
    """Return the base that a recipe names, if it is on this machine.

    Raises:
        ModelError: the folder holds no model.
    """
    from dataclasses import replace

    from warmtune.generation.base import locate

    if folder is None:
        return base_here(settings.model)
    return locate(replace(settings.model, path=str(folder)))


def _files(folder: Path, identity: Identity) -> list[str]:
    """Name what is missing, changed, or there in excess."""
    there = hashes(files_in(folder).items())
    found = [f"{name} is missing." for name in sorted(set(identity.files) - set(there))]
    found += [
        f"{name} was changed: its SHA-256 is {there[name][:12]}…, not {expected[:12]}…."
        for name, expected in sorted(identity.files.items())
        if name in there and there[name] != expected
    ]
    return found + [f"{name} does not belong to it." for name in sorted(set(there) - set(identity.files))]


def _card(folder: Path, identity: Identity) -> list[str]:
    """Say where the fingerprints on the card are not those beside the adapter."""
    from huggingface_hub import metadata_load

    from warmtune.publishing.identity import WEIGHTS

    found = []
    if identity.files.get(WEIGHTS) != identity.weights:
        found.append("warmtune.json names two different hashes of the weights.")
    if not (folder / CARD).is_file():
        return found
    said = (metadata_load(folder / CARD) or {}).get("warmtune") or {}
    for name, expected in identity.fingerprints.items():
        if said.get(name) != expected:
            found.append(
                f"The card's fingerprint of the {'base' if name == 'fingerprint' else name} is {said.get(name)}, but"
                f" warmtune.json says {expected}: they are not of one adapter."
            )
    return found


def _config(folder: Path, identity: Identity) -> list[str]:
    file = folder / "adapter_config.json"
    named = json.loads(file.read_text(encoding="utf-8")).get("base_model_name_or_path") if file.is_file() else None
    if named in (None, identity.base):
        return []
    return [f"adapter_config.json names the base {named}, but warmtune.json says {identity.base}."]


def _base(identity: Identity, base: "Base | None") -> tuple[str, bool]:
    """Say whether the base on this machine is the one it was trained on, and whether it differs."""
    if base is None:
        return f"not compared: {identity.base} is not on this machine (--base FOLDER says where it is)", False
    if base.fingerprint == identity.fingerprint:
        return f"{identity.base} on this machine is the one it was trained on", False
    same_kind = len(base.fingerprint) == len(identity.fingerprint) and not identity.base_from_folder
    if not same_kind:
        return (
            f"not compared: it was trained on a copy of {identity.base} in another form than the one in {base.folder},"
            " and their fingerprints say nothing of each other",
            False,
        )
    return (
        f"The base {identity.base} in {base.folder} is not the one it was trained on (fingerprint"
        f" {base.fingerprint[:12]}…, not {identity.fingerprint[:12]}…).",
        True,
    )
