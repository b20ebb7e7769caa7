import contextlib
import json
import time

import pytest

from warmtune.conversations.formats import ShapeError, UnusableError, form_of, refusal, turns_of

ASK, SAY = {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}
HUMAN, GPT = {"from": "human", "value": "Why?"}, {"from": "gpt", "value": "So."}
PLAIN = [("user", "Why?"), ("assistant", "So.")]
SORTED = [("user", "Sort.\n\n2 1"), ("assistant", "1 2")]
FRAME = "Below is an instruction.\n\n### Instruction:\nSort.\n\n{}### Response:"


def _said(row):
    return [(turn["role"], turn["content"]) for turn in turns_of(row, form_of(row))]


def _moss(**more):
    turn = {"Human": "<|Human|>: Why?<eoh>\n", "MOSS": "<|MOSS|>: So.<eom>\n", **more}
    return {"conversation_id": 1, "chat": {"turn_1": turn}}


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"messages": [ASK, SAY]}, PLAIN),
        ({"messages": [ASK, SAY], "system": "Be brief."}, [("system", "Be brief."), *PLAIN]),
        ({"messages": [{"role": "developer", "content": "Hm."}, ASK, SAY], "system": "x"}, [("system", "Hm."), *PLAIN]),
        ({"messages": [HUMAN, GPT]}, PLAIN),
        ({"messages": [ASK, {"role": "assistant", "content": [{"type": "text", "text": "So."}]}]}, PLAIN),
        ({"messages": [{"role": "user", "content": [{"value": "Wh"}, {"type": "text", "value": "y?"}]}, SAY]}, PLAIN),
        ({"messages": [ASK, {"role": "assistant", "content": None}]}, [PLAIN[0], ("assistant", "")]),
        ({"conversations": [HUMAN, GPT]}, PLAIN),
        ({"conversations": [ASK, SAY]}, PLAIN),
        *[({"conversations": [HUMAN, {**GPT, "from": who}]}, PLAIN) for who in ("bard", "bing", "chatgpt", "GPT ")],
        ({"conversations": [{"from": "system", "value": "x"}, HUMAN, GPT]}, [("system", "x"), *PLAIN]),
        ({"conversations": [HUMAN], "chosen": GPT, "rejected": {**GPT, "value": "No."}}, PLAIN),
        ({"prompt": "Why?", "chosen": [ASK, SAY], "rejected": [ASK, {**SAY, "content": "No."}]}, PLAIN),
        ({"prompt": "Why?", "chosen": "So.", "rejected": "No."}, PLAIN),
        ({"chosen": "\n\nHuman: Why?\n\nAssistant: So.", "rejected": "\n\nHuman: Why?\n\nAssistant: No."}, PLAIN),
        ({"text": "### Human: Why?### Assistant: So.".replace("##", "\n##")}, PLAIN),
        ({"text": "User: Why?\n\nAssistant: So.\r\n\r\nUser: Why?"}, [*PLAIN, PLAIN[0]]),
        (_moss(), PLAIN),
        (_moss(Commands="<|Commands|>: None<eoc>\n"), PLAIN),
        ({"instruction": "Sort.", "instances": [{"input": "2 1", "output": "1 2"}]}, SORTED),
        ({"instruction": "Why?", "input": "", "output": "So."}, PLAIN),
        ({"instruction": "Why?", "output": "So."}, PLAIN),
        (
            {"instruction": "Sort.", "input": "2 1", "output": "1 2", "system": "x", "history": [["Why?", "So."]]},
            [("system", "x"), *PLAIN, *SORTED],
        ),
        ({"prompt": FRAME.format(""), "answer": "1 2"}, [("user", "Sort."), ("assistant", "1 2")]),
        ({"prompt": FRAME.format("### Input:\n2 1\n\n"), "answer": "1 2"}, SORTED),
        ({"questionText": "Why?", "answerText": "So.", "topic": "x"}, PLAIN),
        ({"question": "Why?", "answer": "So."}, PLAIN),
        ({"instruction": "Why?", "response": "So."}, PLAIN),
        ({"query": "Why?", "reply": "So."}, PLAIN),
        ({"input": "Why?", "output": "So."}, PLAIN),
        ({"question": "Why?", "answer": "So.", "system": "x"}, [("system", "x"), *PLAIN]),
        ({"prompt": [ASK], "chosen": [ASK, SAY], "rejected": [ASK, SAY]}, PLAIN),
        ({"prompt": [ASK], "chosen": [SAY], "system": "x"}, [("system", "x"), *PLAIN]),
        (_moss(Commands=None), PLAIN),
    ],
)
def test_every_form_gives_its_turns(row, turns):
    assert _said(row) == turns


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Sum up.", "context": "The text.", "response": "Text."},
        {"instruction": "Sum up.", "input": "The text.", "response": "Text."},
        {"question": "Sum up.", "context": "The text.", "input": "", "answer": "Text."},
        {"input": "Sum up.", "context": "The text.", "answer": "Text."},
        {"instruction": "Sum up.", "context": "The text.", "output": "Text."},
    ],
)
def test_what_an_instruction_is_about_is_part_of_the_prompt(row):
    assert _said(row)[0] == ("user", "Sum up.\n\nThe text.")


def test_a_preference_pair_whose_prompt_is_a_list():
    assert _said({"prompt": [ASK], "chosen": [SAY], "rejected": [SAY]}) == PLAIN


