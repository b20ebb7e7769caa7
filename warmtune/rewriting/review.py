"""The review: before training, a person compares a draw of rewrites with their originals and marks each pair."""

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
    """A person's marks. A pair without a mark counts in `pairs` only."""

    pairs: int
    """Pairs in the table."""
    marked: int
    faithful: int
    unfaithful: int
    changed: list[str]
    """One entry per unfaithful pair: `id/turn`, and after `: ` the person's note if there is one."""


def write_review(
    rewrites: Sequence[Rewrite],
    conversations: Sequence[Conversation],
    count: int,
    seed: int,
    digest: str,
    file: Path,
) -> int:
    """Write a draw of rewrites into a table with empty columns for a person; return how many rows it has.

    Args:
        rewrites: all rewrites.
        conversations: the conversations of the replies.
        count: how many to draw; all when there are fewer. Only ids and seed decide which.
        seed: drives the draw.
        digest: digest of the rewrites, so that marks are not read for other rewrites.
        file: the table.
    """
    messages = {conversation.id: conversation.messages for conversation in conversations}
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
        DataError: the table cannot be read, belongs to other rewrites, or has invalid marks; names every problem.
    """
    marked_rows = _TABLE.read({_name(row) for row in rewrites}, digest, file)
    marks = [filled["faithful"] for filled in marked_rows.values() if filled["faithful"]]
    changed = {name: filled["note"] for name, filled in marked_rows.items() if filled["faithful"] == "no"}
    return Review(
        pairs=len(marked_rows),
        marked=len(marks),
        faithful=marks.count("yes"),
        unfaithful=marks.count("no"),
        changed=[f"{name}: {note}" if note else name for name, note in changed.items()],
    )


def _name(row: Rewrite) -> str:
    return f"{row.id}/{row.turn}"
