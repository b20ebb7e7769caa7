"""The review: before training, a person reads a draw of rewritten replies beside the originals and marks each pair."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warmtune.io.annotation_table import AnnotationTable
from warmtune.io.schemas import Conversation, Rewrite

_TABLE = AnnotationTable(
    about="rewrites",
    command="warmtune rewrite RECIPE --review",
    shown=("prompt", "original", "rewritten", "findings"),
    asked={"faithful": ("yes", "no"), "note": ()},
)


@dataclass(frozen=True)
class Review:
    """What a person marked. A pair without a mark counts in `pairs` only."""

    pairs: int
    """Pairs in the table."""
    marked: int
    faithful: int
    unfaithful: int
    changed: list[str]
    """`id/turn` of each pair whose meaning changed, followed by `: ` and the person's note when there is one."""


def write_review(
    rewrites: Sequence[Rewrite],
    conversations: Sequence[Conversation],
    count: int,
    seed: int,
    digest: str,
    file: Path,
) -> int:
    """Write a draw of rewrites into a table whose last columns are for a person; return how many.

    Args:
        rewrites: all of them.
        conversations: those that the replies are from.
        count: how many are drawn; all when there are fewer. Ids and seed alone decide which.
        seed: drives the draw.
        digest: of the rewrites, so that marks are not read into others.
        file: the table.
    """
    messages = {one.id: one.messages for one in conversations}
    ordered = sorted(rewrites, key=lambda row: (row.id, row.turn))
    drawn = random.Random(seed).sample(ordered, min(count, len(ordered)))
    rows = {
        _name(row): (
            messages[row.id][row.turn - 1]["content"] if row.turn else "",
            row.original,
            row.styled,
            f"original kept: {row.reason}" if row.reason else "",
        )
        for row in drawn
    }
    _TABLE.write(rows, digest, file)
    return len(rows)


def read_review(rewrites: Sequence[Rewrite], digest: str, file: Path) -> Review:
    """Read a person's marks.

    Raises:
        DataError: the table cannot be read, belongs to other rewrites, or has a mark that is none; all that is wrong.
    """
    read = _TABLE.read({_name(row) for row in rewrites}, digest, file)
    marks = [filled["faithful"] for filled in read.values() if filled["faithful"]]
    changed = {name: filled["note"] for name, filled in read.items() if filled["faithful"] == "no"}
    return Review(
        pairs=len(read),
        marked=len(marks),
        faithful=marks.count("yes"),
        unfaithful=marks.count("no"),
        changed=[f"{name}: {note}" if note else name for name, note in changed.items()],
    )


def _name(row: Rewrite) -> str:
    return f"{row.id}/{row.turn}"
