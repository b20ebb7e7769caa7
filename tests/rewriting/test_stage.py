import json

import pytest

from warmtune.errors import DataError
from warmtune.rewriting import rewrite
from warmtune.rewriting import stage as rewriting_stage
from warmtune.schemas import REJECTED, REWRITTEN, Conversation, Rewrite, read


def _conversations(count):
    return [
        Conversation(
            f"c{n}",
            "factual",
            [
                {"role": "user", "content": "Tell me."},
                {"role": "assistant", "content": f"It is {n} km away. However, it is not far."},
                {"role": "user", "content": "More."},
                {"role": "assistant", "content": "There is no more to tell. That is all."},
            ],
        )
        for n in range(count)
    ]


def test_rows_carry_their_ids_and_turns(quickstart, tmp_path):
    counts = rewrite(_conversations(3), quickstart.style, 1, tmp_path).counts
    rows = read(tmp_path / REWRITTEN, Rewrite)
    assert [(row.id, row.turn) for row in rows] == [(f"c{n}", turn) for n in range(3) for turn in (1, 3)]
    assert all(f"{row.id[1:]} km" in row.styled for row in rows if row.turn == 1)
    assert counts["replies"] == counts["kept"] + counts["set_aside"] == 6


def test_a_refused_reply_sets_its_conversation_aside_with_the_reason(quickstart, tmp_path, monkeypatch):
    monkeypatch.setattr(rewriting_stage, "damage", lambda original, _: "planted" if "1 km" in original else "")
    counts = rewrite(_conversations(3), quickstart.style, 1, tmp_path).counts
    aside = read(tmp_path / REJECTED, Rewrite)
    assert [(row.id, row.turn, row.reason) for row in aside] == [("c1", 1, "planted"), ("c1", 3, "")]
    assert {row.id for row in read(tmp_path / REWRITTEN, Rewrite)} == {"c0", "c2"}
    assert counts["set_aside"] == 2
    assert counts["reasons"] == {"planted": 1}


def test_nothing_left_is_an_error(quickstart, tmp_path, monkeypatch):
    monkeypatch.setattr(rewriting_stage, "damage", lambda *_: "planted")
    with pytest.raises(DataError, match="planted"):
        rewrite(_conversations(2), quickstart.style, 1, tmp_path)


def test_it_goes_on_at_the_next_message(quickstart, tmp_path, monkeypatch):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir(), broken.mkdir()
    rewrite(_conversations(5), quickstart.style, 1, whole)
    lines = (whole / rewriting_stage.JOURNAL).read_bytes().splitlines(keepends=True)
    (broken / rewriting_stage.JOURNAL).write_bytes(b"".join(lines[:4]) + lines[4][:20])
    checked = []
    original = rewriting_stage.damage
    monkeypatch.setattr(rewriting_stage, "damage", lambda *texts: checked.append(texts) or original(*texts))
    rewrite(_conversations(5), quickstart.style, 1, broken)
    assert len(checked) == 6
    assert (broken / REWRITTEN).read_bytes() == (whole / REWRITTEN).read_bytes()
    journal = (broken / rewriting_stage.JOURNAL).read_text().splitlines()
    assert len({(row["id"], row["turn"]) for row in map(json.loads, journal)}) == len(journal) == 10
