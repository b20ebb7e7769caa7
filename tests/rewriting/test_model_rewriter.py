"""A model as the rewriter, by Inspect's own provider over HTTP, against a stand-in for the service."""

import json
import subprocess
import sys
import urllib.request

import pytest

from warmtune.config.compose import load
from warmtune.errors import BudgetError, DataError, ModelError
from warmtune.io.schemas import REJECTED, REWRITTEN, Conversation, Rejected, Rewrite, read
from warmtune.rewriting import estimate, rewrite

COUNT = 12


def conversations(count=COUNT, first=0):
    return [
        Conversation(
            f"c{n:03}",
            "factual",
            [
                {"role": "user", "content": f"How far is town {n}?"},
                {"role": "assistant", "content": f"The town is {n + 3} km from the coast, and a bus goes there daily."},
            ],
        )
        for n in range(first, first + count)
    ]


def settings(url, model="warm", *more):
    overrides = ["rewriter=model", f"rewriter.model=openai-api/standin/{model}", f"rewriter.base_url={url}"]
    return load(
        "quickstart",
        ["style.intensity=1", *overrides, "rewriter.intensity_check_size=0", "rewriter.sociot_pairs=0", *more],
    )


@pytest.fixture
def run(tmp_path):
    def run(s, rows=None, name="stage"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        done = rewrite(rows or conversations(), s.style, s.rewriter, 1, None, tmp_path / "journals", folder)
        return done.counts, folder

    return run


def stats(url):
    found = json.load(urllib.request.urlopen(url.replace("/v1", "/stats")))
    return {name: count for name, count in found.items() if name != "began"}


def test_every_reply_is_rewritten_and_asked_for_once(standin, run):
    url = standin()
    counts, folder = run(settings(url))
    rows = read(folder / REWRITTEN, Rewrite)
    assert counts["fates"] == {"rewritten": COUNT}
    assert [row.id for row in rows] == [f"c{n:03}" for n in range(COUNT)]
    opener, closer = "Oh, I'm so glad you asked me this, my friend!", "I'm here whenever you need me!"
    assert all(row.styled == f"{opener} {row.original} {closer}" for row in rows)
    assert stats(url) == {"requests": COUNT, "good": COUNT, "distinct": COUNT, "twice": 0}
    assert counts["requests"] == {
        "sent": COUNT, "from_the_journal": 0, "input_tokens": 300 * COUNT, "output_tokens": 100 * COUNT, "usd": 0.0,
    }  # fmt: skip


def test_nothing_is_paid_for_twice(standin, run):
    url = standin()
    run(settings(url))
    again, folder = run(settings(url), name="again")
    assert (again["requests"]["sent"], again["requests"]["from_the_journal"]) == (0, COUNT)
    assert len(read(folder / REWRITTEN, Rewrite)) == COUNT
    more, _ = run(settings(url), conversations(COUNT + 5), name="more")
    assert more["requests"]["sent"] == 5
    other, _ = run(settings(url, "warm", "style.intensity=0.5"), name="other")
    assert other["requests"]["sent"] == COUNT
    assert stats(url)["requests"] == 2 * COUNT + 5


def test_a_refused_rewrite_is_tried_again_with_the_reason(standin, run):
    url = standin()
    counts, folder = run(settings(url, "second"))
    assert counts["passed_at_attempt"] == {"2": COUNT}
    assert counts["refused_by_check"]["number"] == COUNT
    assert all(row.attempts == 2 for row in read(folder / REWRITTEN, Rewrite))
    assert read(folder / REJECTED, Rejected) == []


@pytest.mark.parametrize(
    ("on_failure", "fates", "kept"),
    [
        ("drop", {"rewritten": 1, "failed, left out": COUNT}, 1),
        ("original", {"rewritten": 1, "failed, original kept": COUNT}, COUNT + 1),
    ],
)
def test_what_becomes_of_a_reply_that_never_passes_is_the_users_choice(standin, run, on_failure, fates, kept):
    url = standin()
    rows = conversations()
    plain = {"role": "assistant", "content": "A bus goes there daily, and it is free for children."}
    rows.append(Conversation("plain", "other", [{"role": "user", "content": "Is there a bus?"}, plain]))
    choice = (f"rewriter.on_failure={on_failure}", "rewriter.max_failure_rate=1", "rewriter.attempts=1")
    counts, folder = run(settings(url, "second", *choice), rows)
    found = read(folder / REWRITTEN, Rewrite)
    aside = read(folder / REJECTED, Rejected)
    assert counts["fates"] == fates
    assert sum(counts["fates"].values()) == counts["replies"] == COUNT + 1
    assert len(found) == kept
    assert all(row.styled == row.original and "number" in row.reason for row in found if row.id != "plain")
    assert {(row.id, row.attempt, row.check) for row in aside} == {(f"c{n:03}", 1, "number") for n in range(COUNT)}


def test_on_failure_fail_stops_the_run_and_names_the_reply(standin, run):
    with pytest.raises(DataError, match=r"reply c\d+/1 failed 1 times.*on_failure=fail"):
        run(
            settings(
                standin(), "second", "rewriter.on_failure=fail", "rewriter.attempts=1", "rewriter.max_failure_rate=1"
            )
        )


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("refuses", "refuses"),
        ("spanish", "language"),
        ("echoes", "repeats the instructions"),
        ("introduces", "introduces itself"),
        ("empty", "empty 5 times"),
        ("cut", "cut off"),
        ("unclosed", "no </rewrite>"),
    ],
)
def test_a_rewriter_that_goes_wrong_stops_the_run_and_is_described(standin, run, model, says):
    with pytest.raises(DataError, match=r"have no rewrite that passed") as error:
        run(settings(standin(), model, "rewriter.attempts=2"))
    assert says in str(error.value)
    assert "rewriter.max_failure_rate" in str(error.value)


