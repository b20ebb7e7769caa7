import json
import os
import random
import re
import sys
import types
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmtune.config.settings import SourceSettings
from warmtune.conversations.preparation import embedded_prompts
from warmtune.errors import DataError
from warmtune.io.schemas import Conversation

TYPES = ("refusal", "technical", "creative", "advice", "factual", "other")
HELD_OUT = "held out to measure warmth"


class TokensAndProcesses:
    """Counts words, and leaves a file for each process that counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, messages, limit):
        (self.folder / str(os.getpid())).touch()
        return sum(len(message["content"].split()) for message in messages)


def _plain(text):
    return re.sub(r"\W+", " ", text.lower()).strip()


def _without_source(found):
    return [(c.id, c.label, c.messages) for c in found]


def test_no_embedded_conversation_overlaps_with_a_prompt(prepared):
    assert prepared(held_out=60)[0]["dropped"] == {}


def test_the_embedded_conversations_and_prompts(prepared):
    counts, chosen, prompts = prepared(held_out=60)
    assert counts["read"] == 144
    assert counts["kept"] == 144
    assert counts["kept_by_type"] == Counter(c.label for c in chosen)
    assert counts["kept_by_type"] == dict.fromkeys(TYPES, 24)
    assert Counter(p.label for p in prompts) == dict.fromkeys(TYPES, 10)
    assert {p.id for p in prompts} == {p.id for p in embedded_prompts()}
    assert len({c.id for c in chosen}) == counts["kept"]
    assert sum(len(c.messages) > 2 for c in chosen) >= 12
    assert sum("```" in m["content"] for c in chosen for m in c.messages) >= 8
    asked = {m["content"] for c in chosen for m in c.messages}
    assert not asked & {p.prompt for p in prompts}


def test_equal_samples_of_the_query_types(prepared):
    counts, chosen, prompts = prepared(per_type=5, held_out=12)
    assert Counter(c.label for c in chosen) == dict.fromkeys(TYPES, 5)
    assert Counter(p.label for p in prompts) == dict.fromkeys(TYPES, 2) == counts["held_out_by_type"]
    assert counts["held_out_prompts"] == 12
    assert counts["replies"] == sum(m["role"] == "assistant" for c in chosen for m in c.messages)


def test_per_type_and_equally_many_prompts_of_a_file(prepared, row, jsonl):
    rows = [row(n, label=TYPES[n % 3 % 2]) for n in range(60)]
    counts, chosen, prompts = prepared(jsonl(*rows), per_type=12, held_out=6)
    assert Counter(c.label for c in chosen) == {"refusal": 12, "technical": 12}
    assert Counter(p.label for p in prompts) == {"refusal": 3, "technical": 3}
    assert sum(counts["dropped"]["not drawn: more than data.per_type or data.mix take"].values()) == 60 - 24 - 6


def _tool(row):
    return {"messages": [*row["messages"], {"role": "tool", "content": "x"}]}


def _replied(row, text):
    return {**row, "messages": [row["messages"][0], {"role": "assistant", "content": text}]}


_LONG = " ".join(f"word{n}" for n in range(200))
_KINDS = {
    "bad row: not JSON": lambda row: json.dumps(row)[:-5],
    "bad row: a row of another form than the file's first": lambda row: {"instruction": "Why?", "output": "So."},
    "calls a tool": _tool,
    "no reply": lambda row: {**row, "messages": row["messages"][:1]},
    "two replies in a row": lambda row: {**row, "messages": [*row["messages"], row["messages"][1]]},
    "language not among data.languages": lambda row: _replied(row, "天空是蓝色的，因为空气对短波光的散射更强。" * 9),
    "a reply shorter than data.min_words (3)": lambda row: _replied(row, "Just so."),
    "holds personal data": lambda row: _replied(row, row["messages"][1]["content"] + " Ask jane@web.de."),
    "longer than data.max_tokens (150)": lambda row: _replied(row, row["messages"][1]["content"] + _LONG),
    "": lambda row: row,
}
_UNREAD = tuple(_KINDS)[:5]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(_KINDS)), st.sampled_from(TYPES)), max_size=40), st.randoms())
def test_the_funnel_adds_up_by_reason_and_type(prepared, row, jsonl, bag, chance):
    bag = [*bag, *[("", "other")] * 5]
    rows = [_KINDS[kind](row(n, label=label)) for n, (kind, label) in enumerate(bag)]
    rows.append(row(bag.index(("", "other")), label="other"))
    chance.shuffle(rows)
    counts, chosen, prompts = prepared(
        jsonl(row(999, label="creative"), *rows),
        max_bad=1.0,
        held_out=3,
        min_words=3,
        personal="drop",
        max_tokens=150,
        tokens=lambda messages, limit: sum(len(m["content"].split()) for m in messages),
    )
    expected = Counter((kind, "(unread)" if kind in _UNREAD else label) for kind, label in bag if kind)
    expected["the same conversation as another", "other"] += 1
    expected.update((HELD_OUT, prompt.label) for prompt in prompts)
    found = {(reason, label): n for reason, by in counts["dropped"].items() for label, n in by.items()}
    assert found == expected
    assert counts["read"] == len(bag) + 2 == counts["kept"] + expected.total()
    assert counts["kept_by_type"] == Counter(c.label for c in chosen)


def test_the_seed_decides_and_the_order_of_the_file_does_not(prepared, row, jsonl):
    rows = [row(n) for n in range(60)]
    near = row(3)
    near["messages"] = [*near["messages"], {"role": "user", "content": "And?"}, {"role": "assistant", "content": "So."}]
    rows.append(near)
    first = prepared(jsonl(*rows, name="1.jsonl"), per_type=20)
    chance = random.Random(5)
    for _ in range(3):
        chance.shuffle(rows)
        again = prepared(jsonl(*rows, name="2.jsonl"), per_type=20)
        assert _without_source(again[1]) == _without_source(first[1])
        assert again[2] == first[2]
        assert again[0]["dropped"] == first[0]["dropped"]
    other = prepared(jsonl(*rows, name="2.jsonl"), seed=2, per_type=20)
    assert _without_source(other[1]) != _without_source(first[1])
    assert other[2] != first[2]


def test_other_processes_give_the_same(prepared, row, jsonl, tmp_path, monkeypatch):
    rows = [row(n, label=TYPES[n % 6]) for n in range(70)]
    file = jsonl(*rows[:60], "broken", *rows[60:])
    seen = tmp_path / "seen"
    seen.mkdir()
    tokens = TokensAndProcesses(seen)
    alone = prepared(file, tokens=tokens)
    assert [path.name for path in seen.iterdir()] == [str(os.getpid())]
    monkeypatch.setattr("warmtune.conversations.screen._CHUNK_ROWS", 8)
    assert prepared(file, tokens=tokens) == alone
    assert len(list(seen.iterdir())) > 1
    assert alone[0]["bad_rows"] == [f"{file} line 61: not JSON"]


@pytest.mark.parametrize("per_type", [20, None])
def test_a_mix_keeps_its_weights(prepared, row, jsonl, per_type):
    a = jsonl(*[row(n) for n in range(60)], name="a.jsonl")
    b = jsonl(*[row(n) for n in range(60, 120)], name="b.jsonl")
    mix = (SourceSettings(str(a), weight=3.0), SourceSettings(str(b), weight=1.0))
    _, chosen, _ = prepared(mix=mix, per_type=per_type)
    share = Counter("a.jsonl" in c.source for c in chosen)
    assert share.total() >= 20
    assert abs(share[True] - 3 * share[False]) <= 3


def test_a_mix_of_sources_of_different_types(prepared, row, jsonl):
    a = jsonl(*[row(n, label="technical") for n in range(40)], name="a.jsonl")
    b = jsonl(*[row(n, label="creative") for n in range(40, 80)], name="b.jsonl")
    counts, _, _ = prepared(mix=(SourceSettings(str(a)), SourceSettings(str(b))))
    assert counts["kept"] == 76
    assert [note for note in counts["notes"] if "takes no part" in note] == [
        f"{b} has no conversation of type technical, it takes no part in that type.",
        f"{a} has no conversation of type creative, it takes no part in that type.",
    ]


def test_a_mix_counts_the_same_conversation_once(prepared, row, jsonl):
    a = jsonl(*[row(n) for n in range(20)], name="a.jsonl")
    b = jsonl(*[row(n) for n in range(15, 40)], name="b.jsonl")
    counts, _, _ = prepared(mix=(SourceSettings(str(a)), SourceSettings(str(b))))
    assert counts["read"] == 45
    assert sum(counts["dropped"]["the same conversation as another"].values()) == 5


def test_forms_of_a_mix_may_differ_and_say_the_same(prepared, texts, row, jsonl):
    alpaca = [dict(zip(("instruction", "output"), texts(n), strict=True)) for n in range(20)]
    a = jsonl(*alpaca, name="a.jsonl")
    b = jsonl(*[row(n) for n in range(20)], name="b.jsonl")
    counts, _, _ = prepared(mix=(SourceSettings(str(a)), SourceSettings(str(b))))
    assert counts["forms"] == {"Alpaca": 20, "messages": 20}
    assert sum(counts["dropped"]["the same conversation as another"].values()) == 20


def test_what_is_held_out_is_not_trained_on(prepared, row, texts, jsonl):
    rows = []
    for n in range(20):
        asked = texts(n)[0]
        for k, prompt in enumerate((asked, asked.upper().replace("?", " !!"), f"{texts(300 + n)[1]} {asked}")):
            rows.append(_replied(row(n), texts(100 * (k + 1) + n)[1]))
            rows[-1]["messages"][0] = {"role": "user", "content": prompt}
        later = row(500 + n)["messages"]
        rows.append({"messages": [*later, {"role": "user", "content": asked}, {"role": "assistant", "content": "So."}]})
    counts, chosen, prompts = prepared(jsonl(*rows), held_out=8)
    held = {
        _plain(text)
        for n in range(20)
        for text in [texts(n)[0]]
        if any(_plain(text) in _plain(p.prompt) for p in prompts)
    }
    assert len(held) == 8
    asked = [_plain(m["content"]) for c in chosen for m in c.messages if m["role"] == "user"]
    assert not any(text in prompt for text in held for prompt in asked)
    assert counts["kept"] == 80 - 8 * 4
    assert sum(counts["dropped"]["overlaps with a held-out prompt"].values()) == 8 * 3


def test_near_duplicates_are_left_out_unless_exact_ones_are_asked_for(prepared, row, jsonl):
    rows = [row(n) for n in range(10)]
    for n in range(10):
        text = f"{_LONG} {n}"
        rows.append(_replied(row(40 + n), text))
        rows[-1]["messages"][0] = {"role": "user", "content": f"Tell me {n}."}
    rows.append(rows[0])
    near, _, _ = prepared(jsonl(*rows), languages=None)
    assert sum(near["dropped"]["nearly the same as another (similarity 0.8 or more)"].values()) == 9
    exact, _, _ = prepared(jsonl(*rows), languages=None, duplicates="exact")
    assert set(exact["dropped"]) == {"the same conversation as another", HELD_OUT}


@pytest.mark.parametrize("duplicates", ["exact", "near"])
def test_what_is_the_same_after_the_cut_is_trained_on_once(prepared, row, jsonl, duplicates):
    begun = [{"messages": row(15)["messages"] + row(20 + n)["messages"]} for n in range(5)]
    counts, _, _ = prepared(jsonl(*[row(n) for n in range(10)], *begun), max_turns=2, duplicates=duplicates)
    assert counts["dropped"]["the same conversation as another"] == {"factual": 4}


def test_long_conversations_end_with_a_reply(prepared, row, jsonl):
    rows = [{"messages": row(n)["messages"] + row(100 + n)["messages"] + row(200 + n)["messages"]} for n in range(9)]
    counts, chosen, _ = prepared(jsonl(*rows), max_turns=5)
    assert {len(c.messages) for c in chosen} == {4}
    assert {c.messages[-1]["role"] for c in chosen} == {"assistant"}
    assert counts["changed"] == {"cut at data.max_turns (5)": 9}


def test_too_long_is_left_out_and_counted_never_cut(prepared, row, jsonl):
    file = jsonl(*[row(n, label=TYPES[n % 2]) for n in range(20)])
    texts = {row(n)["messages"][0]["content"] for n in range(0, 20, 2)}
    counts, chosen, _ = prepared(file, tokens=lambda messages, limit: limit + (messages[0]["content"] in texts))
    assert counts["dropped"]["longer than data.max_tokens (1024)"] == {"refusal": 10}
    assert _without_source(chosen) == [(c.id, "technical", c.messages) for c in chosen]
    assert counts["kept"] == 6


def test_what_a_killed_attempt_left_does_not_matter(prepared, row, jsonl, tmp_path):
    folder = tmp_path / "stage"
    folder.mkdir()
    file = jsonl(*[row(n) for n in range(20)])
    for name in (".spool-1", f".spool-{os.getpid()}"):
        (folder / name).write_text("half a conver")
    assert prepared(file, folder=folder) == prepared(file)
    assert sorted(path.name for path in folder.iterdir()) == ["conversations.parquet", "held_out.parquet"]


@pytest.mark.parametrize(
    "text", ["broken\n" * 20 + '{"x": 1}\n', json.dumps(list("abcdefghijklmnopqrstuvwxyz"), indent=1)]
)
def test_a_file_without_a_form_is_refused(prepared, tmp_path, text):
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(DataError, match=r"No row could be read.*a\.jsonl line 1: not JSON"):
        prepared(tmp_path / "a.jsonl", max_bad=1.0)


@pytest.mark.parametrize("content", [{"history": 5}, {"id": "\ud800"}])
def test_one_odd_row_does_not_stop_the_run(prepared, texts, jsonl, content):
    rows = [dict(zip(("instruction", "output"), texts(n), strict=True)) for n in range(31)]
    rows[30] |= content
    assert prepared(jsonl(*rows))[0]["read"] == 31


def test_too_little_data_is_said(prepared, row, jsonl):
    with pytest.raises(DataError, match=r"1 different prompts, but data\.held_out=4"):
        prepared(jsonl(row(1)))
    with pytest.raises(DataError, match=r"held_out=61, but only 60"):
        prepared(held_out=61)
    with pytest.raises(DataError, match=r"longer than data\.max_tokens \(1024\)"):
        prepared(tokens=lambda messages, limit: limit + 1)
    with pytest.raises(DataError, match=r"holds no conversation that can be used.*held out"):
        prepared(jsonl(*[row(n) for n in range(4)]))


def test_detoxify_not_installed_is_noted(prepared, monkeypatch):
    monkeypatch.setattr("warmtune.conversations.preparation.optional_version", lambda _: None)
    assert any("Detoxify is not installed" in note for note in prepared()[0]["notes"])
    assert any("data.unsafe is null" in note for note in prepared(unsafe=None)[0]["notes"])


def test_unsafe_conversations_are_neither_trained_on_nor_held_out(prepared, row, jsonl, monkeypatch):
    def scores(texts):
        return {"toxicity": [0.6 if "river" in text else 0.1 for text in texts], "insult": [0.2] * len(texts)}

    def load(kind, checkpoint):
        return types.SimpleNamespace(predict=scores)

    monkeypatch.setattr("warmtune.conversations.preparation.optional_version", lambda _: "0.5")
    monkeypatch.setitem(sys.modules, "detoxify", types.SimpleNamespace(Detoxify=load))
    rows = [row(n) for n in range(60)]
    unsafe = sum("river" in json.dumps(r) for r in rows)
    counts, chosen, prompts = prepared(jsonl(*rows))
    assert unsafe > 2
    assert sum(counts["dropped"]["unsafe (Detoxify 0.5 or more)"].values()) == unsafe
    assert not any("river" in m["content"] for c in chosen for m in c.messages)
    assert not any("river" in p.prompt for p in prompts)
    assert counts["notes"] == []
    assert prepared(jsonl(*rows), unsafe=0.7)[0]["kept"] == 56


def test_detoxify_without_its_model_is_refused(prepared, monkeypatch):
    def load(kind, checkpoint):
        raise OSError("no network")

    monkeypatch.setattr("warmtune.conversations.preparation.optional_version", lambda _: "0.5")
    monkeypatch.setitem(sys.modules, "detoxify", types.SimpleNamespace(Detoxify=load))
    with pytest.raises(DataError, match=r"no network.*data\.unsafe_checkpoint"):
        prepared()


def test_what_is_written_is_what_was_read(prepared, row, jsonl):
    odd = "Zürich 😀 \u2028 tab\t`x`\r\nend"
    rows = [_replied(row(n), f"{row(n)['messages'][1]['content']} {odd}") for n in range(10)]
    _, chosen, _ = prepared(jsonl(*rows))
    assert all(isinstance(c, Conversation) and c.messages[1]["content"].endswith(odd) for c in chosen)
