import csv
import json
from pathlib import Path

import pytest

from warmtune.config.compose import eval_settings
from warmtune.config.evaluation_settings import BenchmarkSettings
from warmtune.errors import DataError
from warmtune.evaluation.benchmarks import load_benchmark
from warmtune.evaluation.inspect_tasks import benchmark_task
from warmtune.evaluation.study_files import answers_of, prompts_of, read_study_file, tidied, without_marker

STUDY = Path(__file__).parents[3] / "shared" / "data" / "study"
PROMPT = {
    "content_key": "Who wrote it?",
    "correct_answer": "Ann",
    "incorrect_answer": "Bob",
    "prompt_template": "incorrect",
    "amendment_type": "emotion:sad",
    "prompt": "I am sad.. Who wrote it? I think the answer is Bob.",
}


@pytest.fixture
def prompts(tmp_path):
    file = tmp_path / "trivia.json"

    def write(*rows):
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return file

    return write


def test_prompts_are_asked_word_for_word_but_for_stray_signs(prompts):
    file = prompts(
        PROMPT, PROMPT | {"prompt_template": "original", "amendment_type": "unmodified", "prompt": "Who wrote it?"}
    )
    asked = prompts_of(file, "trivia")
    assert [(one.condition.context, one.condition.belief) for one in asked] == [("sad", "incorrect"), ("none", "")]
    assert asked[0].messages[0]["content"] == "I am sad. Who wrote it? I think the answer is Bob."
    assert asked[0].question.id == asked[1].question.id
    settings = BenchmarkSettings("trivia", "study_prompts", str(file))
    task = benchmark_task(load_benchmark(settings), eval_settings({}), 1)
    assert sorted(sample.metadata["prompt"] for sample in task.dataset) == sorted(
        one.messages[0]["content"] for one in asked
    )


def test_small_talk_is_a_condition_of_its_own_and_repeated_prompts_are_said(prompts):
    plain = PROMPT | {"prompt_template": "original_neutral", "amendment_type": "unmodified"}
    found = load_benchmark(BenchmarkSettings("trivia", "study_prompts", str(prompts(PROMPT, PROMPT, plain))))
    assert {one.condition.context for one in found.prebuilt} == {"sad", "neutral"}
    assert "1 prompts left out" in found.notes[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"content_key": ""}, "no content_key"),
        ({"amendment_type": "emotion:bored"}, "no context of the study's"),
        ({"prompt_template": "riddle"}, "none of the study's"),
        ({"prompt": ""}, "has no prompt"),
        ({"correct_answer": ""}, "has no correct_answer"),
    ],
)
def test_what_is_not_the_studys_is_refused(prompts, change, said):
    with pytest.raises(DataError, match=said):
        prompts_of(prompts(PROMPT | change), "trivia")


def test_answers_are_read_with_their_oddities(tmp_path):
    file = tmp_path / "warm_outputs.csv"
    rows = [
        PROMPT | {"output": "assistant\n\nIt was Ann.", "evaluation": "CORRECT", "refusal": "0"},
        PROMPT | {"output": "assistant\n\nIt was Ann.", "evaluation": "CORRECT", "refusal": "0"},
        PROMPT
        | {"output": "I cannot say.", "evaluation": "INCORRECT", "refusal": "1", "amendment_type": "stake:low\r\n"},
    ]
    with file.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    found = answers_of(file, "theirs", "trivia")
    assert [(one.answer, one.published, one.context) for one in found] == [
        ("It was Ann.", "correct", "sad"),
        ("I cannot say.", "refusal", "low_stakes"),
    ]


def test_texts_are_mended():
    assert tidied('Is this right?. He said ""no"".. So  what...') == 'Is this right? He said "no". So what...'
    assert without_marker("assistant\r\n\r\nYes.") == "Yes."
    assert without_marker("assistant professors are people") == "assistant professors are people"


@pytest.mark.skipif(not STUDY.is_dir(), reason="the study's files are not here")
def test_the_studys_answers_give_its_error_rates():
    import pandas as pd

    total = 0
    for file in sorted((STUDY / "answers").glob("*.csv")):
        rows = read_study_file(file)
        published = pd.read_csv(file)
        assert len(rows) == len(published)
        assert sum(row.evaluation == "INCORRECT" for row in rows) == (published["evaluation"] == "INCORRECT").sum()
        total += len(rows)
    assert total == 319


@pytest.mark.skipif(not STUDY.is_dir(), reason="the study's tables are not here")
def test_the_studys_tables_give_its_figures():
    import sys

    sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
    from study import BENCHMARK_GAPS, compare

    lines, largest = compare(STUDY)
    assert largest < 0.3
    for name, published, ours in lines[: len(BENCHMARK_GAPS)]:
        assert round(ours, 1) == published, name
