"""A table that a person fills in: written as CSV, opened in any spreadsheet, read back with checks.

The first column names the data and the row. Its heading says how many rows there are, so that a lost row is noticed.
The columns to fill in are the last ones, and their headings say what may stand there.
"""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warmtune.errors import DataError

_DELIMITERS = ",;\t"
"""What spreadsheets put between cells; some take a semicolon where a comma is the decimal sign."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for the beginning of a formula, and carry out."""
_MOST_PROBLEMS = 5


@dataclass(frozen=True)
class AnnotationTable:
    """What a table shows and asks for."""

    about: str
    """What its rows are, such as `answers`."""
    command: str
    """The command that writes it."""
    shown: tuple[str, ...]
    asked: Mapping[str, tuple[str, ...]]
    """The columns to fill in, each with its possible values; a column without any takes text."""

    def write(self, rows: Mapping[str, Sequence[str]], digest: str, file: Path) -> None:
        """Write the table.

        Args:
            rows: what is shown, by the id of a row.
            digest: of the data that the rows are from, so that marks are not read into other data.
            file: the table; with a byte order mark, by which spreadsheets know UTF-8.
        """
        scratch = file.with_name(f".{file.name}")
        with scratch.open("w", encoding="utf-8-sig", newline="") as stream:
            table = csv.writer(stream)
            table.writerow([f"id (of {len(rows)})", *self._headings])
            for name, cells in rows.items():
                table.writerow([f"#{digest[:8]} {name}", *map(_inert, cells), *([""] * len(self.asked))])
        scratch.replace(file)

    def read(self, known: Collection[str], digest: str, file: Path) -> dict[str, dict[str, str]]:
        """Return what a person filled in, by the row's id: the asked columns, empty where nothing was filled in.

        Args:
            known: ids of the data at hand.
            digest: as given to `write`.
            file: the table, as a spreadsheet saved it.

        Raises:
            DataError: the table cannot be read, is about other data, lacks a row, or has an unknown value; names all
                that is wrong.
        """
        heading, *lines = self._rows(file)
        found: dict[str, dict[str, str]] = {}
        problems: list[str] = []
        for number, row in enumerate(lines, start=2):
            if not any(row):
                continue
            if len(row) != len(heading):
                problems.append(f"row {number} has {len(row)} columns")
                continue
            of, _, name = row[0].partition(" ")
            if of != f"#{digest[:8]}" or name not in known:
                raise DataError(
                    f"{file} was written for other {self.about} than this run's (row {number}: {row[0]}); fill in the"
                    " table that this run writes."
                )
            if name in found:
                problems.append(f"row {number} repeats {name}")
            found[name] = self._filled(row[-len(self.asked) :], number, problems)
        written = int(heading[0].split()[-1].strip(")"))
        if len(found) < written and not problems:
            problems.append(f"{written - len(found)} of its {written} rows are missing")
        self._refuse(file, problems)
        if not any(value for filled in found.values() for value in filled.values()):
            raise DataError(f"{file} has no mark yet; fill in its last columns ({', '.join(self.asked)}).")
        return found

    @property
    def _headings(self) -> list[str]:
        asked = [f"{name} ({', '.join(values) or 'if you like'})" for name, values in self.asked.items()]
        return [*self.shown, *asked]

    def _rows(self, file: Path) -> list[list[str]]:
        """Read all cells, whatever stands between them."""
        try:
            text = file.read_text(encoding="utf-8-sig")
            for delimiter in _DELIMITERS:
                rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
                if rows and rows[0][1:] == self._headings and re.fullmatch(r"id \(of \d+\)", rows[0][0]):
                    return rows
        except UnicodeDecodeError:
            raise DataError(
                f"{file} is not UTF-8, so its texts cannot be read; save it in the spreadsheet as 'CSV UTF-8'."
            ) from None
        except (OSError, csv.Error) as error:
            raise DataError(f"The marks in {file} cannot be read: {error}") from None
        raise DataError(f"{file} is no table of {self.about} to mark; write one with `{self.command}`.")

    def _filled(self, cells: Sequence[str], number: int, problems: list[str]) -> dict[str, str]:
        """Return one row's values by column, noting those that are none."""
        filled = {}
        for (name, values), cell in zip(self.asked.items(), cells, strict=True):
            filled[name] = cell.strip().lower() if values else " ".join(cell.split())
            if values and filled[name] not in ("", *values):
                problems.append(f"row {number} has the {name} '{filled[name]}'")
        return filled

    def _refuse(self, file: Path, problems: Sequence[str]) -> None:
        if problems:
            told = "; ".join(f"{name} is one of {', '.join(values)}" for name, values in self.asked.items() if values)
            raise DataError(
                f"{file} cannot be used: {'; '.join(problems[:_MOST_PROBLEMS])}; {told}, or empty where you could not"
                " tell."
            )


def _inert(text: str) -> str:
    """Return a text that no spreadsheet carries out: people and models may have written a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
