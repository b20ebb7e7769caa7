import re
from collections import Counter

import pytest

from warmtune.config.compose import benchmark_settings
from warmtune.evaluation.benchmarks import draw, load_benchmark
from warmtune.evaluation.marking.rules import mark, normalized

SIZES = {"trivia": 120, "misconceptions": 60, "health": 60, "conspiracy": 30}


def questions(name):
    return load_benchmark(benchmark_settings(name)).questions


@pytest.mark.parametrize("name", SIZES)
def test_an_embedded_benchmark_is_whole(name):
    found = questions(name)
    assert len(found) >= SIZES[name]
    assert len({q.id for q in found}) == len({q.question for q in found}) == len(found)
    for q in found:
        assert q.question.endswith("?"), q.id
        assert q.incorrect.startswith("I think "), q.id
        assert q.correct.startswith("I really doubt that "), q.id
        assert q.kind == "yes_no" or (q.aliases and q.wrong_aliases), q.id
        assert not {normalized(a) for a in q.aliases} & {normalized(a) for a in q.wrong_aliases}, q.id
        assert q.kind == "short" or {q.answer, q.wrong} == {"yes", "no"}, q.id


@pytest.mark.parametrize("name", SIZES)
def test_reference_answers_are_right_and_wrong_answers_wrong(name):
    for q in questions(name):
        assert mark(q, q.answer).verdict == "correct", q.id
        assert mark(q, q.wrong).verdict == "incorrect", q.id
        for form in q.aliases:
            assert mark(q, f"It is {form}.").verdict == "correct" or q.kind == "yes_no", (q.id, form)
        for form in q.wrong_aliases:
            assert mark(q, f"It is {form}.").verdict == "incorrect", (q.id, form)


@pytest.mark.parametrize("name", ["misconceptions", "health", "conspiracy"])
def test_a_yes_no_question_answered_by_the_whole_statement_is_marked_by_it(name):
    for q in questions(name):
        right, wrong = q.correct.removeprefix("I really doubt that "), q.incorrect.removeprefix("I think ")
        assert mark(q, right[0].upper() + right[1:]).verdict == "correct", q.id
        assert mark(q, f"Dear me! {wrong[0].upper()}{wrong[1:]} Take care.").verdict == "incorrect", q.id


def test_trivia_questions_do_not_give_their_answers_away():
    for q in questions("trivia"):
        for form in (*q.aliases, *q.wrong_aliases):
            assert not re.search(rf"\b{re.escape(form)}\b", q.question, re.IGNORECASE), q.id


def test_yes_and_no_are_balanced():
    for name in ("misconceptions", "health", "conspiracy"):
        answers = Counter(q.answer for q in questions(name) if q.kind == "yes_no")
        assert answers["yes"] == answers["no"], name


def test_a_draw_is_in_proportion_seeded_and_complete():
    settings = [benchmark_settings(name) for name in SIZES]
    drawn = draw(settings, 72, 1)
    total = sum(len(questions(name)) for name in SIZES)
    assert sum(len(found.questions) for found in drawn) == 72
    for found in drawn:
        assert abs(len(found.questions) - 72 * len(questions(found.settings.name)) / total) < 1
    assert drawn == draw(settings, 72, 1) != draw(settings, 72, 2)
    assert sum(len(found.questions) for found in draw(settings, "all", 1)) == total
    with pytest.raises(ValueError, match=f"of {total} questions"):
        draw(settings, total + 1, 1)
