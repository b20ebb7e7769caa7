"""Status and progress for the user: bars on a terminal, plain lines elsewhere.

All of it goes to standard error, so that standard output holds nothing but results.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)
_PLAIN_EVERY = 15.0
"""Seconds between two plain lines about the same work, at least."""


class ReportProgress(Protocol):
    """The function that a worker calls to report its progress."""

    def __call__(self, done: int, note: str = "") -> None:
        """Report that `done` of the total are done, with a short note such as the loss."""


def print_status(text: str) -> None:
    """Print one line for the user."""
    CONSOLE.print(text, markup=False)


@contextmanager
def spinner(title: str) -> Iterator[None]:
    """Show a spinner on a terminal while work goes on that has nothing to count yet."""
    if CONSOLE.is_terminal:
        with CONSOLE.status(f"[dim]{title}"):
            yield
    else:
        yield


@contextmanager
def progress(title: str, total: int) -> Iterator[ReportProgress]:
    """Show the progress of work with `total` steps; yields the function that reports it."""
    if CONSOLE.is_terminal:
        with _bar() as bar:
            task = bar.add_task(title, total=total, note="")
            yield lambda done, note="": bar.update(task, completed=done, note=note)
    else:
        yield _lines(title, total)


def _bar() -> Progress:
    return Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
        console=CONSOLE,
        transient=True,
    )


def _lines(title: str, total: int) -> ReportProgress:
    """Return a function that prints a line, but not more than one every few seconds."""
    last = time.monotonic()

    def report(done: int, note: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_EVERY:
            last = time.monotonic()
            print_status(f"  {title}: {done} of {total}{f' ({note})' if note else ''}")

    return report
