"""Under which licence the base and the data stand, and what it asks of whoever publishes."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from warmtune.settings import DataSettings


@dataclass(frozen=True)
class Licence:
    """The licence of a base."""

    id: str
    """As the Hub names it; `other` where it has no name for it."""
    title: str
    link: str = ""
    name: str = ""
    """Short name, where the Hub has none."""
    asks: tuple[str, ...] = ()
    """What it asks of whoever publishes a model made from the base; empty where it restricts nothing."""
    begins: str = ""
    """What the name of a published model must begin with."""
    notice: str = ""
    """What a file NOTICE must say."""


@dataclass(frozen=True)
class DataSource:
    """Where conversations came from, and their licence."""

    title: str
    hub: str
    """Id of the Hub dataset; empty where it is none."""
    licence: str
    """Its title, empty where it is not known."""


@cache
def _table() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "licences.yaml").read_text(encoding="utf-8"))
    return tree


def _known(name: str) -> Licence:
    entry = dict(_table()["licences"][name])
    return Licence(**entry | {"asks": tuple(entry.get("asks", ()))})


def base_licence(hub: str, given: str | None, folder: Path | None) -> Licence | None:
    """Return the licence of a base, None where nothing names it.

    Args:
        hub: the base's Hub id.
        given: what the user says it is.
        folder: where the base is on this machine; its README may say.
    """
    if given:
        return _named(given, "", "")
    if hub in _table()["bases"]:
        return _known(_table()["bases"][hub])
    card = folder / "README.md" if folder else None
    if card is None or not card.is_file():
        return None
    from huggingface_hub import metadata_load

    said = metadata_load(card) or {}
    kept = [str(said.get(key) or "") for key in ("license", "license_name", "license_link")]
    return _named(*kept) if kept[0] else None


def _named(id: str, name: str, link: str) -> Licence:
    """Return a licence by its id, or by its own name: with all that the table knows of it, or as it is."""
    for key in (name, id):
        if key in _table()["licences"]:
            return _known(key)
    return Licence(id, name or id, link, name)


def data_sources(data: DataSettings) -> list[DataSource]:
    """Return the sources of the conversations with their licences, each once."""
    found = []
    for path in dict.fromkeys(source.path for source in data.sources):
        entry = _table()["data"].get(path, {})
        hub = path.removeprefix("hub:") if path.startswith("hub:") else ""
        licence = _known(entry["licence"]).title if entry else ""
        found.append(DataSource(entry.get("title") or hub or Path(path).name, hub, licence))
    return found
