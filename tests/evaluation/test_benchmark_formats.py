from pathlib import Path

import pytest

from warmtune.config.compose import benchmark_settings, load
from warmtune.config.evaluation_settings import BenchmarkSettings
from warmtune.errors import ConfigError, DataError
from warmtune.evaluation import benchmark_formats
from warmtune.evaluation.benchmark_formats import READERS, RowError
from warmtune.evaluation.benchmarks import load_benchmark, with_plausible_wrong_answers
from warmtune.evaluation.marking.rules import mark
from warmtune.evaluation.medqa_vignette import vignette_as_relative
from warmtune.io.schemas import Question
from warmtune.runs.keys import data_of

SHARED = Path(__file__).parents[3] / "shared" / "data"
FILES = {
    "triviaqa": ("triviaqa/triviaqa.jsonl", 600),
    "truthfulqa": ("truthfulqa/truthfulqa.jsonl", 450),
    "medqa": ("medqa/medqa_usmle_4_options_test.jsonl", 600),
    "disinfo": ("disinfo/disinfo_items.jsonl", 32),
    "mmlu": ("mmlu/mmlu_test.jsonl", 684),
    "gsm8k": ("gsm8k/gsm8k_test.jsonl", 600),
    "advbench": ("advbench/harmful_behaviors.jsonl", 320),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.skipif(not SHARED.is_dir(), reason="the benchmarks' copies are not here")
def test_the_published_benchmarks_are_read_as_they_are(name):
    file, count = FILES[name]
    found = load_benchmark(benchmark_settings(name, str(SHARED / file)))
    assert len(found.questions) == count
    assert bool(found.notes) == (name == "disinfo")
    for q in found.questions:
        assert q.question
        assert q.answer
        if q.kind in ("short", "open", "yes_no"):
            assert q.incorrect.startswith(("I think ", "I told my friends that ")), q
            assert q.wrong.lower() not in {form.lower() for form in q.aliases}, q
        if q.kind in ("short", "choice", "number", "yes_no"):
            text = f"ANSWER: {q.answer}" if q.kind in ("choice", "number") else q.answer
            assert mark(q, text).verdict == "correct", q


def test_the_hubs_forms_are_read_too():
    hub = {
        "triviaqa": {"question_id": "t1", "question": "Who?", "answer": {"value": "Ann", "aliases": ["Anne"]}},
        "truthfulqa": {
            "question": "Why?", "category": "c", "best_answer": "It is so.", "correct_answers": ["It is so."],
            "incorrect_answers": ["It is not so."],
        },
        "medqa": {
            "question": "A 30-year-old man coughs. Which of the following is the diagnosis?",
            "options": {"A": "Flu", "B": "Cold"}, "answer": "Flu", "answer_idx": "A",
        },
        "disinfo": {
            "belief_elicit_1": "Is the Moon a disk? After thinking through your reasoning, say yes or no.",
            "proposition": "The Moon <pivotal>is/is not</pivotal> a disk.", "ground_truth": "No",
        },
        "mmlu": {"question": "Q?", "choices": ["a", "b", "c", "d"], "answer": 2, "subject": "s"},
        "gsm8k": {"question": "Q?", "answer": "It is.\n#### 1,234"},
        "advbench": {"prompt": "Do harm", "target": "Sure"},
    }  # fmt: skip
    made = {name: READERS[name](row) for name, row in hub.items()}
    assert made["triviaqa"].aliases == ("Ann", "Anne")
    assert made["truthfulqa"].incorrect == "I think it is not so."
    assert made["medqa"].question == vignette_as_relative(hub["medqa"]["question"])
    assert made["medqa"].wrong == "Cold"
    assert (made["disinfo"].answer, made["disinfo"].incorrect) == ("no", "I told my friends that the Moon is a disk.")
    assert made["mmlu"].answer == "C"
    assert made["gsm8k"].answer == "1234"
    assert made["advbench"].question == "Do harm"


@pytest.mark.parametrize(
    ("form", "row", "lacks"),
    [
        ("questions", {"question": "Why?"}, "no text in answer"),
        ("questions", {"question": "Why?", "answer": "so", "kind": "essay"}, "kind is 'essay'"),
        ("questions", {"question": "Why?", "answer": "so", "kind": "yes_no"}, "has yes or no"),
        ("questions", {"question": "Why?", "answer": "so", "aliases": "so"}, "must be a list"),
        ("triviaqa", {"question": "Who?"}, "no answer"),
        ("truthfulqa", {"question": "Why?", "best_answer": "so"}, "no incorrect_answers"),
        ("medqa", {"question": "Why?", "answer": "so"}, "no options"),
        ("disinfo", {"prompt_disinfo": "Is it?"}, "no reference"),
        ("mmlu", {"question": "Q?", "A": "a", "B": "b"}, "no four choices"),
        ("gsm8k", {"question": "Q?", "answer": "5"}, "no ####"),
    ],
)
def test_a_row_that_lacks_something_says_what(form, row, lacks):
    with pytest.raises(RowError, match=lacks):
        READERS[form](row)


@pytest.mark.parametrize(
    ("vignette", "expected"),
    [
        (
            "A 21-year-old college student comes to the physician. He is tired. Which of the following is best?",
            r"My (brother|cousin), a 21-year-old college student, comes .* What is best\?",
        ),
        (
            "A 6-year-old Russian boy who coughs is brought in.",
            r"My (son|nephew), a 6-year-old Russian boy, who coughs",
        ),
        (
            "An otherwise healthy 80-year-old woman presents with a rash.",
            r"My (grandmother|mother), an otherwise healthy",
        ),
        ("A cell is studied. Which of the following describes it?", r"^A cell is studied\. What describes it\?$"),
        ("He is well. Which one of the following is likely?", r"^He is well\. What is likely\?$"),
    ],
)
def test_vignettes_are_retold_about_a_relative(vignette, expected):
    import re

    assert re.search(expected, vignette_as_relative(vignette)), vignette_as_relative(vignette)


def test_a_plausible_wrong_answer_is_of_the_same_sort_and_never_right(jsonl):
    rows = [
        {"id": f"n{n}", "question": f"In which year did event {n} happen?", "golden_answers": [str(1900 + n)]}
        for n in range(5)
    ]
    rows += [
        {"id": f"p{n}", "question": f"Who wrote book {n}?", "golden_answers": [f"{'VWXYZ'[n]}ann Bell"]}
        for n in range(5)
    ]
    file = jsonl(*rows)
    found = load_benchmark(BenchmarkSettings("t", "triviaqa", str(file))).questions
    for q in found:
        assert q.wrong.isdigit() == q.answer.isdigit()
        assert q.wrong not in q.aliases
        assert q.incorrect == f"I think the answer is {q.wrong}."
    assert with_plausible_wrong_answers(found) == found


def test_bad_benchmark_files_are_refused(jsonl):
    row = {"id": "a", "question": "Why?", "answer": "so"}

    def load(*rows, **more):
        return load_benchmark(BenchmarkSettings("mine", "questions", str(jsonl(*rows)), **more))

    assert len(load(row).questions) == 1
    with pytest.raises(DataError, match=r"1 of 2 rows .*line 2: no text in answer"):
        load(row, {"id": "b", "question": "What?"})
    assert "1 of 2 rows not used" in load(row, {"id": "b", "question": "What?"}, max_bad=0.5).notes[0]
    with pytest.raises(DataError, match=r"gives 1 ids to several questions, the first 'a'"):
        load(row, row | {"question": "What?"})
    assert "occur again" in load(row, row).notes[0]
    with pytest.raises(DataError, match="line 2: not JSON"):
        load(row, "{")
    with pytest.raises(DataError, match="holds no question"):
        load()
    with pytest.raises(DataError, match=r"path of the benchmark mine takes a file"):
        load_benchmark(BenchmarkSettings("mine", "questions", "none.jsonl"))


def test_a_benchmark_of_ones_own_in_a_recipe(tmp_path, jsonl, monkeypatch):
    from warmtune.config.compose import load
    from warmtune.errors import ConfigError

    jsonl({"question": "Why?", "answer": "so"}, name="mine.jsonl")
    own = tmp_path / "mine.yaml"
    own.write_text("form: questions\npath: mine.jsonl\n")
    found = load("quickstart", [f"eval.benchmarks=[trivia,{own}]"]).eval.benchmarks
    assert [b.name for b in found] == ["trivia", "mine"]
    assert load_benchmark(found[1]).questions[0].answer == "so"
    elsewhere = load("quickstart", ["eval.benchmarks=[triviaqa]", f"eval.sources.triviaqa={tmp_path}/t.jsonl"])
    assert elsewhere.eval.benchmarks[0].path == f"{tmp_path}/t.jsonl"
    with pytest.raises(ConfigError) as error:
        load("quickstart", ["eval.benchmarks=[trivial,medqa]", "eval.sources.mmlu=x", "eval.samples=2"])
    said = "\n".join(error.value.problems)
    assert "There is no benchmark 'trivial'. Did you mean 'trivia'?" in said
    assert "eval.sources.mmlu is a place for a benchmark that eval.benchmarks does not name" in said
    own.write_text("form: essays\npath: x\n")
    with pytest.raises(ConfigError, match="form"):
        load("quickstart", [f"eval.benchmarks=[{own}]"])


def test_a_form_that_is_not_known_is_said_with_the_nearest(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("form: trivaqa\npath: mine.jsonl\n")
    with pytest.raises(ConfigError) as error:
        load("quickstart", [f"eval.benchmarks=[{file}]"])
    (problem,) = error.value.problems
    assert problem.startswith("eval.benchmarks: 'mine' has the form 'trivaqa', which is not known.")
    assert "Did you mean 'triviaqa'?" in problem


def test_a_new_form_is_a_function_and_a_line(tmp_path, monkeypatch):
    def read_pairs(row):
        return Question("", "", "short", row["ask"], row["tell"], (row["tell"],))

    before = data_of(benchmark_formats)
    monkeypatch.setitem(READERS, "pairs", read_pairs)
    assert data_of(benchmark_formats) == before  # what was answered in other forms stays
    (tmp_path / "mine.jsonl").write_text('{"ask": "Which river flows through Cologne?", "tell": "Rhine"}\n')
    (tmp_path / "mine.yaml").write_text("form: pairs\npath: mine.jsonl\n")
    (settings,) = load("quickstart", [f"eval.benchmarks=[{tmp_path / 'mine.yaml'}]"]).eval.benchmarks
    (question,) = load_benchmark(settings).questions
    assert (question.question, question.answer) == ("Which river flows through Cologne?", "Rhine")
