"""What a stage's key is made of: settings, the contents of files, the data that modules hold, versions of libraries.

Source code is no part of a key. Its author raises the stage's `VERSION` when its output changes, and
`tests/pipeline/test_versions.py` fails when that was forgotten.
"""

import dataclasses
import hashlib
import json
import re
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "inspect-ai")
"""The libraries that a result depends on most; reports name their versions, and `doctor` asks for them."""


def fingerprint(*parts: Any) -> str:
    """Hash anything made of dataclasses, dictionaries, lists, texts and numbers; 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=plain).encode()).hexdigest()[:16]


def data_of(*sources: ModuleType | Path) -> str:
    """Hash the data that modules hold and that files beside them hold: prompts, patterns, word lists, thresholds.

    Of a module it takes the constants at module level, by name and value, so that a comment, a docstring or a function
    changes nothing. Of a file it takes the content.

    Args:
        sources: modules, and files of data.
    """
    return fingerprint(*(_constants(one) if isinstance(one, ModuleType) else sha256(one) for one in sources))


def versions(*distributions: str) -> dict[str, str]:
    """Return the installed versions of libraries that a stage's output depends on."""
    return {name: metadata.version(name) for name in distributions}


def optional_version(distribution: str) -> str | None:
    """Return an optional library's version, None where it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def content_of(source: Path) -> str | None:
    """Return the hash of a data file, so that a changed file is read again; None for what is not a local file."""
    return sha256(source) if source.is_file() else None


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """Turn a dataclass or path into what JSON can hold.

    Raises:
        TypeError: it is anything else, which is a defect.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot be part of a key: {value!r}")


def _constants(module: ModuleType) -> dict[str, Any]:
    """Return a module's constants by name; what is no data (functions, classes, loggers, paths) is left out."""
    found = {name: _data(value) for name, value in vars(module).items() if not name.startswith("__")}
    return {name: value for name, value in found.items() if value is not None}


def _data(value: Any) -> Any:
    """Return a constant in a form that JSON can hold; None for what is no data."""
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    if isinstance(value, frozenset | set):
        value = sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return [_data(one) for one in value]
    if isinstance(value, dict):
        held = {str(key): _data(one) for key, one in value.items()}
        return {key: one for key, one in held.items() if one is not None} or None
    return str(value) if type(value).__module__ == "datetime" else None
