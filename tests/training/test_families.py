"""Ids and labels of the open families' chat templates, against golden files and against TRL's own masks."""

import importlib.util
import json
from pathlib import Path

import pytest

from warmtune.models.chat_template import render, rules
from warmtune.training.rows import IGNORE_INDEX

spec = importlib.util.spec_from_file_location("families", Path(__file__).parent / "families.py")
families = importlib.util.module_from_spec(spec)
spec.loader.exec_module(families)


@pytest.mark.parametrize("family", families.FAMILIES)
def test_rows_are_the_golden_ones(family, embedded):
    tokenizer = families.tokenizer_of(family, embedded)
    golden = json.loads((families.GOLDEN / f"{family}.json").read_text())
    found = families.rows_of(tokenizer)
    assert found.keys() == golden.keys()
    for name, rows in found.items():
        assert rows == [{"ids": row["ids"], "labels": row["labels"]} for row in golden[name]], name


@pytest.mark.parametrize("family", families.FAMILIES)
def test_loss_covers_the_replies_and_their_ends_and_nothing_else(family, embedded):
    tokenizer = families.tokenizer_of(family, embedded)
    for name, messages in families.CONVERSATIONS.items():
        spoken = ""
        for row in families.rows_of(tokenizer)[name]:
            spoken += tokenizer.decode([label for label in row["labels"] if label != IGNORE_INDEX])
            assert row["ids"].count(tokenizer.bos_token_id) <= 1 or tokenizer.bos_token == "<|im_start|>"
        replies = [m["content"] + tokenizer.eos_token for m in messages if m["role"] == "assistant"]
        assert spoken.replace(" ", "") == "".join(replies).replace(" ", "")


@pytest.mark.parametrize("family", families.FAMILIES)
def test_training_shows_a_prompt_as_answering_does(family, embedded):
    tokenizer = families.tokenizer_of(family, embedded)
    for name, messages in families.CONVERSATIONS.items():
        last = families.rows_of(tokenizer)[name][-1]
        trained = [label != IGNORE_INDEX for label in last["labels"]]
        reply = len(trained) - trained[::-1].index(True)
        while trained[reply - 1]:
            reply -= 1
        asked = tokenizer(render(tokenizer, messages[:-1], generation=True), add_special_tokens=False)["input_ids"]
        assert last["ids"][:reply] == asked


def test_rules_of_the_families(embedded):
    found = {family: rules(families.tokenizer_of(family, embedded)) for family in families.FAMILIES}
    assert {name for name, one in found.items() if not one.system} == {"gemma", "mistral"}
    assert {name for name, one in found.items() if one.alternating} == {"gemma", "gemma3", "mistral"}
    assert {name for name, one in found.items() if not one.stable} == {"qwen3"}


@pytest.mark.parametrize("family", ["llama3", "qwen2.5", "gemma", "gemma3"])
def test_masks_are_those_of_trls_training_templates(family, embedded):
    """TRL writes a template with generation marks for each family it knows; ours finds the same from the text."""
    from trl.chat_template_utils import get_training_chat_template

    tokenizer = families.tokenizer_of(family, embedded)
    if family == "llama3":  # of the Llamas, TRL marks the plain one
        tokenizer.chat_template = families.template_of("llama3.jinja")
    for name in ("one turn", "two turns, code, unicode"):
        marked = tokenizer.apply_chat_template(
            families.CONVERSATIONS[name],
            chat_template=get_training_chat_template(tokenizer),
            return_assistant_tokens_mask=True,
            return_dict=True,
        )
        rows = families.rows_of(tokenizer)[name]
        if family == "llama3":  # the embedded tokenizer joins line ends with what follows, Llama's own does not
            ours = "".join(_texts(tokenizer, row["ids"], row["labels"]) for row in rows)
            assert ours == _texts(tokenizer, **_marked(marked))
            continue
        (row,) = rows
        assert row["ids"] == marked["input_ids"]
        ours = [int(label != IGNORE_INDEX) for label in row["labels"]]
        newline = tokenizer("\n", add_special_tokens=False)["input_ids"]
        theirs = list(marked["assistant_masks"])
        for n, id in enumerate(row["ids"]):  # the line end after a turn is the template's, and no one has to learn it
            if [id] == newline and theirs[n] and not ours[n]:
                theirs[n] = 0
        assert ours == theirs


def _texts(tokenizer, ids, labels):
    """Return all that carries loss, as text."""
    return tokenizer.decode([id for id, label in zip(ids, labels, strict=True) if label != IGNORE_INDEX])


def _marked(marked):
    ids = marked["input_ids"]
    return {
        "ids": ids,
        "labels": [id if m else IGNORE_INDEX for id, m in zip(ids, marked["assistant_masks"], strict=True)],
    }
