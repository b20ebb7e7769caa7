import pytest

from warmtune.errors import DataError, ModelError
from warmtune.io.schemas import CONTROL_ROWS, Conversation, Rewrite, TrainingRow, read
from warmtune.training.rows import IGNORE_INDEX, arms, build_rows, num_loss_tokens, row

TALK = [
    {"role": "user", "content": "Say ünïcode 🙂 and `code`"},
    {"role": "assistant", "content": "Grüße 🙂\n\n```python\nprint(1)\n```"},
    {"role": "user", "content": "Again"},
    {"role": "assistant", "content": "No."},
]


def test_golden_ids_and_labels_of_the_embedded_model(tokenizer):
    """The (ids, labels) of a two-turn talk, spelled out: loss on each reply and its end-of-turn, on nothing else."""
    found = row(tokenizer, "x", [TALK[0], {"role": "assistant", "content": "Yes."}, *TALK[2:]])
    pieces = [
        ("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n", False),
        ("<|im_start|>user\nSay ünïcode 🙂 and `code`<|im_end|>\n<|im_start|>assistant\n", False),
        ("Yes.<|im_end|>", True),
        ("\n<|im_start|>user\nAgain<|im_end|>\n<|im_start|>assistant\n", False),
        ("No.<|im_end|>", True),
        ("\n", False),
    ]
    ids, labels = [], []
    for text, loss in pieces:
        piece = tokenizer(text, add_special_tokens=False)["input_ids"]
        ids += piece
        labels += piece if loss else [IGNORE_INDEX] * len(piece)
    assert found.input_ids == ids
    assert found.labels == labels


def test_what_carries_loss_decodes_to_the_replies(tokenizer):
    found = row(tokenizer, "x", [{"role": "system", "content": ""}, *TALK])
    spoken = tokenizer.decode([label for label in found.labels if label != IGNORE_INDEX])
    assert spoken == "".join(m["content"] + "<|im_end|>" for m in TALK if m["role"] == "assistant")
    assert num_loss_tokens(found) == sum(label != IGNORE_INDEX for label in found.labels) > 0
    assert found.labels[-2] == tokenizer.eos_token_id  # the end of the turn is learned, the template's newline is not
    assert found.labels[-1] == IGNORE_INDEX


def test_a_template_that_forgets_earlier_turns_is_refused(tokenizer, monkeypatch):
    template = (
        "{% for m in messages %}{% if loop.last or m['role'] == 'user' %}<|im_start|>{{ m['role'] }}\n"
        "{{ m['content'] }}<|im_end|>\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises(ModelError, match="shows a conversation's earlier turns differently"):
        row(tokenizer, "x", TALK)


def test_a_template_without_an_end_of_turn_is_refused(tokenizer, monkeypatch):
    template = (
        "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    monkeypatch.setattr(tokenizer, "chat_template", template)
    with pytest.raises(ModelError, match="end-of-turn"):
        row(tokenizer, "x", TALK[:2])


def test_a_template_that_raises_is_said(tokenizer, monkeypatch):
    monkeypatch.setattr(tokenizer, "chat_template", "{{ raise_exception('no system role') }}")
    with pytest.raises(ModelError, match="no system role"):
        row(tokenizer, "x", TALK)


def _rewrite(id, turn, styled):
    return Rewrite(id, turn, "other", "old", styled, 1.0, "", 1, 0.0, 0.0)


def test_arms_have_the_same_ids_in_the_same_order(tokenizer):
    conversations = [Conversation(f"c{n}", "other", TALK) for n in range(5)]
    rewrites = [_rewrite(f"c{n}", turn, f"warm {n} {turn}") for n in (4, 0, 2) for turn in (1, 3)]
    both = arms(conversations, rewrites, tokenizer, 500)
    assert [r.id for r in both.control] == [r.id for r in both.styled] == ["c0", "c2", "c4"]
    assert "warm 2 3" in tokenizer.decode(both.styled[1].input_ids)
    assert "warm" not in tokenizer.decode(both.control[1].input_ids)
    assert tokenizer.decode(both.control[1].input_ids).count("<|im_start|>user") == 2


def test_rows_of_several_intensities_are_those_that_each_of_them_gives(tokenizer, tmp_path):
    """c1 was not rewritten at the other intensity, c3 is too long there: both intensities train on c0 and c2."""
    conversations = [Conversation(f"c{n}", "other", TALK) for n in range(4)]
    one = [_rewrite(f"c{n}", turn, "warm") for n in range(4) for turn in (1, 3)]
    other = [_rewrite(f"c{n}", turn, "warm " * (200 if n == 3 else 2)) for n in (0, 2, 3) for turn in (1, 3)]
    controls = []
    for name, own, others in (("a", one, [other]), ("b", other, [one])):
        (tmp_path / name).mkdir()
        made = build_rows(conversations, own, tokenizer, 150, "drop", tmp_path / name, others)
        controls.append(read(tmp_path / name / CONTROL_ROWS, TrainingRow))
        assert made.counts["rows"] + made.counts["too_long"] + made.counts["not_common"] == made.counts["conversations"]
    assert controls[0] == controls[1]
    assert [r.id for r in controls[0]] == ["c0", "c2"]
    with pytest.raises(DataError, match=r"rewriter\.shared_intensities"):
        build_rows(conversations, one[:2], tokenizer, 150, "drop", tmp_path, [one[2:4]])


def test_a_row_too_long_in_either_arm_leaves_both(tokenizer):
    conversations = [Conversation(f"c{n}", "other", TALK) for n in range(2)]
    rewrites = [
        _rewrite("c0", 1, "w"),
        _rewrite("c0", 3, "w"),
        _rewrite("c1", 1, "long " * 200),
        _rewrite("c1", 3, "w"),
    ]
    both = arms(conversations, rewrites, tokenizer, 150)
    assert [r.id for r in both.control] == [r.id for r in both.styled] == ["c0"]
    assert both.too_long == ["c1"]
    with pytest.raises(DataError, match=r"train\.max_tokens=20"):
        arms(conversations, rewrites, tokenizer, 20)
