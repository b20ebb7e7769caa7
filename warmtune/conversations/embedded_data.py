"""Read conversations from the shipped data, from files and from Hub datasets."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from warmtune.config.settings import SourceSettings
from warmtune.conversations.formats import form_of
from warmtune.io.sources import Row, lines
from warmtune.io.sources import rows as rows_of


def rows(source: SourceSettings) -> Iterator[Row]:
    """Yield the rows of one source, in the source's order.

    Raises:
        DataError: the source is missing, unreadable as a whole, or of an unknown file type.
    """
    if source.path == "embedded":
        return lines("embedded conversations", embedded("conversations.jsonl").open("rb"))
    return rows_of(source, lambda content: bool(form_of(content)), "data.path")


def embedded(name: str) -> Path:
    """Return the path of a file that ships with this package."""
    return Path(str(resources.files("warmtune.conversations").joinpath("embedded", name)))