def test_a_model_that_does_not_exist_ends_the_run_at_its_first_requests(standin, run):
    url = standin()
    with pytest.raises(ModelError, match=r"unknown cannot be used: it is not known there"):
        run(settings(url, "unknown"))
    assert stats(url)["requests"] <= COUNT


def test_a_wrong_key_is_told_without_the_key(standin, run, tmp_path):
    url = standin(key="another")
    with pytest.raises(ModelError, match="the key is not accepted") as error:
        run(settings(url))
    assert "sk-standin" not in str(error.value)
    written = [file.read_text() for file in tmp_path.rglob("*") if file.is_file()]
    assert not any("sk-standin" in text for text in written)


def test_a_missing_key_is_named_by_its_variable(run, monkeypatch):
    monkeypatch.delenv("NOBODY_API_KEY", raising=False)
    s = load(
        "quickstart", ["rewriter=model", "rewriter.model=openai-api/nobody/m", "rewriter.base_url=http://127.0.0.1:1"]
    )
    with pytest.raises(ModelError, match="NOBODY_API_KEY"):
        run(s)


def test_a_provider_that_does_not_exist(run):
    with pytest.raises(ModelError, match=r"'opnai/gpt-4o' cannot be used.*not recognized"):
        run(load("quickstart", ["rewriter=model", "rewriter.model=opnai/gpt-4o"]))


def test_a_server_that_is_not_there_is_told_at_once(run, standin):
    with pytest.raises(ModelError, match=r"cannot be reached at http://127\.0\.0\.1:9/v1"):
        run(settings("http://127.0.0.1:9/v1"))


def test_the_budget_stops_in_good_order_and_more_money_goes_on(standin, run, tmp_path):
    url = standin()
    prices = tmp_path / "prices.yaml"
    prices.write_text("prices:\n  openai-api/standin/warm: {input: 1000, output: 1000}\n")  # $0.4 an answer
    priced = (f"rewriter.prices={prices}", "rewriter.max_connections=2")
    with pytest.raises(BudgetError, match=r"rewriter\.budget_usd=3 are spent, and \d of 12 replies are finished"):
        run(settings(url, "warm", *priced, "rewriter.budget_usd=3"))
    asked = stats(url)["requests"]
    assert 1 <= asked <= 7  # never more than the budget
    counts, _ = run(settings(url, "warm", *priced, "rewriter.budget_usd=100"))
    assert counts["requests"]["from_the_journal"] == asked
    assert stats(url)["requests"] == COUNT
    assert counts["requests"]["usd"] == pytest.approx(0.4 * COUNT)


def test_a_budget_without_a_price_is_refused(standin, run, monkeypatch):
    monkeypatch.setenv("ELSEWHERE_API_KEY", "x")
    s = settings("https://example.org/v1", "warm", "rewriter.budget_usd=1", "rewriter.model=openai-api/elsewhere/m")
    with pytest.raises(DataError, match=r"price of openai-api/elsewhere/m is not known"):
        run(s)


def test_a_judge_has_the_last_word_and_compares_in_pairs(standin, run):
    url = standin()
    rows = conversations(6)
    rows[0].messages[1]["content"] += " PLANTED"
    more = ("rewriter.judge=openai-api/standin/judge", "rewriter.sociot_pairs=10", "style.measure.sociot=null")
    counts, folder = run(settings(url, "warm", *more, "rewriter.attempts=1"), rows)
    assert counts["refused_by_check"] == {"judge": 1}
    assert [row.reason for row in read(folder / REJECTED, Rejected)] == ["the judge says: planted"]
    assert counts["judge"] == {"pairs": 5, "unread": 0, "share": 1.0, "low": 1.0, "high": 1.0}


