import dataclasses
import io
import re

import pytest

from warmtune.cli import data_summary
from warmtune.config.compose import load
from warmtune.evaluation import EvaluationSize
from warmtune.models.chat_template import Rules
from warmtune.pipeline.context import RunContext
from warmtune.presentation.terminal import console
from warmtune.rewriting import Estimate
from warmtune.rewriting.review import Review
from warmtune.runs.store import Stage
from warmtune.training.memory_estimate import Memory
from warmtune.training.training_plan import TrainingPlan

PREPARED = {
    "read": 12,
    "dropped": {"not English": {"factual": 2, "advice": 1}, "too long": {"advice": 3}},
    "kept_by_type": {"factual": 4, "advice": 2},
    "changed": {"cut to 20 turns": 2},
    "notes": ["talk.jsonl has [two] bad rows."],
}
LADDER = [
    {"intensity": i, "strength": 2.5 * i, "strength_share": i, "probe": 0.1 + i / 2, "probe_share": i, "replies": 40.0}
    for i in (0.0, 0.5, 1.0)
]
REQUESTS = {"sent": 0, "from_the_journal": 0, "input_tokens": 0, "output_tokens": 0, "usd": None}
REWRITTEN = {
    "replies": 10,
    "fates": {"rewritten": 9, "failed, original kept": 1},
    "attempts": 12,
    "refused_by_check": {"numbers": 2, "judge": 1},
    "intensity_check": LADDER,
    "sociot": {"before": 0.01, "after": 0.03, "lift": 0.02, "low": 0.01, "high": 0.03, "pairs": 40},
    "requests": REQUESTS,
}


def _lines(table):
    printed = io.StringIO()
    console(printed).print(table)
    return [line.split() for line in printed.getvalue().splitlines()]


def test_every_column_of_the_funnel_adds_up():
    heading, *rows = _lines(data_summary.funnel_table(PREPARED))
    assert heading == ["conversations", "all", "factual", "advice"]
    assert rows == [
        ["read", "12", "6", "6"],
        ["−", "not", "English", "3", "2", "1"],
        ["−", "too", "long", "3", "0", "3"],
        ["=", "kept", "6", "4", "2"],
    ]


def test_the_runs_own_intensity_is_marked():
    _, *rows = _lines(data_summary.intensity_table(LADDER, 0.5))
    assert rows[1] == ["0.5", "<", "1.25", "0.50", "0.350", "0.50", "40"]
    assert [row[1] == "<" for row in rows] == [False, True, False]


def test_a_plan_with_a_model_says_what_it_costs_and_what_has_no_price(capsys):
    rewriter = load("quickstart", ["rewriter=model", "rewriter.model=openai/gpt-4o-2024-08-06"]).rewriter
    plan = Estimate(1617, 3667, 7, 4000, 5_000_000, 900_000, 21.5, 60.25, ())
    data_summary.summarize_plan(plan, rewriter)
    said = capsys.readouterr().out
    for name, value in {
        "conversations": "1,617",
        "replies to rewrite": "3,667",
        "of them in the journal already": "7",
        "requests still to send, about": "4,000",
        "cost, about": r"\$21.50",
        "cost, at most": r"\$60.25",
    }.items():
        assert re.search(rf"^{name} +{value}$", said, re.MULTILINE), name
    assert "rewriter.budget_usd=null (no limit)" in said
    data_summary.summarize_plan(dataclasses.replace(plan, usd=None, usd_at_most=None, unpriced=("a/b",)), rewriter)
    said = capsys.readouterr().out
    assert "The price of a/b is not known" in said
    assert "$" not in said


