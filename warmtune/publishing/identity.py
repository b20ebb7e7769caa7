"""The identity of a published adapter: `warmtune.json`, with the hash of every file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import get_args

from warmtune.errors import StoreError
from warmtune.models.base import Kind
from warmtune.runs.keys import sha256
from warmtune.runs.store import write_atomically

IDENTITY, WEIGHTS = "warmtune.json", "adapter_model.safetensors"
_TEXTS = ("base", "fingerprint", "weights", "recipe", "report")


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
    files: dict[str, str] = field(default_factory=dict)
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
    file = folder / IDENTITY
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        found = Identity(**{one.name: kept[one.name] for one in fields(Identity)})
        if _has_right_types(found):
            return found
        told = f"its {IDENTITY} does not hold what it should"
    except FileNotFoundError:
        told = f"it has no {IDENTITY}"
    except (OSError, ValueError, KeyError, TypeError):
        told = f"its {IDENTITY} has no hashes of its files"
    raise StoreError(
        f"{folder} is not an adapter that warmtune published: {told}. Give a folder that `warmtune publish` wrote, or"
        " hub:org/name."
    )


def _has_right_types(found: Identity) -> bool:
    """Tell whether every field has the type that it should have."""
    texts = all(isinstance(getattr(found, name), str) for name in _TEXTS)
    perhaps = all(isinstance(one, str | None) for one in (found.revision, found.commit))
    maps = all(
        isinstance(one, dict) and all(isinstance(value, str) for value in one.values())
        for one in (found.versions, found.files)
    )
    return texts and perhaps and maps and found.kind in get_args(Kind)
