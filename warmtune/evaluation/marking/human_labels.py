"""Answers for a person to mark, as a table, and what the person marked read back: the validation of the marks."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warmtune.errors import DataError
from warmtune.evaluation.marking.judge import sample_equally
from warmtune.io.schemas import Marked

_COLUMNS = ("number", "question", "reference", "prompt", "answer", "mark")
_MARKS = ("correct", "incorrect", "refusal")


@dataclass(frozen=True)
class Label:
    """A person's mark beside ours."""

    variant: str
    benchmark: str
    person: str
    mark: str
    rule_mark: str
    judge_mark: str


def write_labels(answers: Sequence[Marked], count: int, seed: int, digest: str, file: Path) -> int:
    """Write a draw of answers into a CSV table whose last column is for a person; return how many.

    Equally over variants, benchmarks and marks; the table does not say whose an answer is or how it was marked.

    Args:
        answers: all answers, marked.
        count: how many are drawn.
        seed: drives the draw.
        digest: of the answers, so that marks are not read into others.
        file: the table.
    """
    drawn = sample_equally(answers, [one.mark for one in answers], range(len(answers)), count, seed)
    scratch = file.with_name(f".{file.name}")
    with scratch.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow([*_COLUMNS[:-1], f"mark ({', '.join(_MARKS)})"])
        for n in drawn:
            one = answers[n]
            table.writerow([f"{n}-{digest[:8]}", one.question, one.reference, one.prompt, one.answer, ""])
    scratch.replace(file)
    return len(drawn)


def read_labels(answers: Sequence[Marked], digest: str, file: Path) -> list[Label]:
    """Read a person's marks.

    Raises:
        DataError: the table cannot be read, belongs to other answers, or has a mark that is none; all that is wrong.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"The marks in {file} cannot be read: {error}") from None
    problems, found = [], []
    if not rows or len(rows[0]) != len(_COLUMNS) or rows[0][0] != _COLUMNS[0]:
        raise DataError(
            f"{file} is no table of answers to mark; write one with `warmtune evaluate RECIPE --label 100`."
        )
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(_COLUMNS):
            problems.append(f"row {line} has {len(row)} columns")
            continue
        number, _, of = row[0].partition("-")
        person = row[-1].strip().lower()
        if of != digest[:8] or not number.isdigit() or int(number) >= len(answers):
            raise DataError(
                f"{file} was written for other answers than this run's (row {line}: {row[0]}); mark the table that this"
                " run writes."
            )
        if person and person not in _MARKS:
            problems.append(f"row {line} has the mark '{person}'")
        elif person:
            one = answers[int(number)]
            found.append(Label(one.variant, one.benchmark, person, one.mark, one.rule_mark, one.judge_mark))
    if problems:
        raise DataError(
            f"{file} cannot be used: {'; '.join(problems[:5])}; a mark is one of {', '.join(_MARKS)}, or empty where"
            " you could not tell."
        )
    if not found:
        raise DataError(f"{file} has no mark yet; fill its last column.")
    return found