def test_a_plan_with_the_phrasebook_costs_nothing(capsys, quickstart):
    data_summary.summarize_plan(Estimate(10, 20, 0, 0, 0, 0, None, None, ()), quickstart.rewriter)
    said = capsys.readouterr().out
    assert "The phrasebook rewrites: no requests, no cost." in said
    assert "requests still to send" not in said


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (Rules(True, False, True), "The chat template takes a system message."),
        (
            Rules(False, True, False),
            "takes no system message: it goes to the first user turn; wants user and assistant to take turns: messages"
            " in a row are joined; shows earlier turns otherwise: every reply is a row of its own.",
        ),
    ],
)
def test_a_training_plan_says_memory_time_and_the_templates_rules(capsys, rules, says):
    memory = Memory(2e9, 1e8, 5e8, 3e8, 0.0, 1e8)
    plan = TrainingPlan(
        96, 2, 3, 20_000, 9_000, 5, 36, 1, "cpu", 700, memory, 8 * 2**30, 600.0, rules, "user: [a]\n«b»"
    )  # fmt: skip
    data_summary.summarize_training(plan)
    said = capsys.readouterr().out
    assert re.search(r"^rows \(2 too long, 3 split\) +96$", said, re.MULTILINE)
    assert re.search(r"^processes +1 \(cpu\)$", said, re.MULTILINE)
    assert re.search(r"^memory of a process, GB: total +\d\.\d\d$", said, re.MULTILINE)
    assert re.search(r"^time of an arm on this machine, about +10 min$", said, re.MULTILINE)
    assert says in said
    assert said.endswith("user: [a]\n«b»\n")


def test_an_evaluations_plan_says_the_smallest_gap_that_it_can_find(capsys):
    size = EvaluationSize(500, 1000, {"trivia": (500, 1000), "arithmetic": (50, 50)}, ["[two] rows were skipped."])
    data_summary.summarize_asked(size, 3)
    said = capsys.readouterr().out
    assert re.search(r"^trivia +500 +1,000 +3,000$", said, re.MULTILINE)
    assert re.search(r"^arithmetic +50 +50 +150$", said, re.MULTILINE)
    assert "[two] rows were skipped." in said
    over_all, one = map(
        float, re.search(r"80 %\): ([\d.]+) pp over their 2 conditions, ([\d.]+) pp in one", said).groups()
    )
    assert 0 < over_all < one
    data_summary.summarize_asked(EvaluationSize(0, 0, {"arithmetic": (50, 50)}, []), 1)
    assert "smallest gap" not in capsys.readouterr().out


def test_a_review_is_counted(capsys):
    data_summary.summarize_review(Review(50, 40, 37, 3, ["a/1: wrong number"]))
    said = capsys.readouterr().out
    assert said.startswith("Review: 40 of 50 pairs marked; faithful 37, not faithful 3.")


def _print(settings, tmp_path, **stages):
    done = {name: Stage(name, tmp_path, "0", "d", {}, counts, 1.0, 1.0) for name, counts in stages.items()}
    printed = io.StringIO()
    data_summary.print_data(console(printed), RunContext(settings, done))
    return printed.getvalue()


def test_the_data_is_printed_as_far_as_it_is_made(quickstart, tmp_path):
    prepared = _print(quickstart, tmp_path, prepare=PREPARED)
    assert "2 changed: cut to 20 turns" in prepared
    assert "talk.jsonl has [two] bad rows." in prepared
    assert "replies" not in prepared
    said = _print(quickstart, tmp_path, prepare=PREPARED, rewrite=REWRITTEN)
    assert "10 replies: 9 rewritten, 1 failed, original kept." in said
    assert "12 rewrites made; refused by check: numbers 2, judge 1." in said
    assert "SocioT Warmth, nats per token: +0.0100 -> +0.0300, lift +0.0200 [+0.0100, +0.0300], 40 pairs." in said
    assert "Requests" not in said
    for usd, cost in ((None, "cost not known"), (1.5, "$1.50 in all")):
        paid = REWRITTEN | {"intensity_check": [], "sociot": {}, "requests": REQUESTS | {"sent": 3, "usd": usd}}
        said = _print(quickstart, tmp_path, prepare=PREPARED, rewrite=paid)
        assert f"Requests: 3 sent, 0 from the journal; {cost}." in said
        assert "SocioT" not in said
    assert _print(quickstart, tmp_path, prepare=PREPARED, rewrite=REWRITTEN, rows={}) == ""
