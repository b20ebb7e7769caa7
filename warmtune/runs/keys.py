"""Hashes for stages' keys: of settings, of files, of the data in modules, and the versions of libraries.

Source code is no part of a key. A developer who changes a stage's output raises that stage's `VERSION`.
`tests/pipeline/test_versions.py` fails if the developer forgot it.
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
"""The libraries that results depend on most. Reports name their versions, and `doctor` checks that they are there."""


def fingerprint(*parts: Any) -> str:
    """Return a hash of 16 hexadecimal digits of anything made of dataclasses, dictionaries, lists, texts and numbers.

    Raises:
        TypeError: a part holds anything else, which is a defect of the caller.
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=plain).encode()).hexdigest()[:16]


def data_of(*sources: ModuleType | Path) -> str:
    """Return a hash of the data in modules and files: prompts, patterns, word lists, thresholds.

    A module counts by its constants at module level, by name and value. Its comments, docstrings and functions do not
    count. A file counts by its content.

    Args:
        sources: modules, and files of data.
    """
    return fingerprint(
        *(_constants(source) if isinstance(source, ModuleType) else sha256(source) for source in sources)
    )


def versions(*distributions: str) -> dict[str, str]:
    """Return the installed versions of libraries, by name."""
    return {name: metadata.version(name) for name in distributions}


def optional_version(distribution: str) -> str | None:
    """Return an optional library's version; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def content_of(source: Path) -> str | None:
    """Return the hash of a data file, so that a changed file changes the key; None if there is no such local file."""
    return sha256(source) if source.is_file() else None


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def plain(value: Any) -> Any:
    """Return a dataclass or path in a form that JSON can hold.

    Raises:
        TypeError: the value is anything else, which is a defect of the caller.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"cannot be part of a key: {value!r}")


def _constants(module: ModuleType) -> dict[str, Any]:
    """Return a module's constants by name, without functions, classes, loggers and paths."""
    constants = {name: _data(value) for name, value in vars(module).items() if not name.startswith("__")}
    return {name: value for name, value in constants.items() if value is not None}


def _data(value: Any) -> Any:
    """Return a constant in a form that JSON can hold; None if it is no data."""
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, re.Pattern):
        return [value.pattern, value.flags]
    if isinstance(value, frozenset | set):
        value = sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return [_data(item) for item in value]
    if isinstance(value, dict):
        held = {str(key): _data(one) for key, one in value.items()}
        return {key: one for key, one in held.items() if one is not None} or None
    return str(value) if type(value).__module__ == "datetime" else None
