import dataclasses
import json
from collections import Counter

import pytest

from warmtune.conversations.readers import Funnel, embedded_prompts, read_conversations
from warmtune.errors import DataError
from warmtune.settings import QUERY_TYPES

ASK, SAY = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}
HUMAN, GPT = {"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}


def _read(quickstart, path, funnel=None, **changes):
    data = dataclasses.replace(quickstart.data, path=str(path), **changes)
    return read_conversations(data, funnel or Funnel())


def test_the_embedded_conversations(quickstart):
    found = _read(quickstart, "embedded")
    by_type = Counter(c.label for c in found)
    assert by_type == dict.fromkeys(QUERY_TYPES, 24)
    assert len({c.id for c in found}) == 144
    assert sum(len(c.messages) > 2 for c in found) >= 12
    assert sum("```" in m["content"] for c in found for m in c.messages) >= 8
    assert len({c.messages[0]["content"] for c in found}) == 144


def test_the_embedded_prompts_are_not_trained_on(quickstart):
    prompts = embedded_prompts()
    assert Counter(p.label for p in prompts) == dict.fromkeys(QUERY_TYPES, 10)
    assert len({p.id for p in prompts}) == 60
    asked = {m["content"] for c in _read(quickstart, "embedded") for m in c.messages}
    assert not asked & {p.prompt for p in prompts}


def test_messages_and_sharegpt_say_the_same(quickstart, jsonl):
    one = _read(quickstart, jsonl({"messages": [ASK, SAY]}))
    two = _read(quickstart, jsonl({"conversations": [HUMAN, GPT]}))
    assert one == two
    assert one[0].id == two[0].id


def test_ids_are_kept_or_made_from_content(quickstart, jsonl):
    other = {"messages": [ASK, {**SAY, "content": "No."}]}
    named, made = _read(quickstart, jsonl({"id": "x", "messages": [ASK, SAY]}, other))
    assert named.id == "x"
    assert made.id == _read(quickstart, jsonl(other))[0].id


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "empty"),
        (['{"messages": ['], "line 1 is not JSON"),
        ([{"messages": [ASK, SAY]}, "not json"], "line 2 is not JSON"),
        ([{"messages": [ASK]}], "no assistant turn"),
        ([{"messages": [SAY, ASK, SAY]}], "opens with the assistant"),
        ([{"messages": [ASK, SAY, SAY]}], "role out of order"),
        ([{"messages": [ASK, ASK, SAY]}], "role out of order"),
        ([{"messages": [ASK, {"role": "wizard", "content": "x"}]}], "unknown role 'wizard' in turn 1"),
        ([{"messages": [ASK, {"role": "assistant", "content": "  "}]}], "empty turn"),
        ([{"messages": [ASK, {"role": "assistant"}]}], "empty turn"),
        ([{"messages": [ASK, SAY]}, {"messages": [ASK, SAY]}], "same id or text"),
        ([{"prompt": "a", "answer": "b"}], "the keys prompt, answer"),
        ([[1, 2]], "a list"),
        ([{"conversations": [HUMAN]}], "holds no conversation that can be used"),
    ],
)
def test_bad_data_is_refused_in_a_sentence(quickstart, jsonl, rows, says):
    with pytest.raises(DataError, match=r".") as error:
        _read(quickstart, jsonl(*rows))
    assert says in str(error.value)


def test_missing_folder_and_binary_files(quickstart, tmp_path):
    with pytest.raises(DataError, match="No such file"):
        _read(quickstart, tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="is the folder"):
        _read(quickstart, tmp_path)
    (tmp_path / "latin.jsonl").write_bytes(b'{"messages": []}\n{"x": "caf\xe9"}\n')
    with pytest.raises(DataError, match=r"line 2 is not UTF-8"):
        _read(quickstart, tmp_path / "latin.jsonl")


def test_sharegpt_oddities_are_counted_and_nothing_else_is_lost(quickstart, jsonl):
    funnel = Funnel()
    found = _read(
        quickstart,
        jsonl(
            {"id": "good", "conversations": [HUMAN, GPT]},
            {"id": "piece", "conversations": [GPT, HUMAN, GPT]},
            {"id": "open", "conversations": [HUMAN, GPT, HUMAN]},
            {"id": "twice", "conversations": [HUMAN, HUMAN, GPT]},
            {"id": "void", "conversations": [HUMAN, {"from": "gpt", "value": ""}]},
            {"id": "tool", "conversations": [HUMAN, {"from": "function_call", "value": "{}"}]},
            {"id": "alone", "conversations": [GPT]},
            {"id": "good", "conversations": [HUMAN, GPT]},
        ),
        funnel,
    )
    assert [c.id for c in found] == ["good", "piece", "open"]
    assert funnel.read == 8 == len(found) + funnel.dropped.total()
    assert funnel.dropped["role out of order"] == 1
    assert funnel.dropped["unknown role"] == 1
    assert funnel.changed.total() == 2


def test_the_user_decides_what_a_bad_row_does(quickstart, jsonl):
    rows = [{"messages": [ASK, SAY]}, {"messages": [ASK, SAY, SAY]}]
    assert len(_read(quickstart, jsonl(*rows), bad_rows="drop")) == 1
    with pytest.raises(DataError, match="line 2: role out of order"):
        _read(quickstart, jsonl({"conversations": [HUMAN, GPT]}, {"conversations": [HUMAN, GPT, GPT]}), bad_rows="fail")


def test_a_hub_dataset_is_read_row_by_row(quickstart, tmp_path):
    """`datasets` takes a folder in the Hub's layout by the same name, so the reader is tried without the network."""
    folder = tmp_path / "org" / "name"
    folder.mkdir(parents=True)
    rows = [{"id": "a", "messages": [ASK, SAY]}, {"id": "b", "messages": [ASK, SAY, ASK, SAY]}]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = _read(quickstart, f"hub:{folder}")
    assert [(c.id, len(c.messages)) for c in found] == [("a", 2), ("b", 4)]
    with pytest.raises(DataError, match=r"split test.*cannot be had"):
        _read(quickstart, f"hub:{folder}", split="test")


def test_a_hub_dataset_that_cannot_be_had(quickstart):
    with pytest.raises(DataError, match="Hub dataset nobody/nothing"):
        _read(quickstart, "hub:nobody/nothing")
