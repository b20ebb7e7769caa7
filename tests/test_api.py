"""The Python API, on the recipe `debug`; the whole run inside a running event loop, as a notebook's cell is."""

import asyncio
import importlib.util
import subprocess
import sys

import pandas as pd
import pytest

import warmtune as wt
from warmtune.errors import ConfigError, DataError, StoreError, UserError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def finished(store):
    async def cell():
        return wt.run(wt.load("debug", "style.intensity=0.5", seed=2, store=store), until="report")

    return asyncio.run(cell())


def test_importing_it_loads_nothing():
    code = "import sys, warmtune; print({'torch', 'pandas', 'pydantic', 'hydra'} & set(sys.modules), dir(warmtune))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set()")
    assert "open_run" in done.stdout


def test_settings_come_from_overrides_and_keywords():
    settings = wt.load("debug", "train.save_epochs=[0.5]", seed=7, store="somewhere")
    assert (settings.seed, settings.store, settings.train.save_epochs) == (7, "somewhere", (0.5,))
    with pytest.raises(ConfigError, match=r"no setting 'sed'.*Did you mean 'seed'"):
        wt.load("debug", sed=7)
    with pytest.raises(ConfigError, match="write name=value"):
        wt.load("debug", "seed")
    with pytest.raises(ConfigError, match=r"style\.intensity is 3"):
        wt.load("debug", "style.intensity=3")


def test_a_run_gives_its_tables(finished, store):
    gaps, checks, answers = finished.gaps(), finished.checks(), finished.answers()
    whole = gaps[(gaps["benchmark"] == "all") & (gaps["context"] == "all") & (gaps["belief"] == "all")]
    assert set(zip(whole["variant"], whole["reference"], strict=True)) == {
        ("styled", "base"), ("styled", "control"), ("control", "base"),
    }  # fmt: skip
    assert {"style probe", "SocioT", "lexical profile"} <= set(checks["instrument"])
    assert set(answers["variant"]) == {"base", "control", "styled"}
    assert answers["mark"].isin(["correct", "incorrect", "refusal", "undecided"]).all()
    assert len(finished.replies()) == 3 * finished.settings.data.held_out
    assert set(finished.rewrites()["intensity"]) <= {0.0, 0.5}
    assert finished.report.is_file()
    again = wt.open_run(finished.folder)
    pd.testing.assert_frame_equal(again.gaps(), gaps)


def test_run_again_nothing_is_made_anew_but_what_is_named(finished, capsys):
    wt.run(finished.settings, until="report", remake=["mark"])
    said = capsys.readouterr().err
    assert said.count(" kept ") == len(finished.stages) - 1
    with pytest.raises(ConfigError, match=r"no stage 'marks'.*Did you mean 'mark'"):
        wt.run(finished.settings, until="report", remake=["marks"])
    with pytest.raises(ConfigError, match="no stage 'evaluation'"):
        wt.run(finished.settings, until="evaluation")


def test_in_a_notebook_what_inspect_needs_is_named_before_any_work(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    find_spec = importlib.util.find_spec
    absent = {"ipywidgets"}
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name in absent else find_spec(name, *rest)
    )
    with pytest.raises(UserError, match="pip install ipywidgets"):
        wt.run(wt.load("debug", store=store, seed=99), until="prepare")


def test_a_table_that_is_not_there_yet_is_named(store):
    run = wt.run(wt.load("debug", store=store, seed=3), until="prepare")
    with pytest.raises(StoreError, match="has no report"):
        run.gaps()
    with pytest.raises(StoreError, match="has no rewrite"):
        run.rewrites()
    with pytest.raises(StoreError, match="not the folder of a run"):
        wt.open_run(store)


