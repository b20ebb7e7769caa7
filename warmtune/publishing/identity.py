"""The identity of a published adapter: `warmtune.json`, with the hash of every file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from warmtune.errors import StoreError
from warmtune.models.base import Kind
from warmtune.runs.keys import sha256
from warmtune.runs.store import write_atomically

IDENTITY, WEIGHTS = "warmtune.json", "adapter_model.safetensors"


@dataclass(frozen=True)
class Identity:
    """The fingerprints of a published adapter.

    The first three fields have the same names in the `warmtune.json` of every adapter that warmtune trains.
    """

    base: str
    """Hub id of the base."""
    revision: str | None
    fingerprint: str
    """The base's fingerprint."""
    kind: Kind
    """Whether the base came from the Hub, a folder or a package."""
    commit: str | None
    """The base's commit on the Hub, if known. The fingerprint differs from it if the chat template has values set."""
    weights: str
    """SHA-256 of the adapter's weights."""
    recipe: str
    """Fingerprint of the run's settings."""
    report: str
    """Fingerprint of the report."""
    versions: dict[str, str]
    """Versions of warmtune and of the libraries that trained the adapter."""
    files: dict[str, str]
    """SHA-256 of every other file, by path."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """The fingerprints that the card repeats."""
        return {name: getattr(self, name) for name in ("weights", "fingerprint", "recipe", "report")}


def files_in(folder: Path) -> dict[str, Path]:
    """Return a folder's files by relative path, without the identity and the files of the Hub, git and downloads."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in found.items() if name != IDENTITY and is_ours(name)}


def is_ours(path: str) -> bool:
    """Tell whether a relative path is of the publication, and not a file of the Hub, git or a download."""
    return path != ".gitattributes" and not path.startswith((".git/", ".cache/huggingface/"))


def hashes(files: Iterable[tuple[str, Path]]) -> dict[str, str]:
    """Return the SHA-256 of files, by path."""
    return {name: sha256(path) for name, path in files}


def write_identity(folder: Path, identity: Identity) -> None:
    """Write `warmtune.json`."""
    write_atomically(folder / IDENTITY, json.dumps(asdict(identity), indent=2) + "\n")


def read_identity(folder: Path) -> Identity:
    """Read `warmtune.json`.

    Raises:
        StoreError: the file is missing, or not that of a published adapter.
    """
    try:
        return TypeAdapter(Identity).validate_json((folder / IDENTITY).read_bytes(), strict=True)
    except ValidationError as error:
        missing = any(one["type"] in ("missing", "json_invalid") for one in error.errors())
        told = f"its {IDENTITY} {'has no hashes of its files' if missing else 'does not hold what it should'}"
    except OSError:
        told = f"it has no {IDENTITY}"
    raise StoreError(
        f"{folder} is not an adapter that warmtune published: {told}. Give a folder that `warmtune publish` wrote, or"
        " hub:org/name."
    )
