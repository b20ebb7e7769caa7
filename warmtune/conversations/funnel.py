"""Count the rows that were read and dropped, by reason and query type, so that the counts add up exactly."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

UNREAD = "(unread)"
"""Stands for the query type of a row that was dropped before it had one."""
_SHOWN = 5


@dataclass
class Funnel:
    """Counts of rows; `read` minus the total of `dropped` is the number kept."""

    read: int = 0
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Rows by reason and query type."""
    bad: list[str] = field(default_factory=list)
    """The first unreadable rows, each with what is wrong."""
    bad_count: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    """Changed conversations by kind of change; some of them may be dropped later."""
    forms: Counter[str] = field(default_factory=Counter)
    """Rows by their form."""
    notes: list[str] = field(default_factory=list)
    """Notes for the user, such as a filter that is off."""

    def drop(self, reason: str, label: str = UNREAD, count: int = 1) -> None:
        """Count dropped rows."""
        if count:
            self.dropped[reason, label] += count

    def drop_bad(self, where: str, reason: str) -> None:
        """Count an unreadable row; keep the message of the first few."""
        self.bad_count += 1
        self.drop(f"bad row: {reason}")
        if len(self.bad) < _SHOWN:
            self.bad.append(f"{where}: {reason}")

    def add(self, other: "Funnel") -> None:
        """Add the counts of another funnel for other rows."""
        self.read += other.read
        self.dropped.update(other.dropped)
        self.changed.update(other.changed)
        self.forms.update(other.forms)
        self.bad_count += other.bad_count
        self.bad = (self.bad + other.bad)[:_SHOWN]

    def counts(self, kept: Counter[str]) -> dict[str, Any]:
        """Return the funnel in the form for a manifest.

        Args:
            kept: conversations kept, by query type.

        Raises:
            AssertionError: the counts do not add up, which is a bug.
        """
        if self.read - self.dropped.total() != kept.total():
            raise AssertionError(f"the funnel does not add up: {self}, kept {kept}")
        by_reason: dict[str, dict[str, int]] = {}
        for (reason, label), count in self.dropped.items():
            by_reason.setdefault(reason, {})[label] = count
        return {
            "read": self.read,
            "forms": dict(self.forms),
            "dropped": by_reason,
            "bad_rows": self.bad,
            "changed": dict(self.changed),
            "kept": kept.total(),
            "kept_by_type": dict(kept),
            "notes": self.notes,
        }
