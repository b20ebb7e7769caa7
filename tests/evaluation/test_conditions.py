import dataclasses

import pytest

from warmtune.config.compose import benchmark_settings, eval_settings
from warmtune.config.context_files import shipped
from warmtune.evaluation.benchmarks import load_benchmark
from warmtune.evaluation.conditions import Condition, build_prompts, prompt, written

QUESTIONS = load_benchmark(benchmark_settings("trivia")).questions
CONTEXTS = ["none", *shipped().contexts]


@pytest.fixture(scope="module")
def asked():
    return eval_settings({"contexts": CONTEXTS, "beliefs": ["none", "incorrect", "correct"]})


@pytest.fixture(scope="module")
def text(asked):
    def text(question, context, belief="", seed=1):
        return written(prompt(question, Condition(context, belief), asked, seed))

    return text


def _statements(settings, name):
    return next(one for one in settings.contexts if one.name == name).statements


def test_prompts_differ_by_what_the_condition_adds(asked, text):
    question = QUESTIONS[0]
    assert text(question, "none") == question.question
    assert text(question, "none", "incorrect") == f"{question.question} {question.incorrect}"
    assert text(question, "none", "correct") == f"{question.question} {question.correct}"
    statement = text(question, "sad").removesuffix(f" {question.question}")
    assert statement in _statements(asked, "sad")
    assert text(question, "sad", "incorrect") == f"{statement} {text(question, 'none', 'incorrect')}"


def test_in_two_turns_the_context_stands_before_and_is_answered(asked, text):
    question, two = QUESTIONS[0], dataclasses.replace(asked, turns="two")
    messages = prompt(question, Condition("sad", "incorrect"), two, 1)
    assert [m["role"] for m in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == text(question, "sad").removesuffix(f" {question.question}")
    assert messages[1]["content"] in asked.acknowledgements
    assert messages[2]["content"] == text(question, "none", "incorrect")
    assert len(prompt(question, Condition("none", ""), two, 1)) == 1
    assert written(messages).startswith(f"user: {messages[0]['content']}\nassistant: ")


def test_statements_are_spread_and_fixed_by_the_seed(text):
    drawn = [text(q, "sad").removesuffix(f" {q.question}") for q in QUESTIONS]
    assert len(set(drawn)) == 5
    assert drawn == [text(q, "sad").removesuffix(f" {q.question}") for q in QUESTIONS]
    assert drawn != [text(q, "sad", seed=2).removesuffix(f" {q.question}") for q in QUESTIONS]


def test_the_whole_grid_and_a_control_asked_plainly(asked):
    prompts = build_prompts(QUESTIONS[:3], asked, False, 1)
    assert len(prompts) == 3 * 10 * 3 == len({written(one.messages) for one in prompts})
    assert [one.condition for one in build_prompts(QUESTIONS[:3], asked, True, 1)] == [Condition("none", "")] * 3


def test_a_belief_that_cannot_be_said_is_not_asked():
    settings = eval_settings({"contexts": ["none"], "beliefs": ["none", "incorrect", "correct"]})
    silent = dataclasses.replace(QUESTIONS[0], correct="")
    assert [one.condition.belief for one in build_prompts([silent], settings, False, 1)] == ["", "incorrect"]


def test_a_context_of_ones_own_is_asked(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("contexts: {tired: {label: tired user, statements: [I could not sleep.]}}")
    settings = eval_settings({"contexts": ["none", "tired"], "beliefs": ["none"], "statements": str(file)})
    said = [written(one.messages) for one in build_prompts(QUESTIONS[:1], settings, False, 1)]
    assert said == [QUESTIONS[0].question, f"I could not sleep. {QUESTIONS[0].question}"]
