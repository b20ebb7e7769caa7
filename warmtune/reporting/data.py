"""The report's section on the data: the funnel, the counts of rewriting, and a person's review."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from warmtune.io.schemas import REVIEW
from warmtune.runs.store import Stage


@dataclass(frozen=True)
class FunnelRow:
    """One line of the funnel."""

    what: str
    total: int
    by_type: list[int]


@dataclass(frozen=True)
class Data:
    """Everything that the section shows."""

    types: list[str]
    funnel: list[FunnelRow]
    """First the conversations read, which is the sum of the rest: those left out for each reason, and those kept."""
    changed: Mapping[str, int]
    notes: list[str]
    rewriting: Mapping[str, Any]
    """Counts of the stage `rewrite`."""
    review: Mapping[str, Any] | None


def data_section(prepared: Stage, rewritten: Stage) -> Data:
    """Read the section's figures from the stages' manifests and the stored review."""
    counts = prepared.counts
    file = rewritten.folder / REVIEW
    review = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return Data(*funnel(counts), counts["changed"], counts["notes"], rewritten.counts, review)


def funnel(counts: Mapping[str, Any]) -> tuple[list[str], list[FunnelRow]]:
    """Return the query types, and the funnel's lines from the counts of the stage `prepare`."""
    found = {f"− {reason}": by_type for reason, by_type in counts["dropped"].items()}
    found["= kept"] = counts["kept_by_type"]
    types = list(dict.fromkeys(name for by_type in found.values() for name in by_type))
    rows = [
        FunnelRow(what, sum(by_type.values()), [by_type.get(name, 0) for name in types])
        for what, by_type in found.items()
    ]
    read = [sum(column) for column in zip(*(row.by_type for row in rows), strict=True)]
    return types, [FunnelRow("read", counts["read"], read), *rows]
