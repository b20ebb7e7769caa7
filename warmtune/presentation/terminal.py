"""Tables and sentences on standard output."""

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table

_WIDTH = 120
"""Columns of the tables where the output is no terminal."""


def console(file: TextIO | None = None) -> Console:
    """Return what prints texts as they are, whatever they hold: sentences in one line, tables in the width there is."""
    width = None if file is None and sys.stdout.isatty() else _WIDTH
    return Console(file=file, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], left: Collection[int] = (0,)) -> Table:
    """Return a plain table, without a heading where no column has a name.

    Args:
        columns: the columns' names.
        rows: the cells, row by row.
        left: places of the columns that are justified to the left; the others hold numbers.
    """
    made = Table(box=None, pad_edge=False, show_header=any(columns))
    for place, name in enumerate(columns):
        made.add_column(name, justify="left" if place in left else "right", no_wrap=place > 0)
    for row in rows:
        made.add_row(*row)
    return made
