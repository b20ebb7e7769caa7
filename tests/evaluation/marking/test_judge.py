"""A judge by Inspect's own provider over HTTP, against a stand-in for the service."""

import json
import urllib.request

import pytest

from warmtune.config.compose import load
from warmtune.config.contexts import Grid
from warmtune.errors import BudgetError, ModelError
from warmtune.evaluation.marking.judge import mark_answers, sample_equally
from warmtune.io.schemas import MARKED, Answer, Marked, Question, read
from warmtune.reporting.cost import cost_section


def answer(n, text, variant="base", benchmark="trivia"):
    asked = (f"q{n:02}", "none", "", 0, "t", f"What is {n}?", f"What is {n}?", f"number {n}", "nothing")
    return Answer(variant, benchmark, *asked, text, 5, True, "", False)


def questions_of(answers):
    """Questions whose forms the rules find in the answer to number 4 alone; of the others they are not sure."""
    return {
        (one.benchmark, one.question_id): Question(
            one.question_id, "t", "short", one.question, one.reference,
            (one.reference,) if one.question_id in ("q04", "q99") else ("a form that nobody says",),
        )
        for one in answers
    }  # fmt: skip


ANSWERS = [
    answer(0, "Number 0, my friend!"),
    answer(1, "It is 7."),
    answer(2, "I cannot tell."),
    answer(3, "UNREADABLE"),
    answer(4, "number 4"),
    answer(0, "Number 0, my friend!", variant="styled"),  # the same answer to the same question
    answer(5, "I cannot tell.", benchmark="conspiracy"),
]


def settings(url, *more):
    return load(
        "quickstart", ["judge=model", "judge.model=openai-api/standin/judge", f"judge.base_url={url}", *more]
    ).judge


@pytest.fixture
def marked(tmp_path):
    def marked(judge, answers=ANSWERS):
        (tmp_path / "stage").mkdir(exist_ok=True)
        right = frozenset({"conspiracy"})
        counts = mark_answers(
            answers, questions_of(answers), right, judge, 1, tmp_path / "journals", tmp_path / "stage"
        ).counts
        return counts, read(tmp_path / "stage" / MARKED, Marked)

    return marked


def requests(url):
    return json.load(urllib.request.urlopen(url.replace("/v1", "/stats")))["requests"]


def test_without_a_judge_the_rules_marks_stay(marked):
    counts, rows = marked(load("quickstart", []).judge)
    assert [row.mark for row in rows] == ["incorrect"] * 4 + ["correct"] + ["incorrect"] * 2
    assert [row.sure for row in rows] == [False] * 4 + [True] + [False] * 2
    assert {row.by for row in rows} == {"rule"}
    assert counts["judge"] is None


def test_a_judge_marks_what_no_rule_decides_and_its_reason_is_kept(standin, marked):
    url = standin()
    counts, rows = marked(settings(url))
    assert [row.mark for row in rows] == [
        "correct", "incorrect", "refusal", "undecided", "correct", "correct", "correct",
    ]  # fmt: skip
    assert [row.by for row in rows] == ["judge"] * 4 + ["rule"] + ["judge"] * 2
    assert rows[0].judge_reason == "it says Number 0, my friend!"
    assert "could not be read: Let me think" in rows[3].judge_reason
    assert rows[6].judge_mark == "refusal"  # counts as right where refusing is right
    assert (counts["judged"], counts["unread"]) == (6, 1)
    # five different requests, of which the one that cannot be read is asked three times
    assert requests(url) == 5 + 2
    marked(settings(url))
    assert requests(url) == 7  # nothing is paid for twice


def test_it_may_judge_every_answer(standin, marked):
    counts, rows = marked(settings(standin(), "judge.judges=all"))
    assert counts["judged"] == 7
    assert rows[4].judge_mark == "correct"


def test_a_second_judge_marks_a_sample_and_their_agreement_is_shown(standin, marked):
    url = standin()
    second = ["judge.second=openai-api/standin/strict", f"judge.second_base_url={url}", "judge.second_sample=4"]
    counts, rows = marked(settings(url, *second))
    assert sum(row.second_mark != "" for row in rows) == 4 == counts["second_judged"]
    found = cost_section([_gap()], [], [], rows, [], frozenset(), Grid(), {"base": "a", "styled": "b"}, 1).agreements
    who = {one.who: one.answers for one in found}
    assert who["judge and second judge"] == sum(n for name, n in who.items() if "of the family" in name)


def _gap():
    from warmtune.io.schemas import Gap

    nothing = [0.0] * 6
    return Gap("control", "base", "all", "all", "all", 10, 10, 0, 0, *nothing, 0, 0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)


def test_faults_of_the_service_lose_nothing(standin, marked):
    counts, rows = marked(settings(standin(faults=0.3), "judge.attempt_timeout=2"))
    assert [row.mark for row in rows][:3] == ["correct", "incorrect", "refusal"]
    assert counts["judged"] == 6


def test_a_judge_that_cannot_be_used_ends_in_a_sentence(standin, marked, monkeypatch):
    url = standin()
    with pytest.raises(ModelError, match=r"not known there.*judge\.model and judge\.base_url"):
        marked(settings(url, "judge.model=openai-api/standin/unknown"))
    with pytest.raises(ModelError, match=r"placeholders are \{question\}"):
        marked(settings(url, "judge.prompt='{question} {oracle}'"))
    with pytest.raises(ModelError, match=r"judge\.budget_usd is set, but the price"):
        marked(settings(url, "judge.model=openai/gpt-99", "judge.budget_usd=1", "judge.base_url=null"))
    monkeypatch.delenv("STANDIN_API_KEY")
    with pytest.raises(ModelError, match="STANDIN_API_KEY"):
        marked(settings(url))


def test_the_budget_is_kept_and_the_verdicts_so_far(standin, marked, tmp_path):
    prices = tmp_path / "prices.yaml"
    prices.write_text("prices: {openai-api/standin/judge: {input: 100, output: 100}}\n")
    with pytest.raises(BudgetError):
        marked(settings(standin(), f"judge.prices={prices}", "judge.budget_usd=0.2", "judge.max_connections=1"))
    assert next((tmp_path / "journals").glob("judge-*.jsonl")).read_text().count("\n") >= 1


def test_a_sample_is_drawn_equally():
    answers = [answer(n, "x", variant=v) for v in ("base", "styled") for n in range(20)] + [answer(99, "number 99")]
    marks = ["incorrect"] * 40 + ["correct"]
    drawn = sample_equally(answers, marks, range(len(answers)), 9, 1)
    assert len(drawn) == 9
    assert 40 in drawn
    assert drawn == sample_equally(answers, marks, range(len(answers)), 9, 1)
    assert len([n for n in drawn if n < 20]) == 4