def test_the_gap_of_a_table_is_the_reports(finished):
    gaps = finished.gaps()
    theirs = gaps[(gaps["variant"] == "styled") & (gaps["reference"] == "base") & (gaps["benchmark"] == "all")]
    theirs = theirs[(theirs["context"] == "all") & (theirs["belief"] == "all")].iloc[0]
    s = finished.settings
    ours = wt.gap(finished.answers(), "styled", "base", draws=s.eval.bootstrap_samples, seed=s.seed)
    assert (ours.gap, ours.low, ours.high, ours.pairs) == (theirs.gap, theirs.low, theirs.high, theirs.pairs)


def test_the_gap_of_any_table_with_ids_and_marks():
    rows = [("warm", n, "incorrect" if n < 30 else "correct") for n in range(100)]
    rows += [("plain", n, "incorrect" if n < 10 else "correct") for n in range(100)]
    table = pd.DataFrame(rows, columns=["variant", "question_id", "mark"])
    gap = wt.gap(table, "warm", "plain")
    assert gap.gap == pytest.approx(20.0)
    assert 10 < gap.low < 20 < gap.high < 30
    with pytest.raises(DataError, match="no column question_id"):
        wt.gap(table.drop(columns="question_id"), "warm", "plain")
    with pytest.raises(DataError, match="no variant cold; it has plain, warm"):
        wt.gap(table, "cold", "plain")
    with pytest.raises(DataError, match="mark 'wrong' is not known"):
        wt.gap(table.replace({"mark": {"incorrect": "wrong"}}), "warm", "plain")
    with pytest.raises(DataError, match="answered by one variant only"):
        wt.gap(table.iloc[:-1], "warm", "plain")
    with pytest.raises(DataError, match="twice"):
        wt.gap(pd.concat([table, table]), "warm", "plain")


def test_one_reply_is_marked_as_a_run_marks_it():
    said = wt.mark("What is the capital of Norway?", "It's Oslo, my friend!", "Oslo", wrong="Bergen")
    assert (said.verdict, said.sure) == ("correct", True)
    assert "Oslo" in said.reason
    assert wt.mark("What is the capital of Norway?", "Bergen.", ["Oslo", "Kristiania"], wrong="Bergen").verdict == (
        "incorrect"
    )
    assert wt.mark("Is water wet?", "No, it is not.", "yes", kind="yes_no").verdict == "incorrect"
    assert wt.mark("2 + 2?", "The answer is 4.", "4", kind="number").verdict == "correct"
    assert wt.mark("Which?", "The answer is (B).", "B", kind="choice").verdict == "correct"
    assert not wt.mark("Capital of Norway?", "A lovely town.", "Oslo").sure
    for accepted, kind in (("", "short"), ("maybe", "yes_no"), ("four", "number"), ("Oslo", "long")):
        with pytest.raises(DataError):
            wt.mark("?", "!", accepted, kind=kind)


def test_a_rewrite_is_checked():
    original = "Take 2 tablets with water, and do not drive."
    assert wt.check_rewrite(original, "Of course! Take 2 tablets with water, and please do not drive.") == []
    found = wt.check_rewrite(original, "Of course! Take 3 tablets with water, and please do not drive.")
    assert ("number", True) in [(one.check, one.hard) for one in found]
    assert "'2'" in next(one.reason for one in found if one.check == "number")


def test_what_the_user_said_may_stand_in_a_rewrite():
    original, styled = "Yes, that is a good age for it.", "Yes, Anna, 27 is a good age for it."
    assert {one.check for one in wt.check_rewrite(original, styled)} & {"number", "name"}
    prompt = "I'm Anna, and I am 27. Is it too late to learn to swim?"
    assert not {one.check for one in wt.check_rewrite(original, styled, prompt)} & {"number", "name"}


@pytest.mark.slow
def test_runs_are_compared(finished, store):
    other = wt.run(wt.load("debug", seed=2, store=store), until="report")
    page = wt.compare([finished, other.folder], to=store / "page")
    assert page.is_file()
    assert page.parent == store / "page"
    with pytest.raises(UserError, match="neither the folder of a run"):
        wt.compare([store / "nowhere"])
