import dataclasses
from collections import Counter

import pytest

from warmtune.conversations import prepare
from warmtune.errors import DataError
from warmtune.schemas import CONVERSATIONS, HELD_OUT, Conversation, Prompt, read


def _prepare(quickstart, folder, seed=1, tokens=lambda _: 10, **changes):
    folder.mkdir(exist_ok=True)
    outcome = prepare(dataclasses.replace(quickstart.data, **changes), seed, tokens, folder)
    return outcome.counts, read(folder / CONVERSATIONS, Conversation), read(folder / HELD_OUT, Prompt)


def test_equal_samples_and_a_funnel_that_adds_up(quickstart, tmp_path):
    counts, chosen, prompts = _prepare(quickstart, tmp_path, per_type=5, held_out=12)
    assert set(Counter(c.label for c in chosen).values()) == {5}
    assert set(Counter(p.label for p in prompts).values()) == {2}
    assert counts["read"] == 144 == counts["kept"] + sum(counts["dropped"].values())


def test_the_seed_decides_and_the_order_of_the_file_does_not(quickstart, tmp_path, jsonl):
    rows = [
        {"id": f"r{n}", "messages": [{"role": "user", "content": f"Why {n}?"}, {"role": "assistant", "content": "So."}]}
        for n in range(40)
    ]
    one = _prepare(quickstart, tmp_path / "a", path=str(jsonl(*rows, name="1.jsonl")), held_out=5, per_type=8)
    two = _prepare(quickstart, tmp_path / "b", path=str(jsonl(*rows[::-1], name="2.jsonl")), held_out=5, per_type=8)
    three = _prepare(quickstart, tmp_path / "c", 2, path=str(tmp_path / "1.jsonl"), held_out=5, per_type=8)
    assert one[1:] == two[1:]
    assert one[1:] != three[1:]
    assert not {c.messages[0]["content"] for c in one[1]} & {p.prompt for p in one[2]}


def test_too_long_is_dropped_and_counted_never_cut(quickstart, tmp_path):
    counts, chosen, _ = _prepare(
        quickstart, tmp_path, per_type=None, max_tokens=100, tokens=lambda c: 101 if c.label == "advice" else 100
    )
    assert counts["dropped"] == {"longer than data.max_tokens (100)": 24}
    assert counts["first_dropped"]["longer than data.max_tokens (100)"].startswith("advice")
    assert len(chosen) == 120


def test_too_little_data_is_said(quickstart, tmp_path, jsonl):
    row = {"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}
    with pytest.raises(DataError, match=r"data\.held_out=5"):
        _prepare(quickstart, tmp_path, path=str(jsonl(row)), held_out=5)
    with pytest.raises(DataError, match=r"held_out=61, but only 60"):
        _prepare(quickstart, tmp_path, held_out=61)
    with pytest.raises(DataError, match=r"longer than data\.max_tokens=10"):
        _prepare(quickstart, tmp_path, tokens=lambda _: 11, max_tokens=10)
