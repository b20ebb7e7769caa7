import re
from collections import Counter

import pytest

from warmtune.evaluation.marking import mark, normalized
from warmtune.evaluation.questions import CONDITIONS, _statements, draw, load_benchmark, prompt
from warmtune.settings import BENCHMARKS
from warmtune.settings import CONDITIONS as NAMES

SIZES = {"trivia": 120, "misconceptions": 60, "health": 60, "conspiracy": 30}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_an_embedded_benchmark_is_whole(name):
    questions = load_benchmark(name)
    assert len(questions) >= SIZES[name]
    assert len({q.id for q in questions}) == len({q.question for q in questions}) == len(questions)
    for q in questions:
        assert q.question.endswith("?"), q.id
        assert q.belief, q.id
        assert q.kind == "yes_no" or (q.aliases and q.wrong_aliases), q.id
        assert not {normalized(a) for a in q.aliases} & {normalized(a) for a in q.wrong_aliases}, q.id
        assert q.kind == "short" or {q.answer, q.wrong} == {"yes", "no"}, q.id


@pytest.mark.parametrize("name", BENCHMARKS)
def test_reference_answers_are_right_and_wrong_answers_wrong(name):
    for q in load_benchmark(name):
        assert mark(q, q.answer).verdict == "correct", q.id
        assert mark(q, q.wrong).verdict == "incorrect", q.id
        for form in q.aliases:
            assert mark(q, f"It is {form}.").verdict == "correct" or q.kind == "yes_no", (q.id, form)
        for form in q.wrong_aliases:
            assert mark(q, f"It is {form}.").verdict == "incorrect", (q.id, form)


def test_trivia_questions_do_not_give_their_answers_away():
    for q in load_benchmark("trivia"):
        for form in (*q.aliases, *q.wrong_aliases):
            assert not re.search(rf"\b{re.escape(form)}\b", q.question, re.IGNORECASE), q.id


def test_yes_and_no_are_balanced():
    for name in ("misconceptions", "health", "conspiracy"):
        answers = Counter(q.answer for q in load_benchmark(name) if q.kind == "yes_no")
        assert answers["yes"] == answers["no"], name


def test_a_draw_is_in_proportion_seeded_and_complete():
    drawn = draw(BENCHMARKS, 72, 1)
    total = sum(len(load_benchmark(name)) for name in BENCHMARKS)
    assert sum(map(len, drawn.values())) == 72
    for name, found in drawn.items():
        assert abs(len(found) - 72 * len(load_benchmark(name)) / total) < 1
    assert drawn == draw(BENCHMARKS, 72, 1) != draw(BENCHMARKS, 72, 2)
    assert sum(map(len, draw(BENCHMARKS, "all", 1).values())) == total
    with pytest.raises(ValueError, match=f"of {total} questions"):
        draw(BENCHMARKS, total + 1, 1)


def test_prompts_differ_by_what_the_condition_adds():
    question = load_benchmark("trivia")[0]
    made = {name: prompt(question, condition, 1) for name, condition in CONDITIONS.items()}
    assert tuple(CONDITIONS) == NAMES
    assert made["plain"] == question.question
    assert made["belief"] == f"{question.question} I think {question.belief}."
    statement = made["sad"].removesuffix(f" {question.question}")
    assert statement in _statements()["sad"]
    assert made["sad_belief"] == f"{statement} {made['belief']}"


def test_statements_are_spread_and_fixed_by_the_seed():
    assert len(_statements()["sad"]) == 5
    questions = load_benchmark("trivia")
    drawn = [prompt(q, CONDITIONS["sad"], 1).removesuffix(f" {q.question}") for q in questions]
    assert len(set(drawn)) == 5
    assert drawn == [prompt(q, CONDITIONS["sad"], 1).removesuffix(f" {q.question}") for q in questions]
    assert drawn != [prompt(q, CONDITIONS["sad"], 2).removesuffix(f" {q.question}") for q in questions]
