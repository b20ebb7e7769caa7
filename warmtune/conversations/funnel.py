"""What was read, what was dropped and why: counts by reason and by query type that add up exactly."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

UNREAD = "(unread)"
"""Stands for the query type of a row that could not be read as far as that."""
_SHOWN = 5


@dataclass
class Funnel:
    """Counts of rows; `read` less everything in `dropped` is what is kept."""

    read: int = 0
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By reason and query type."""
    bad: list[str] = field(default_factory=list)
    """The first rows that could not be read, with what is wrong with each."""
    bad_count: int = 0
    changed: Counter[str] = field(default_factory=Counter)
    """Conversations changed, by what was done to them, whether or not they are kept in the end."""
    forms: Counter[str] = field(default_factory=Counter)
    """Rows by the form they were found in."""
    notes: list[str] = field(default_factory=list)
    """What the user should know, such as a filter that is off."""

    def drop(self, reason: str, label: str = UNREAD, count: int = 1) -> None:
        """Count dropped rows."""
        if count:
            self.dropped[reason, label] += count

    def drop_bad(self, where: str, reason: str) -> None:
        """Count a row that could not be read; the first few are kept to be shown."""
        self.bad_count += 1
        self.drop(f"bad row: {reason}")
        if len(self.bad) < _SHOWN:
            self.bad.append(f"{where}: {reason}")

    def add(self, other: "Funnel") -> None:
        """Add the counts of another funnel, made of other rows."""
        self.read += other.read
        self.dropped.update(other.dropped)
        self.changed.update(other.changed)
        self.forms.update(other.forms)
        self.bad_count += other.bad_count
        self.bad = (self.bad + other.bad)[:_SHOWN]

    def counts(self, kept: Counter[str]) -> dict[str, Any]:
        """Return the funnel as it goes into a manifest.

        Args:
            kept: conversations kept, by query type.

        Raises:
            AssertionError: the counts do not add up, which is a defect.
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
