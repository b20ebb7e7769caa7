import csv
import dataclasses

import pytest

from warmtune.errors import DataError
from warmtune.evaluation.marking.human_labels import Label, read_labels, write_labels
from warmtune.io.schemas import Marked

DIGEST = "12345678abcd"


def _marked(n, variant, **given):
    texts = {f.name: "" for f in dataclasses.fields(Marked)}
    said = {"question_id": f"q{n}", "question": f"Question {n}?", "answer": f"Answer {n}.", "reference": f"{n}"}
    marks = {"mark": "incorrect", "rule_mark": "incorrect", "judge_mark": "refusal", "by": "rule"}
    numbers = {"sample": 0, "sure": True, "refuses": False, "tokens": 3, "stopped": True}
    return Marked(**texts | said | marks | numbers | {"variant": variant, "benchmark": "trivia"} | given)


ANSWERS = [_marked(n, variant, prompt=f"Prompt {n}.") for variant in ("base", "styled") for n in range(6)]


def test_answers_are_marked_in_a_table_that_hides_whose_they_are(tmp_path):
    file = tmp_path / "label.csv"
    assert write_labels(ANSWERS, 5, 1, DIGEST, file) == 5
    with file.open(encoding="utf-8-sig", newline="") as stream:
        heading, *rows = csv.reader(stream)
    assert heading == ["id (of 5)", "question", "reference", "prompt", "answer", "mark (correct, incorrect, refusal)"]
    assert not any(word in str(rows) for word in ("base", "styled", "incorrect"))
    numbers = [int(row[0].split()[1]) for row in rows]
    assert [row[1:] for row in rows] == [
        [f"Question {n % 6}?", f"{n % 6}", f"Prompt {n % 6}.", f"Answer {n % 6}.", ""] for n in numbers
    ]
    with file.open("w", newline="") as stream:
        marks = ["correct", "incorrect", "", "refusal", "Correct "]
        csv.writer(stream).writerows([heading, *([*r[:-1], mark] for r, mark in zip(rows, marks, strict=True))])
    labels = read_labels(ANSWERS, DIGEST, file)
    assert [label.person for label in labels] == ["correct", "incorrect", "refusal", "correct"]
    assert labels[0] == Label(ANSWERS[numbers[0]].variant, "trivia", "correct", "incorrect", "incorrect", "refusal")
    with pytest.raises(DataError, match="written for other answers"):
        read_labels(ANSWERS, "0" * 12, file)
