"""The stage `rewrite`: every assistant reply in the style and checked, or set aside with the reason."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from warmtune.errors import DataError
from warmtune.lexicon import profile
from warmtune.progress import progress
from warmtune.rewriting.phrasebook import Phrasebook
from warmtune.rewriting.protect import damage
from warmtune.schemas import REJECTED, REWRITTEN, Conversation, Rewrite, replies, write
from warmtune.settings import StyleSettings
from warmtune.store import Outcome

JOURNAL = "rewrites.jsonl"
"""One line a finished message, written at once: a killed run goes on at the next message."""


def rewrite(conversations: Sequence[Conversation], style: StyleSettings, seed: int, folder: Path) -> Outcome:
    """Write `rewritten.parquet` (replies of conversations whose every reply passed) and `rejected.parquet`."""
    book = Phrasebook(style.phrasebook, style.intensity, seed)
    done = _resume(folder / JOURNAL)
    total = sum(1 for conversation in conversations for _ in replies(conversation))
    opener = ""
    with progress("Rewriting", total) as report, (folder / JOURNAL).open("a", encoding="utf-8") as journal:
        for conversation in conversations:
            for turn, original in replies(conversation):
                styled, opener = book.rewrite(original, f"{conversation.id}/{turn}", opener)
                if (conversation.id, turn) not in done:
                    found = _checked(conversation, turn, original, styled, style.intensity)
                    done[conversation.id, turn] = found
                    journal.write(json.dumps(asdict(found)) + "\n")
                    journal.flush()
                report(len(done))
    return _outcome(conversations, done, folder)


def _checked(conversation: Conversation, turn: int, original: str, styled: str, intensity: float) -> Rewrite:
    return Rewrite(
        id=conversation.id,
        turn=turn,
        label=conversation.label,
        original=original,
        styled=styled,
        intensity=intensity,
        reason=damage(original, styled),
        markers_before=profile(original).total,
        markers_after=profile(styled).total,
    )


def _outcome(conversations: Sequence[Conversation], done: dict[tuple[str, int], Rewrite], folder: Path) -> Outcome:
    kept: list[Rewrite] = []
    rejected: list[Rewrite] = []
    for conversation in conversations:
        rows = [done[conversation.id, turn] for turn, _ in replies(conversation)]
        (rejected if any(row.reason for row in rows) else kept).extend(rows)
    if not kept:
        reasons = "; ".join(sorted({row.reason for row in rejected if row.reason})[:5])
        raise DataError(f"The check refused a rewrite in every conversation ({reasons}), so there is nothing to train.")
    write(folder / REWRITTEN, Rewrite, kept)
    write(folder / REJECTED, Rewrite, rejected)
    counts = {
        "conversations": len(conversations),
        "replies": len(kept) + len(rejected),
        "kept": len(kept),
        "set_aside": len(rejected),
        "set_aside_conversations": len({row.id for row in rejected}),
        "reasons": dict(Counter(row.reason for row in rejected if row.reason)),
        "markers_before": _mean([row.markers_before for row in kept]),
        "markers_after": _mean([row.markers_after for row in kept]),
    }
    return Outcome([REWRITTEN, REJECTED], counts)


def _resume(journal: Path) -> dict[tuple[str, int], Rewrite]:
    """Read what an earlier attempt finished, cutting off a last line that a kill left half-written."""
    if not journal.is_file():
        return {}
    whole = journal.read_bytes()
    whole = whole[: whole.rfind(b"\n") + 1]
    journal.write_bytes(whole)
    rows = [Rewrite(**json.loads(line)) for line in whole.decode().splitlines()]
    return {(row.id, row.turn): row for row in rows}


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 3)
