"""What a published adapter is known by: `warmtune.json` beside it, with the hash of every file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import get_args

from warmtune.errors import StoreError
from warmtune.models.base import Kind
from warmtune.runs.store import sha256, write_atomically

IDENTITY, WEIGHTS = "warmtune.json", "adapter_model.safetensors"
_TEXTS = ("base", "fingerprint", "weights", "recipe", "report")


@dataclass(frozen=True)
class Identity:
    """The fingerprints of a published adapter.

    Its first three fields are those that stand beside every adapter that warmtune trains, under the same names.
    """

    base: str
    """Hub id of the base."""
    revision: str | None
    fingerprint: str
    """Of the base."""
    kind: Kind
    """Where that base came from."""
    commit: str | None
    """Of the base on the Hub, where it is known; the fingerprint is another where the chat template has values set."""
    weights: str
    """SHA-256 of the adapter's weights."""
    recipe: str
    """Fingerprint of the run's settings."""
    report: str
    """Fingerprint of the report."""
    versions: dict[str, str]
    """Of warmtune, and of the libraries that the adapter was trained with."""
    files: dict[str, str] = field(default_factory=dict)
    """SHA-256 of every other file, by path."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """What also stands on the card."""
        return {name: getattr(self, name) for name in ("weights", "fingerprint", "recipe", "report")}


def files_in(folder: Path) -> dict[str, Path]:
    """Return a folder's files by path inside it, but for the identity and what the Hub, git and downloads put there."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {name: path for name, path in found.items() if name != IDENTITY and is_ours(name)}


def is_ours(path: str) -> bool:
    """Tell a publication's files from what the Hub, git and downloads put beside them, by the path in the folder."""
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
        StoreError: it is not there, or not that of a published adapter.
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
    """Tell whether what was read is of the types that it should be."""
    texts = all(isinstance(getattr(found, name), str) for name in _TEXTS)
    perhaps = all(isinstance(one, str | None) for one in (found.revision, found.commit))
    maps = all(
        isinstance(one, dict) and all(isinstance(value, str) for value in one.values())
        for one in (found.versions, found.files)
    )
    return texts and perhaps and maps and found.kind in get_args(Kind)
