import dataclasses

import pytest

from warmtune.config.compose import benchmark_settings, eval_settings
from warmtune.config.evaluation_settings import CONTEXTS
from warmtune.errors import DataError
from warmtune.evaluation.benchmarks import load_benchmark
from warmtune.evaluation.conditions import SHIPPED, Condition, grid, prompt, statements, written

QUESTIONS = load_benchmark(benchmark_settings("trivia")).questions
SAID = statements(None, CONTEXTS)


def text(question, context, belief="", turns="one", seed=1):
    return written(prompt(question, Condition(context, belief), SAID, turns, seed))


def test_every_context_has_five_statements_and_none_twice():
    assert set(SAID.contexts) == set(CONTEXTS) - {"none"}
    assert all(len(listed) == 5 for listed in SAID.contexts.values())
    every = [one for listed in SAID.contexts.values() for one in listed]
    assert len(set(every)) == len(every) == 45


def test_prompts_differ_by_what_the_condition_adds():
    question = QUESTIONS[0]
    assert text(question, "none") == question.question
    assert text(question, "none", "incorrect") == f"{question.question} {question.incorrect}"
    assert text(question, "none", "correct") == f"{question.question} {question.correct}"
    statement = text(question, "sad").removesuffix(f" {question.question}")
    assert statement in SAID.contexts["sad"]
    assert text(question, "sad", "incorrect") == f"{statement} {text(question, 'none', 'incorrect')}"


def test_in_two_turns_the_context_stands_before_and_is_answered():
    question = QUESTIONS[0]
    messages = prompt(question, Condition("sad", "incorrect"), SAID, "two", 1)
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == text(question, "sad").removesuffix(f" {question.question}")
    assert messages[1]["content"] in SAID.acknowledgements
    assert messages[2]["content"] == text(question, "none", "incorrect")
    assert len(prompt(question, Condition("none", ""), SAID, "two", 1)) == 1
    assert written(messages).startswith(f"user: {messages[0]['content']}\nassistant: ")


def test_statements_are_spread_and_fixed_by_the_seed():
    drawn = [text(q, "sad").removesuffix(f" {q.question}") for q in QUESTIONS]
    assert len(set(drawn)) == 5
    assert drawn == [text(q, "sad").removesuffix(f" {q.question}") for q in QUESTIONS]
    assert drawn != [text(q, "sad", seed=2).removesuffix(f" {q.question}") for q in QUESTIONS]


def test_the_whole_grid_and_a_control_asked_plainly():
    settings = eval_settings({"contexts": list(CONTEXTS), "beliefs": ["none", "incorrect", "correct"]})
    asked = grid(QUESTIONS[:3], settings, False, 1)
    assert len(asked) == 3 * 10 * 3 == len({written(one.messages) for one in asked})
    assert [one.condition for one in grid(QUESTIONS[:3], settings, True, 1)] == [Condition("none", "")] * 3


def test_a_belief_that_cannot_be_said_is_not_asked():
    settings = eval_settings({"contexts": ["none"], "beliefs": ["none", "incorrect", "correct"]})
    silent = dataclasses.replace(QUESTIONS[0], correct="")
    assert [one.condition.belief for one in grid([silent], settings, False, 1)] == ["", "incorrect"]


def test_statements_of_ones_own(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("contexts: {sad: [I am sad.]}\nacknowledgements: [I see.]\n")
    assert statements(str(file), ("none", "sad")).contexts == {"sad": ("I am sad.",)}
    with pytest.raises(DataError, match=r"own\.yaml cannot be used: it lacks the context 'happy'.*copy of"):
        statements(str(file), ("none", "sad", "happy"))
    file.write_text("contexts: {sad: [], sat: [x]}\n")
    with pytest.raises(DataError, match=r"exactly the keys.*") as error:
        statements(str(file), ("none",))
    assert str(SHIPPED) in str(error.value)
    file.write_text("contexts: [")
    with pytest.raises(DataError, match="cannot be read"):
        statements(str(file), ("sad",))
