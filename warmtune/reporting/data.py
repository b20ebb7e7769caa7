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
    found = [*counts["dropped"].values(), counts["kept_by_type"]]
    types = list(dict.fromkeys(name for by_type in found for name in by_type))
    read = [sum(by_type.get(name, 0) for by_type in found) for name in types]
    rows = [FunnelRow("read", counts["read"], read)]
    for reason, by_type in counts["dropped"].items():
        rows.append(_row(f"− {reason}", by_type, types))
    rows.append(_row("= kept", counts["kept_by_type"], types))
    file = rewritten.folder / REVIEW
    review = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return Data(types, rows, counts["changed"], counts["notes"], rewritten.counts, review)


def _row(what: str, by_type: Mapping[str, int], types: list[str]) -> FunnelRow:
    return FunnelRow(what, sum(by_type.values()), [by_type.get(name, 0) for name in types])
