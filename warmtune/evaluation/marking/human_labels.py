"""Writes a table of answers that a person marks, and reads the marks back, which show how good ours are."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warmtune.evaluation.marking.judge import sample_equally
from warmtune.io.annotation_table import AnnotationTable
from warmtune.io.schemas import Marked

_TABLE = AnnotationTable(
    about="answers",
    command="warmtune evaluate RECIPE --label 100",
    shown=("question", "reference", "prompt", "answer"),
    asked={"mark": ("correct", "incorrect", "refusal")},
)


@dataclass(frozen=True)
class Label:
    """A person's mark of an answer, and ours."""

    variant: str
    benchmark: str
    person: str
    mark: str
    rule_mark: str
    judge_mark: str


def write_labels(answers: Sequence[Marked], count: int, seed: int, digest: str, file: Path) -> int:
    """Write some answers into a table whose last column a person fills; return how many.

    They are drawn equally over variants, benchmarks and marks. The table does not show the variant or our mark.

    Args:
        answers: all answers, marked.
        count: how many are drawn.
        seed: drives the draw.
        digest: of the answers, so that marks are not read into others.
        file: the table.
    """
    marks = [one.mark for one in answers]
    drawn = {str(n): answers[n] for n in sample_equally(answers, marks, range(len(answers)), count, seed)}
    rows = {name: (one.question, one.reference, one.prompt, one.answer) for name, one in drawn.items()}
    _TABLE.write(rows, digest, file)
    return len(rows)


def read_labels(answers: Sequence[Marked], digest: str, file: Path) -> list[Label]:
    """Read a person's marks.

    Raises:
        DataError: the table cannot be read, is of other answers, or has an unknown mark. It names all that is wrong.
    """
    known = {str(n): one for n, one in enumerate(answers)}
    return [
        Label(one.variant, one.benchmark, filled["mark"], one.mark, one.rule_mark, one.judge_mark)
        for one, filled in ((known[name], filled) for name, filled in _TABLE.read(known, digest, file).items())
        if filled["mark"]
    ]
