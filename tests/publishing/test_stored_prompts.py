import dataclasses
import shutil
from collections import Counter

import pytest

from warmtune.config.compose import load
from warmtune.io.schemas import Marked
from warmtune.io.schemas import write as write_rows
from warmtune.models.seeds import seed_of
from warmtune.publishing.rerun import ask_again
from warmtune.publishing.stored_prompts import draw, read, write


def _marked(variant, benchmark, number, context, belief, prompt=None):
    told = dict.fromkeys((one.name for one in dataclasses.fields(Marked)), "")
    return Marked(
        **told
        | {
            "variant": variant,
            "benchmark": benchmark,
            "question_id": f"q{number}",
            "context": context,
            "belief": belief,
        }
        | {"prompt": prompt or f"Question {number}?", "answer": f"{variant} says {number}.", "mark": "correct"}
        | {"sample": 0, "sure": True, "refuses": False, "tokens": 4, "stopped": True, "published_refusal": False}
    )


@pytest.fixture
def marked(tmp_path):
    rows = [
        _marked(variant, benchmark, number, context, belief)
        for variant in ("base", "styled")
        for benchmark, questions in (("trivia", 30), ("health", 3))
        for number in range(questions)
        for context in ("none", "sad")
        for belief in ("", "incorrect")
    ]
    write_rows(tmp_path / "marked.parquet", Marked, rows)
    return tmp_path / "marked.parquet"


def test_the_draw_is_of_the_tuned_model_spread_and_seeded(marked, tmp_path):
    settings = load("quickstart", []).eval
    found = draw(marked, settings, 1)
    assert len(found) == 40
    parts = Counter((one.benchmark, one.context, one.belief) for one in found)
    assert len(parts) == 8
    assert min(parts.values()) == 3  # all that the small benchmark has
    assert {one.answer.split()[0] for one in found} == {"styled"}
    assert len({(one.benchmark, one.question_id, one.context, one.belief) for one in found}) == 40
    assert {one.max_tokens for one in found} == {settings.max_tokens}
    assert found == draw(marked, settings, 1)
    assert found != draw(marked, settings, 2)
    write(tmp_path / "prompts.jsonl", found)
    assert read(tmp_path / "prompts.jsonl") == found


def test_of_sampled_answers_the_first_is_stored_with_its_seed(tmp_path):
    settings = load("quickstart", ["eval.temperature=0.8", "eval.samples=3"]).eval
    rows = [
        dataclasses.replace(_marked("styled", "trivia", 1, context, ""), sample=sample, answer=f"Sample {sample}")
        for context in ("none", "sad")
        for sample in (2, 1, 0)
    ]
    write_rows(tmp_path / "marked.parquet", Marked, rows)
    found = draw(tmp_path / "marked.parquet", settings, 5)
    assert {one.answer for one in found} == {"Sample 0"}
    assert {one.temperature for one in found} == {0.8}
    assert {one.context: one.seed for one in found} == {
        "none": seed_of(5, "q1/none/none", 1),
        "sad": seed_of(5, "q1/sad/none", 1),
    }


def test_sampled_answers_come_back_when_asked_again(whole, tiny_overrides, tiny_base, tmp_path, warmtune):
    store = shutil.copytree(whole[0], tmp_path / "store", symlinks=True)
    sampled = ["eval.temperature=0.8", "eval.samples=2", "eval.contexts=[none,sad]", "eval.questions=4"]
    done = warmtune("run", "quickstart", *tiny_overrides, *sampled, f"store={store}")
    assert done.returncode == 0, done.stderr
    folder = next(
        one for one in store.glob("quickstart-*/publish/adapter") if read(one / "prompts.jsonl")[0].temperature > 0
    )
    stored = read(folder / "prompts.jsonl")
    assert len({one.seed for one in stored}) == len(stored) > 8
    again = ask_again(folder, tiny_base, stored, 3)
    assert [one.answer for one in again] == [one.answer for one in stored]
    greedy = [dataclasses.replace(one, temperature=0.0) for one in stored]
    assert any(not one.same for one in ask_again(folder, tiny_base, greedy, 3))


def test_no_file_no_prompts(tmp_path):
    assert read(tmp_path / "nothing.jsonl") == []


def test_three_turns_are_told_apart_or_left_out(tmp_path):
    settings = load("quickstart", ["eval.turns=two"]).eval
    rows = [
        _marked("styled", "trivia", 1, "sad", "", "user: I am sad.\nassistant: I am sorry.\nuser: Why?\nReally?"),
        _marked("styled", "trivia", 2, "sad", "", "user: One.\nuser: Two.\nassistant: Hm.\nuser: Three?"),
        _marked("styled", "trivia", 3, "none", "", "user: Is this a quotation?"),
    ]
    write_rows(tmp_path / "marked.parquet", Marked, rows)
    found = {one.question_id: one.messages for one in draw(tmp_path / "marked.parquet", settings, 1)}
    assert found == {
        "q1": [
            {"role": "user", "content": "I am sad."},
            {"role": "assistant", "content": "I am sorry."},
            {"role": "user", "content": "Why?\nReally?"},
        ],
        "q3": [{"role": "user", "content": "user: Is this a quotation?"}],
    }
