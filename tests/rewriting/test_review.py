import csv
import random

import pytest

from warmtune.errors import DataError
from warmtune.io.schemas import Conversation, Rewrite
from warmtune.rewriting.review import read_review, write_review

DIGEST = "12345678abcd"


def _rewrite(n, turn=1, **given):
    texts = {"original": f"It is {n} km.", "styled": f"Oh, it is {n} km!", "reason": ""}
    numbers = {"intensity": 1.0, "attempts": 1, "strength_before": 0.0, "strength_after": 1.0}
    return Rewrite(**{"id": f"c{n}", "turn": turn, "label": "factual"} | texts | numbers | given)


def _conversations(count):
    messages = [("user", "First of {}?"), ("assistant", "a"), ("user", "Second of {}?"), ("assistant", "b")]
    return [
        Conversation(f"c{n}", "factual", [{"role": role, "content": text.format(n)} for role, text in messages])
        for n in range(count)
    ]


def _table(file):
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def _drawn(file):
    return [row[0] for row in _table(file)[1:]]


def test_a_row_shows_the_prompt_both_replies_and_why_an_original_stands(tmp_path):
    file = tmp_path / "review.csv"
    rewrites = [_rewrite(0), _rewrite(1, turn=3, reason="the number 5 is lost"), _rewrite(2, turn=0)]
    assert write_review(rewrites, _conversations(3), 5, 1, DIGEST, file) == 3
    heading, *rows = _table(file)
    assert heading[:5] == ["id (of 3)", "prompt", "original", "rewritten", "findings"]
    assert heading[5:] == ["faithful (yes, no)", "note (if you like)"]
    assert {row[0].split()[1]: row[1:] for row in rows} == {
        "c0/1": ["First of 0?", "It is 0 km.", "Oh, it is 0 km!", "", "", ""],
        "c1/3": ["Second of 1?", "It is 1 km.", "Oh, it is 1 km!", "original kept: the number 5 is lost", "", ""],
        "c2/0": ["", "It is 2 km.", "Oh, it is 2 km!", "", "", ""],
    }


def test_the_draw_depends_on_ids_and_seed_alone(tmp_path):
    file, conversations = tmp_path / "review.csv", _conversations(40)
    rewrites = [_rewrite(n, turn) for n in range(40) for turn in (1, 3)]
    shuffled = random.Random(5).sample([_rewrite(n, turn, styled="other") for n in range(40) for turn in (1, 3)], 80)
    assert write_review(rewrites, conversations, 20, 7, DIGEST, file) == 20
    drawn = _drawn(file)
    assert len(set(drawn)) == 20
    write_review(shuffled, conversations, 20, 7, DIGEST, file)
    assert _drawn(file) == drawn
    write_review(rewrites, conversations, 20, 8, DIGEST, file)
    assert _drawn(file) != drawn


@pytest.mark.parametrize("count", [0, 3, 4])
def test_all_are_drawn_when_there_are_fewer(tmp_path, count):
    file = tmp_path / "review.csv"
    rewrites = [_rewrite(n) for n in range(count)]
    assert write_review(rewrites, _conversations(count), 4, 1, DIGEST, file) == count
    assert sorted(name.split()[1] for name in _drawn(file)) == [f"c{n}/1" for n in range(count)]


def test_marks_are_counted_and_what_changed_is_named(tmp_path):
    file, rewrites = tmp_path / "review.csv", [_rewrite(n) for n in range(5)]
    write_review(rewrites, _conversations(5), 5, 1, DIGEST, file)
    marks = {"c0/1": ("yes", ""), "c1/1": ("No", "the 3 became\n a 4"), "c2/1": ("no", " "), "c3/1": ("", "?")}
    heading, *rows = _table(file)
    with file.open("w", newline="") as stream:
        filled = [[*row[:-2], *marks.get(row[0].split()[1], ("", ""))] for row in rows]
        csv.writer(stream).writerows([heading, *sorted(filled)])
    review = read_review(rewrites, DIGEST, file)
    assert (review.pairs, review.marked, review.faithful, review.unfaithful) == (5, 3, 1, 2)
    assert review.changed == ["c1/1: the 3 became a 4", "c2/1"]
    with pytest.raises(DataError, match="written for other rewrites than this run's"):
        read_review(rewrites, "0" * 12, file)
