"""The stage with the phrasebook, which needs no service."""

import dataclasses
import json

import pytest

from warmtune.config.compose import load
from warmtune.errors import DataError
from warmtune.io.schemas import JOURNALS, REJECTED, REWRITTEN, Conversation, Rejected, Rewrite, read
from warmtune.models.engine import Engine
from warmtune.rewriting import check_changed, rewrite, rewrite_check
from warmtune.rewriting.guard import Finding

TOLD = "It is {} km away, and the road is good. However, it is not far on foot either."


def conversations(count):
    return [
        Conversation(
            f"c{n}",
            "factual",
            [
                {"role": "user", "content": "Tell me."},
                {"role": "assistant", "content": TOLD.format(n + 2)},
                {"role": "user", "content": "More."},
                {"role": "assistant", "content": "There is no more to tell about the road. It ends at the lake."},
            ],
        )
        for n in range(count)
    ]


@pytest.fixture
def run(tmp_path):
    def run(count, *overrides, name="stage", engine=None):
        s = load(
            "quickstart",
            ["rewriter.sociot_pairs=0", "rewriter.intensity_check_size=0", "rewriter.max_failure_rate=1", *overrides],
        )
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        store = tmp_path / JOURNALS
        return rewrite(conversations(count), s.style, s.rewriter, 1, engine, store, folder).counts, folder

    return run


@pytest.fixture
def refusing(monkeypatch):
    """Make the guard refuse every rewrite of originals that hold a text."""

    def refuse(held):
        def findings(pairs, _):
            return [[Finding("planted", "planted")] if held in original else [] for original, _ in pairs]

        monkeypatch.setattr(rewrite_check, "findings", findings)

    return refuse


def test_rows_carry_their_ids_and_turns(run):
    counts, folder = run(3)
    rows = read(folder / REWRITTEN, Rewrite)
    assert [(row.id, row.turn) for row in rows] == [(f"c{n}", turn) for n in range(3) for turn in (1, 3)]
    assert all(f"{int(row.id[1:]) + 2} km" in row.styled for row in rows if row.turn == 1)
    assert counts["fates"] == {"rewritten": 6}
    assert all(row.strength_after > row.strength_before for row in rows)


def test_replies_that_nothing_changed_are_counted_and_not_trained_on(run):
    """A style whose words do not occur would tune the model to be its own control."""
    nothing = [f"style.phrasebook.{name}=null" for name in ("openers", "bridges", "closers")]
    counts, folder = run(3, *nothing, "style.phrasebook.swaps=[[zebra,horse]]")
    assert counts["fates"] == {"found in the style already, unchanged": 6}
    rows = read(folder / REWRITTEN, Rewrite)
    style = load("quickstart", []).style
    with pytest.raises(DataError, match="changed the replies of 0 of 3 conversations"):
        check_changed(rows, style)
    check_changed(rows, dataclasses.replace(style, intensity=0.0))
    check_changed(read(run(3, name="warm")[1] / REWRITTEN, Rewrite), style)


def test_a_failed_reply_takes_its_conversation_with_it_and_every_reply_is_counted(run, refusing):
    refusing("3 km")
    counts, folder = run(3)
    aside = read(folder / REJECTED, Rejected)
    assert [(row.id, row.turn, row.attempt, row.check) for row in aside] == [("c1", 1, n, "planted") for n in (1, 2, 3)]
    assert len({row.styled for row in aside}) == 3  # each attempt drew other phrases
    assert {row.id for row in read(folder / REWRITTEN, Rewrite)} == {"c0", "c2"}
    assert counts["fates"] == {
        "rewritten": 4,
        "failed, left out": 1,
        "left out with a failed one of the same conversation": 1,
    }
    assert counts["failed_by_type"] == {"factual": 1}


def test_nothing_left_is_an_error_with_the_attempts_kept(run, refusing, tmp_path):
    refusing("km")
    with pytest.raises(DataError, match=r"\(planted\).*nothing is left"):
        run(2)
    assert len(read(tmp_path / "stage" / REJECTED, Rejected)) == 6


def test_a_verdict_once_found_is_kept(run, monkeypatch, tmp_path):
    asked = []
    real = rewrite_check.findings
    monkeypatch.setattr(rewrite_check, "findings", lambda pairs, length: asked.extend(pairs) or real(pairs, length))
    run(5, name="first")
    journal = next((tmp_path / JOURNALS).glob("*.jsonl"))
    lines = journal.read_bytes().splitlines(keepends=True)
    asked.clear()
    journal.write_bytes(b"".join(lines[:4]) + lines[4][:20])
    run(5, name="second")
    assert len(asked) == len(lines) - 4
    assert (tmp_path / "first" / REWRITTEN).read_bytes() == (tmp_path / "second" / REWRITTEN).read_bytes()
    keys = [json.loads(line)["key"] for line in journal.read_text().splitlines()]
    assert len(keys) == len(set(keys)) == len(lines)


@pytest.mark.parametrize("overrides", [("style=original",), ("style.intensity=0",)])
def test_what_changes_nothing_gives_the_originals_back(run, overrides):
    counts, folder = run(2, *overrides)
    rows = read(folder / REWRITTEN, Rewrite)
    assert all(row.styled == row.original and row.attempts == 0 for row in rows)
    assert counts["fates"] == {"rewritten": 4}
    assert counts["intensity_check"] == []


def test_the_table_of_intensities_rises_and_names_the_runs_own(run):
    counts, _ = run(30, "rewriter.intensity_check_size=60", "style.intensity=0.6")
    rows = counts["intensity_check"]
    assert [row["intensity"] for row in rows] == [0, 0.25, 0.5, 0.6, 0.75, 1]
    for name in ("strength", "probe"):
        values = [row[name] for row in rows]
        assert values == sorted(values)
        assert (rows[0][f"{name}_share"], rows[-1][f"{name}_share"]) == (0, 1)


def test_sociot_is_measured_on_a_draw_of_pairs_by_the_base(run, tiny_base):
    counts, _ = run(4, "rewriter.sociot_pairs=5", engine=lambda: Engine(tiny_base))
    found = counts["sociot"]
    assert found["pairs"] == 5
    assert found["low"] <= found["lift"] <= found["high"]
    assert found["lift"] == pytest.approx(found["after"] - found["before"], abs=1e-4)
    assert found["model"] == tiny_base.hub


def test_settings_that_only_say_how_fast_and_how_dear_determine_nothing(quickstart):
    rewriter = quickstart.rewriter
    faster = dataclasses.replace(rewriter, max_connections=99, budget_usd=5.0, batch=True, prices="x", review_size=9)
    assert faster.key_settings == rewriter.key_settings
    assert dataclasses.replace(rewriter, attempts=1).key_settings != rewriter.key_settings
