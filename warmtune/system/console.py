"""Progress on the terminal: bars where the output is a terminal, plain lines where it is not.

Everything goes to standard error, so that standard output carries results alone.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

CONSOLE = Console(stderr=True, highlight=False, soft_wrap=True)
_PLAIN_EVERY = 15.0
"""Seconds between two plain lines about the same work."""


class Report(Protocol):
    """What a worker calls to say how far it is."""

    def __call__(self, done: int, note: str = "") -> None:
        """Say that `done` of the total are done, with a short note such as the loss."""


def say(text: str) -> None:
    """Print one line for the user."""
    CONSOLE.print(text, markup=False)


@contextmanager
def working(title: str) -> Iterator[None]:
    """Show on a terminal that something goes on, also while it loads and has nothing to count yet."""
    if CONSOLE.is_terminal:
        with CONSOLE.status(f"[dim]{title}"):
            yield
    else:
        yield


@contextmanager
def progress(title: str, total: int) -> Iterator[Report]:
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


def _lines(title: str, total: int) -> Report:
    """Return a reporter that prints a line at the start of long work, every few seconds, and at its end."""
    last = time.monotonic()

    def report(done: int, note: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_EVERY:
            last = time.monotonic()
            say(f"  {title}: {done} of {total}{f' ({note})' if note else ''}")

    return report
