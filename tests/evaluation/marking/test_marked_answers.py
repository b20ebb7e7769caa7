"""200 answers whose marks are known, written by hand: the rules alone must get nine of ten."""

import json
from collections import Counter
from pathlib import Path

from warmtune.config.compose import benchmark_settings
from warmtune.evaluation.benchmarks import load_benchmark
from warmtune.evaluation.marking.rules import mark

ROWS = [json.loads(line) for line in (Path(__file__).parent / "marked_answers.jsonl").read_text().splitlines()]


def test_rules_alone_mark_nine_of_ten_rightly():
    benchmarks = ("trivia", "misconceptions", "health", "conspiracy")
    questions = {one.id: one for name in benchmarks for one in load_benchmark(benchmark_settings(name)).questions}
    found = [mark(questions[row["question_id"]], row["answer"]) for row in ROWS]
    right = Counter(row["kind"] for row, one in zip(ROWS, found, strict=True) if one.verdict == row["mark"])
    total = Counter(row["kind"] for row in ROWS)
    assert len(ROWS) == 200
    assert sum(right.values()) >= 0.9 * len(ROWS)
    assert all(right[kind] >= 0.75 * count for kind, count in total.items()), right
    assert sum(not one.sure for one in found) <= 20  # left to a judge, where there is one
