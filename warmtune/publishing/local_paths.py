"""The last check before a publication is written: does any of its texts name a path of this machine?"""

import html
import re
from collections.abc import Iterable
from pathlib import Path

from warmtune.config.sanitized_recipe import local_paths
from warmtune.errors import StoreError
from warmtune.publishing.stored_prompts import PROMPTS

_TEXTS = (".md", ".html", ".yaml", ".json", ".csv")
_QUOTED = re.compile(r"<!-- quoted -->.*?<!-- end of quoted -->", re.DOTALL)
"""The report's templates put these around answers and replies: people and models may have written anything there."""


class LocalPathError(StoreError):
    """A publication would name a path of this machine."""


def check_no_local_paths(folder: Path, store: Path, removed: Iterable[str]) -> None:
    """Refuse a publication that names the user's home, the store, or a path that was to be taken out.

    Args:
        folder: the publication's.
        store: folder of the run's stages.
        removed: the paths and addresses that the recipe's settings named.

    Raises:
        LocalPathError: names the file, the line, and the path.
    """
    pattern = local_paths((*map(str, (Path.home(), store.absolute(), store.resolve())), *removed))
    if pattern is None:
        return
    for file in sorted(folder.rglob("*")):
        if file.suffix in _TEXTS and file.name != PROMPTS and not file.name.startswith("tokenizer"):
            _check(file.relative_to(folder).as_posix(), file.read_text(encoding="utf-8"), pattern)


def _check(name: str, text: str, pattern: re.Pattern[str]) -> None:
    searched = _QUOTED.sub(lambda quoted: "\n" * quoted[0].count("\n"), text)
    for number, line in enumerate(searched.split("\n"), start=1):
        match = pattern.search(html.unescape(line) if name.endswith(".html") else line)
        if match:
            raise LocalPathError(
                f"{name} would name {match[0]}, a place on this machine, in line {number}, so nothing was written. It"
                " came there by a text of the recipe or by a name that holds it; change that, and run the recipe"
                " again."
            )
