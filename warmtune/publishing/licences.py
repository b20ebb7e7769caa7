"""The licences of base and data, and what they ask of a publisher."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from warmtune.config.settings import DataSettings
from warmtune.errors import nearest

FILE = Path(__file__).parent / "licences.yaml"


@dataclass(frozen=True)
class Licence:
    """The licence of a base."""

    id: str
    """The Hub's id; `other` if the Hub has none."""
    title: str
    link: str = ""
    name: str = ""
    """Short name, if the Hub has no id."""
    asks: tuple[str, ...] = ()
    """What it asks of a publisher of a model made from the base; empty if it restricts nothing."""
    begins: str = ""
    """What the name of a published model must begin with."""
    notice: str = ""
    """What a file NOTICE must say."""


@dataclass(frozen=True)
class DataSource:
    """Where conversations came from, and their licence."""

    title: str
    hub: str
    """Id of the Hub dataset; empty if the data is not from the Hub."""
    licence: str
    """The licence's title; empty if the licence is not known."""


@cache
def _table() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return tree


def _known(name: str) -> Licence:
    entry = dict(_table()["licences"][name])
    return Licence(**entry | {"asks": tuple(entry.get("asks", ()))})


def is_known(hub: str) -> bool:
    """Tell whether the table names the licence of a base, so that its card need not be read."""
    return hub in _table()["bases"]


def base_licence(hub: str, given: str | None, card: Path | None) -> Licence | str:
    """Return the licence of a base, or a sentence that says why none can be put onto the card.

    Args:
        hub: the base's Hub id.
        given: what the user says it is: an id of the Hub's, or `other NAME LINK`.
        card: the base's own card, if there is one.
    """
    said = _known(_table()["bases"][hub]) if is_known(hub) else _from_card(hub, card)
    if given is None:
        return said
    wished = _given(given)
    if isinstance(wished, str) or isinstance(said, str):
        return wished
    if (said.id, said.name) != (wished.id, wished.name):
        return (
            f"The licence of the base {hub} is {said.title} ({said.name or said.id}), not {given}; leave out --license"
            " (in a recipe: publish.license)."
        )
    return said


def _given(text: str) -> Licence | str:
    """Return the licence that a user names."""
    words = text.split()
    if len(words) == 3 and words[0].lower() == "other" and words[2].startswith("https://"):
        return _named("other", words[1], words[2])
    known = [*_table()["ids"], *_table()["licences"]]
    if len(words) == 1 and words[0].lower() in known:
        return _named(words[0].lower(), "", "")
    return (
        f"'{text}' is no licence that the Hub knows.{nearest(text, known)} Give its id, such as mit or llama3.1 (listed"
        " at huggingface.co/docs/hub/repositories-licenses), or where it has none its name and where it can be read:"
        " --license 'other NAME https://…' (in a recipe: publish.license)."
    )


def _from_card(hub: str, card: Path | None) -> Licence | str:
    """Return the licence that a base's own card names, if it names exactly one with an id that the Hub knows."""
    said = _metadata(card)
    listed = said.get("license")
    ids = [str(one).lower() for one in (listed if isinstance(listed, list) else [listed]) if one]
    name, link = (str(said.get(key) or "") for key in ("license_name", "license_link"))
    if len(ids) == 1 and (name if ids[0] == "other" else ids[0] in _table()["ids"]):
        return _named(
            ids[0], name, link if "://" in link or not link else f"https://huggingface.co/{hub}/blob/main/{link}"
        )
    why = f" (its card names {', '.join(ids)})" if ids else ""
    return (
        f"The licence of the base {hub} is not known{why}; look it up, and give its Hub id, such as mit: --license ID"
        " (in a recipe: publish.license)."
    )


def _metadata(card: Path | None) -> dict[str, Any]:
    """Return a card's metadata; nothing if it cannot be read."""
    from huggingface_hub import metadata_load

    if card is None or not card.is_file():
        return {}
    try:
        found: dict[str, Any] = metadata_load(card) or {}
    except (ValueError, OSError, yaml.YAMLError):  # another publisher's card; the user can give the licence instead
        return {}
    return found


def _named(id: str, name: str, link: str) -> Licence:
    """Return a licence by its name or id: the table's entry if there is one, else one made of these words."""
    for key in (name, id):
        if key in _table()["licences"]:
            return _known(key)
    return Licence(id, name or id, link, name)


def data_sources(data: DataSettings) -> list[DataSource]:
    """Return each source of the conversations once, with its licence."""
    found = []
    for path in dict.fromkeys(source.path for source in data.sources):
        entry = _table()["data"].get(path, {})
        hub = path.removeprefix("hub:") if path.startswith("hub:") else ""
        licence = _known(entry["licence"]).title if entry else ""
        found.append(DataSource(entry.get("title") or hub or Path(path).name, hub, licence))
    return found
