"""A CSV table that a person fills in with a spreadsheet, written here and read back with checks.

The first column names the data and the row. Its heading gives the number of rows, so that a lost row is noticed. The
last columns are to be filled in, and their headings give the possible values.
"""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warmtune.errors import DataError

_DELIMITERS = ",;\t"
"""Delimiters that spreadsheets use; some use a semicolon in countries with a decimal comma."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Characters with which a text may begin that a spreadsheet takes for a formula, and carries out."""
_MOST_PROBLEMS = 5


@dataclass(frozen=True)
class AnnotationTable:
    """The columns of a table: those it shows, and those that a person fills in."""

    about: str
    """A noun for its rows, such as `answers`."""
    command: str
    """The command that writes the table."""
    shown: tuple[str, ...]
    asked: Mapping[str, tuple[str, ...]]
    """The columns to fill in, each with its possible values. A column without values takes any text."""

    def write(self, rows: Mapping[str, Sequence[str]], digest: str, file: Path) -> None:
        """Write the table.

        Args:
            rows: the shown cells, by the row's id.
            digest: hash of the data behind the rows, so that marks are not read into other data.
            file: the table's path. The file gets a byte order mark, by which spreadsheets recognise UTF-8.
        """
        scratch = file.with_name(f".{file.name}")
        with scratch.open("w", encoding="utf-8-sig", newline="") as stream:
            table = csv.writer(stream)
            table.writerow([f"id (of {len(rows)})", *self._headings])
            for name, cells in rows.items():
                table.writerow([f"#{digest[:8]} {name}", *map(_inert, cells), *([""] * len(self.asked))])
        scratch.replace(file)

    def read(self, known: Collection[str], digest: str, file: Path) -> dict[str, dict[str, str]]:
        """Return what a person filled in, by the row's id: the asked columns, with an empty text for an empty cell.

        Args:
            known: the ids of the data at hand.
            digest: the digest that was given to `write`.
            file: the table that a spreadsheet saved.

        Raises:
            DataError: the table cannot be read, is about other data, lacks a row, has an unknown value, or has nothing
                filled in; the error names every problem.
        """
        heading, *lines = self._rows(file)
        filled_rows: dict[str, dict[str, str]] = {}
        problems: list[str] = []
        for number, row in enumerate(lines, start=2):
            if not any(row):
                continue
            if len(row) != len(heading):
                problems.append(f"row {number} has {len(row)} columns")
                continue
            data, _, name = row[0].partition(" ")
            if data != f"#{digest[:8]}" or name not in known:
                raise DataError(
                    f"{file} was written for other {self.about} than this run's (row {number}: {row[0]}); fill in the"
                    " table that this run writes."
                )
            if name in filled_rows:
                problems.append(f"row {number} repeats {name}")
            filled_rows[name] = self._filled(row[-len(self.asked) :], number, problems)
        expected = int(heading[0].split()[-1].strip(")"))
        if len(filled_rows) < expected and not problems:
            problems.append(f"{expected - len(filled_rows)} of its {expected} rows are missing")
        self._refuse(file, problems)
        if not any(value for filled in filled_rows.values() for value in filled.values()):
            raise DataError(f"{file} has no mark yet; fill in its last columns ({', '.join(self.asked)}).")
        return filled_rows

    @property
    def _headings(self) -> list[str]:
        asked = [f"{name} ({', '.join(values) or 'if you like'})" for name, values in self.asked.items()]
        return [*self.shown, *asked]

    def _rows(self, file: Path) -> list[list[str]]:
        """Return all cells by row, whichever delimiter the file has."""
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
        """Return one row's values by column; add a note to `problems` for each impossible value."""
        filled = {}
        for (name, values), cell in zip(self.asked.items(), cells, strict=True):
            filled[name] = cell.strip().lower() if values else " ".join(cell.split())
            if values and filled[name] not in ("", *values):
                problems.append(f"row {number} has the {name} '{filled[name]}'")
        return filled

    def _refuse(self, file: Path, problems: Sequence[str]) -> None:
        if problems:
            allowed = "; ".join(
                f"{name} is one of {', '.join(values)}" for name, values in self.asked.items() if values
            )
            raise DataError(
                f"{file} cannot be used: {'; '.join(problems[:_MOST_PROBLEMS])}; {allowed}, or empty where you could"
                " not tell."
            )


def _inert(text: str) -> str:
    """Return the text with a quote before it if a spreadsheet could take it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
