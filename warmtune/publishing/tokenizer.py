"""The tokenizer files to publish: all if tokens or chat template differ from the base's, else none."""

import json
from pathlib import Path
from typing import Any

from warmtune.models.base import Base

_TOKENS, _CONFIG, TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"


def changed_files(adapter: Path, base: Base | None) -> list[str]:
    """Return the names of the tokenizer files to publish.

    Args:
        adapter: folder of the adapter, with the tokenizer that it was trained with.
        base: the base on this machine; without it, all tokenizer files are published.
    """
    ours = sorted(path.name for path in adapter.iterdir() if path.name.startswith("tokenizer") or path.name == TEMPLATE)
    if base is None:
        return ours
    same = _tokens(adapter) == _tokens(base.folder) is not None and _template(adapter) == _template(base.folder)
    return [] if same else ours


def _tokens(folder: Path) -> dict[str, Any] | None:
    """Return the tokenizer's rules for text, without its settings for truncation and padding."""
    file = folder / _TOKENS
    if not file.is_file():
        return None
    tree: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return {key: value for key, value in tree.items() if key not in ("truncation", "padding")}


def _template(folder: Path) -> Any:
    if (folder / TEMPLATE).is_file():
        return (folder / TEMPLATE).read_text(encoding="utf-8")
    return json.loads((folder / _CONFIG).read_text(encoding="utf-8")).get("chat_template")