@pytest.mark.parametrize(
    "reply",
    [
        "Here:\nsystem: linux\nuser: bob",
        "Yes.\n\nuser: bob\n\nhuman: bob",
        "Yes.\n\nSystem: x\n\nUser: y",
        "Yes.\nHuman: no",
        "Yes.\n\n- Human: no",
        "### Human: no",
    ],
)
def test_a_reply_may_hold_lines_that_look_like_speakers(reply):
    text = f"\n\nHuman: Write YAML.\n\nAssistant: {reply}"
    assert _said({"chosen": text, "rejected": text})[1:] == [("assistant", reply)]


def test_a_reply_in_the_frame_of_hashes_may_hold_speakers_without_them():
    text = "### Human: Why?\n### Assistant: So.\n\nHuman: no\nsee ### Human: no"
    assert _said({"text": text}) == [PLAIN[0], ("assistant", "So.\n\nHuman: no\nsee ### Human: no")]


@pytest.mark.parametrize("space", [" ", "\n", "\n ", "\t"])
@pytest.mark.parametrize(
    "row",
    [
        {"chosen": "\n\nHuman: Why?@b\n\nAssistant: So."},
        {"text": "@Human: Why?@b\n\nAssistant: So."},
        {"text": "### Human: Why?@b\n### Assistant: So."},
        {"prompt": "### Instruction:@x", "answer": "So."},
        {"prompt": "### Instruction:@### Input:@x### Response:@x", "answer": "So."},
        {"chat": {"turn_1": {"Human": "@Why?@b", "MOSS": "@<|MOSS|>:@So.@<eom>@"}}},
    ],
)
def test_much_white_space_takes_no_time(row, space):
    row = json.loads(json.dumps(row).replace("@", json.dumps(space * (100_000 // len(space)))[1:-1]))
    start = time.perf_counter()
    assert _said(row)[-1] == PLAIN[1]
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": [ASK, {**SAY, "tool_calls": [{"id": "x"}]}]}, "calls a tool"),
        ({"messages": [ASK, {"role": "tool", "content": "x"}]}, "calls a tool"),
        *[({"conversations": [HUMAN, {**GPT, "from": r}]}, "calls a tool") for r in ("function_call", "observation")],
        (_moss(Commands="<|Commands|>: Search('x')<eoc>\n"), "calls a tool"),
        ({"messages": [ASK, SAY], "label": False}, r"label false"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, SAY]}, "picture"),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}, SAY]}, "sound"),
    ],
)
def test_what_is_never_trained_on_is_unusable(row, why):
    with pytest.raises(UnusableError, match=why):
        _said(row)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"messages": [ASK, "So."]}, "a turn is a str"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "unknown role 'wizard'"),
        ({"messages": [{"role": "user"}]}, "without"),
        ({"messages": [{"content": "x"}]}, "without"),
        ({"messages": [{"role": "user", "content": 5}]}, "is a int"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "no text"),
        ({"conversations": [HUMAN], "chosen": "So."}, "a turn is a str"),
        ({"chat": {"turn_1": {"Human": "Why?"}}}, "turn_1"),
        ({"chat": {"turn_1": {"Human": "a", "MOSS": "b"}, "turn_3": {"Human": "a", "MOSS": "b"}}}, "turn_2"),
        ({"instruction": "Sort.", "instances": []}, "0 instances"),
        ({"instruction": "Sort.", "instances": [{"output": "1"}, {"output": "2"}]}, "2 instances"),
        ({"instruction": "Sort.", "instances": "x"}, "instances"),
        ({"instruction": "Sort.", "output": None}, "not text"),
        ({"instruction": "Sort.", "output": "1", "input": 5}, "not text"),
        ({"instruction": "Sort.", "output": "1", "history": [["a"]]}, "history"),
        ({"instruction": "Sort.", "output": "1", "history": "a"}, "history"),
        ({"instruction": "Sort.", "output": "1", "history": 5}, "history"),
        ({"question": "Why?", "context": ["The text."], "answer": "So."}, "context or input is not text"),
        (_moss(Commands=None, MOSS=None), "turn_1"),
    ],
)
def test_a_row_of_the_wrong_shape(row, why):
    with pytest.raises(ShapeError, match=why):
        _said(row)


@pytest.mark.parametrize("commands", [["None"], None, 5])
def test_moss_commands_of_another_type_do_not_stop_the_run(commands):
    with contextlib.suppress(ShapeError, UnusableError):
        assert _said(_moss(Commands=commands)) == PLAIN


@pytest.mark.parametrize(
    ("row", "what", "do"),
    [
        ({"turns": ["Why?", "And then?"], "category": "x"}, "prompts without replies", "let a model answer"),
        ({"dialog": [{"speaker": "a", "content": "x"}]}, "dialogues between two people", "'assistant'"),
        ({"question": "Why?"}, "without a reply, as a benchmark", "let a model answer"),
        ({"question": "Why?", "options": {"A": "x"}, "answer": "A"}, "without a reply, as a benchmark", "evaluation"),
        ({"prompt": "Why?", "A": "1", "B": "2", "C": "3", "D": "4", "answer": "A"}, "benchmark", "evaluation"),
        ({"instruction": "Why?", "choices": ["x"], "answer": 0}, "benchmark", "evaluation"),
        ({"city": "Ulm", "size": 3}, "the keys city, size", "JSON Lines with a list under 'messages'"),
        ({"prompt": [ASK], "completion": [SAY]}, "prompt, completion", "'messages'"),
        (["Why?", "So."], "a row is a list", "'messages'"),
        ("Why?", "a row is a str", "'messages'"),
    ],
)
def test_refused_files_hear_what_they_are_and_what_to_do(row, what, do):
    assert form_of(row) == ""
    said = str(refusal("data.jsonl line 1", row))
    assert said.startswith("data.jsonl line 1: ")
    assert what in said
    assert do in said.split(";", 1)[1]