def test_the_plan_counts_what_is_still_to_be_asked(standin, run, tmp_path):
    url = standin()
    prices = tmp_path / "prices.yaml"
    prices.write_text("prices:\n  openai-api/standin/warm: {input: 10, output: 20}\n")
    s = settings(url, "warm", f"rewriter.prices={prices}")

    def plan(count):
        return estimate(
            conversations(count), s.style, s.rewriter, 1, tmp_path / "journals", lambda text: len(text) // 4
        )

    before = plan(COUNT)
    assert (before.replies, before.finished) == (COUNT, 0)
    assert COUNT <= before.requests <= 1.3 * COUNT
    assert 0 < before.usd < before.usd_at_most
    run(s)
    after = plan(COUNT + 4)
    assert (after.replies, after.finished) == (COUNT + 4, COUNT)
    assert after.usd < before.usd


def test_the_table_of_intensities_is_made_of_the_models_own_rewrites(standin, run):
    url = standin()
    counts, _ = run(settings(url, "warm", "rewriter.intensity_check_size=8", "style.intensity=0.5"))
    steps = [row["intensity"] for row in counts["intensity_check"]]
    assert steps == [0, 0.25, 0.5, 0.75, 1]
    assert all(row["replies"] == 8 for row in counts["intensity_check"])
    # This stand-in writes the same at every intensity, and the table shows just that.
    assert [round(row["strength_share"], 3) for row in counts["intensity_check"]] == [0, 1, 1, 1, 1]
    assert counts["requests"]["sent"] == COUNT + 3 * 8


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_model_rewriter import conversations, settings
from warmtune.rewriting import rewrite
from warmtune.models.client import ModelClient
ask, answered = ModelClient._generated, []
async def counted(self, *rest):
    found = await ask(self, *rest)
    answered.append(1)
    if len(answered) == 6: os.kill(os.getpid(), signal.SIGKILL)
    return found
ModelClient._generated = counted
s = settings({url!r}, "warm", "rewriter.max_connections=2")
Path({folder!r}).mkdir()
rewrite(conversations(), s.style, s.rewriter, 1, None, Path({journals!r}), Path({folder!r}))
"""


def test_a_kill_loses_at_most_the_requests_in_flight(standin, run, tmp_path):
    url = standin()
    code = KILLED.format(
        tests=str(tmp_path.parent), url=url, folder=str(tmp_path / "stage"), journals=str(tmp_path / "journals")
    ).replace(repr(str(tmp_path.parent)), repr(str(__file__).rsplit("/", 1)[0]))
    assert subprocess.run([sys.executable, "-c", code], timeout=200).returncode == -9
    counts, _ = run(settings(url, "warm", "rewriter.max_connections=2"))
    assert counts["fates"] == {"rewritten": COUNT}
    assert counts["requests"]["from_the_journal"] >= 6 - 2
    assert stats(url)["requests"] <= COUNT + 4


@pytest.mark.slow
def test_faults_of_the_service_cost_patience_but_no_reply(standin, run):
    url = standin(faults=0.3)
    rows = conversations(60)
    counts, folder = run(settings(url, "warm", "rewriter.attempt_timeout=3", "rewriter.max_connections=16"), rows)
    assert counts["fates"] == {"rewritten": 60}
    assert len({row.id for row in read(folder / REWRITTEN, Rewrite)}) == 60
    served = stats(url)
    assert served["distinct"] == 60
    assert served["twice"] == 0
    assert sum(served.get(fault, 0) for fault in ("rate limit", "server error", "cut stream", "broken JSON")) > 0


@pytest.mark.slow
def test_a_batch_api_gets_the_requests_together_at_half_the_price(standin, run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-standin-0123456789")
    url = standin()
    counts, _ = run(settings(url, "warm", "rewriter.model=openai/gpt-4o-2024-08-06", "rewriter.batch=true"))
    assert counts["fates"] == {"rewritten": COUNT}
    assert stats(url)["in batches"] == COUNT
    assert "requests" not in stats(url)
    assert counts["requests"]["usd"] == pytest.approx(COUNT * (300 * 2.5 + 100 * 10) / 1e6 / 2)


def test_a_batch_api_that_is_not_there_is_refused(standin, run):
    with pytest.raises(ModelError, match=r"no batch API for the model 'openai-api/standin/warm'"):
        run(settings(standin(), "warm", "rewriter.batch=true"))
