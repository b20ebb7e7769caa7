"""The last look before a publication is given out: does any of its texts name a place on this machine?"""

import html
import re
from collections.abc import Iterable
from pathlib import Path

from warmtune.errors import StoreError
from warmtune.publishing.stored_prompts import PROMPTS

_TEXTS = (".md", ".html", ".yaml", ".json", ".csv")
_ANSWERS = re.compile(r"^(?:## |<h2>)3\. .*?(?=^(?:## |<h2>)4\. )", re.DOTALL | re.MULTILINE)
"""The report's section of answers and replies: what people and models wrote may be anything."""


class PlaceError(StoreError):
    """A publication would name a place on this machine."""


def check_places(folder: Path, store: Path, places: Iterable[str]) -> None:
    """Refuse a publication that names the user's home, the store, or a place that was to be taken out.

    Args:
        folder: the publication's.
        store: folder of the run's stages.
        places: what the recipe's settings named, paths and addresses; a path that is not absolute is not looked for.

    Raises:
        PlaceError: names the file, the line, and the place.
    """
    named = [one for one in places if Path(one).is_absolute() or "://" in one or one.startswith("~/")]
    known = {*map(str, (Path.home(), store.absolute(), store.resolve())), *(one.rstrip("/") for one in named)}
    sought = [place for place in sorted(known, key=len, reverse=True) if place not in ("", "/")]
    # Not within a longer name: /srv/m is neither part of /srv/models nor of an address that ends in /srv/m.
    pattern = re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, sought)) + r")(?![\w-])")
    for file in sorted(folder.rglob("*")):
        if file.suffix in _TEXTS and file.name != PROMPTS and not file.name.startswith("tokenizer"):
            _check(file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8"), pattern)


def _check(name: str, text: str, pattern: re.Pattern[str]) -> None:
    kept = _ANSWERS.sub(lambda found: "\n" * found[0].count("\n"), text)
    for number, line in enumerate(kept.split("\n"), start=1):
        found = pattern.search(html.unescape(line) if name.endswith(".html") else line)
        if found:
            raise PlaceError(
                f"{name} would name {found[0]}, a place on this machine, in line {number}, so nothing was written. It"
                " came there by a text of the recipe or by a name that holds it; change that, and run the recipe"
                " again."
            )
