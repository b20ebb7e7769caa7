"""Verify a published adapter: are its files complete, and do they belong together? Names every finding at once."""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from warmtune.config.sanitized_recipe import RECIPE
from warmtune.config.settings import Settings
from warmtune.errors import ModelError, UserError, redacted
from warmtune.models.adapters import CONFIG
from warmtune.models.base import Base, locate
from warmtune.publishing.adapter_base import find_base
from warmtune.publishing.identity import IDENTITY, WEIGHTS, Identity, files_in, hashes, read_identity
from warmtune.publishing.publish_folder import ALWAYS, CARD

_FROM = {"hub": "the Hub's", "folder": "a copy in a folder", "package": "a Python package's"}


class VerifyError(UserError):
    """A published adapter is not what it says it is; holds every finding."""

    def __init__(self, place: str, findings: list[str]) -> None:
        self.findings = findings
        listed = "\n".join(f"  - {finding}" for finding in findings)
        super().__init__(f"{place} is not as it was published:\n{listed}")


@dataclass(frozen=True)
class Verification:
    """What was verified, and what was found."""

    folder: Path
    identity: Identity
    findings: list[str]
    """What is wrong; empty if nothing is."""
    settings: Settings | None
    """The recipe's settings; None if the recipe cannot be read, which is a finding."""
    base: Base | None
    """None if the base is not on this machine."""
    told: str
    """What is known about the base, in words."""


def fetch_adapter(place: str) -> Path:
    """Return the folder of an adapter; of `hub:org/name`, a copy of all files that the Hub holds now.

    Raises:
        ModelError: there is no such adapter, or the Hub does not answer.
    """
    if not place.startswith("hub:"):
        if not Path(place).is_dir():
            raise ModelError(f"There is no folder {place}; give one that `warmtune publish` wrote, or hub:org/name.")
        return Path(place)
    import httpx2
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    name = place.removeprefix("hub:")
    try:
        # Ask for the newest commit first. Otherwise an older copy in the cache would be taken if the Hub fails.
        return Path(snapshot_download(name, revision=HfApi().model_info(name).sha))
    except (HfHubHTTPError, httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{name} cannot be had from the Hub: {redacted(' '.join(str(error).split()))[:300]} Check the name, log in"
            " with `hf auth login` if it is private, or give a folder."
        ) from None


def verify_folder(folder: Path, base_folder: Path | None) -> Verification:
    """Recompute every hash of a published adapter, and compare its weights, card, adapter settings, recipe and base.

    The contents of a file are compared only if its hash is right; a wrong hash is a finding in itself.

    Args:
        folder: the adapter's.
        base_folder: the base, if it is in a folder of the user's.

    Raises:
        StoreError: the folder holds no published adapter.
        ModelError: `base_folder` holds no model.
    """
    identity = read_identity(folder)
    there = hashes(files_in(folder).items())
    whole = {name for name, known in there.items() if identity.files.get(name) == known}
    findings = _files(there, identity)
    if CARD in whole:
        findings += _card(folder, identity)
    if CONFIG in whole:
        findings += _config(folder, identity)
    settings = _recipe(folder, identity, findings) if RECIPE in whole else None
    base = None if settings is None else base_of(settings, base_folder)
    told, differs = _base(identity, base)
    return Verification(folder, identity, findings + ([told] if differs else []), settings, base, told)


def base_of(settings: Settings, folder: Path | None) -> Base | None:
    """Return the base that a recipe names; None if it is not on this machine.

    Raises:
        ModelError: the folder holds no model.
    """
    if folder is None:
        return find_base(settings.model)
    return locate(replace(settings.model, path=str(folder)))


def _files(there: dict[str, str], identity: Identity) -> list[str]:
    """Name the files that are missing, changed, or do not belong there."""
    expected = identity.files
    found = [f"{name} is missing." for name in sorted({*expected, *ALWAYS} - set(there))]
    found += [f"{name} has no hash in {IDENTITY}." for name in ALWAYS if name in there and name not in expected]
    found += [
        f"{name} was changed: its SHA-256 is {there[name][:12]}…, not {known[:12]}…."
        for name, known in sorted(expected.items())
        if name in there and there[name] != known
    ]
    found += [f"{name} does not belong to it." for name in sorted(set(there) - {*expected, *ALWAYS})]
    if expected.get(WEIGHTS) not in (None, identity.weights):
        found.append(f"{IDENTITY} names two different hashes of the weights.")
    return found


def _card(folder: Path, identity: Identity) -> list[str]:
    """Name the fingerprints on the card that differ from those in `warmtune.json`."""
    from huggingface_hub import metadata_load

    try:
        said = (metadata_load(folder / CARD) or {}).get("warmtune")
    except (ValueError, yaml.YAMLError) as error:
        return [f"{CARD} cannot be read: {_line(error)}"]
    told = said if isinstance(said, dict) else {}
    return [
        f"The card's fingerprint of the {'base' if name == 'fingerprint' else name} is {told.get(name)}, but"
        f" {IDENTITY} says {expected}: they are not of one adapter."
        for name, expected in identity.fingerprints.items()
        if told.get(name) != expected
    ]


def _config(folder: Path, identity: Identity) -> list[str]:
    try:
        named = json.loads((folder / CONFIG).read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError) as error:
        return [f"{CONFIG} cannot be read: {_line(error)}"]
    return [] if named == identity.base else [f"{CONFIG} names the base {named}, but {IDENTITY} says {identity.base}."]


def _recipe(folder: Path, identity: Identity, findings: list[str]) -> Settings | None:
    """Return the recipe's settings, and add what is wrong with it to the findings."""
    from warmtune.config.compose import load

    try:
        with contextlib.chdir(folder):  # the recipe names benchmarks relative to its own folder
            settings = load(RECIPE, [])
    except (UserError, ValueError, TypeError, AttributeError, OSError) as error:
        findings.append(f"{RECIPE} cannot be read: {_line(error)}")
        return None
    if settings.model.hub != identity.base:
        findings.append(f"{RECIPE} names the base {settings.model.hub}, but {IDENTITY} says {identity.base}.")
    return settings


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _base(identity: Identity, base: Base | None) -> tuple[str, bool]:
    """Say whether the adapter was trained on the base of this machine; the flag is true if it certainly was not."""
    if base is None:
        return f"not compared: {identity.base} is not on this machine (--base FOLDER says where it is)", False
    if base.fingerprint == identity.fingerprint:
        return f"{identity.base} on this machine is the one it was trained on", False
    if base.kind != identity.kind or base.kind != "hub":
        # A folder's fingerprint changes with its README, and a package's with the release that converts it here.
        return (
            f"not compared: it was trained on {_FROM[identity.kind]}, the one here is {_FROM[base.kind]}, and their"
            " fingerprints say nothing of each other",
            False,
        )
    return (
        f"The base {identity.base} in {base.folder} is not the one it was trained on (fingerprint"
        f" {base.fingerprint[:12]}…, not {identity.fingerprint[:12]}…).",
        True,
    )
