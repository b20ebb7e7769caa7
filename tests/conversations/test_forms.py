import contextlib
import time

import pytest

from warmtune.conversations.forms import ShapeError, Unusable, form_of, refusal, turns_of

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
        ({"text": "User: Why?\nAssistant: So.\nUser: Why?"}, [*PLAIN, PLAIN[0]]),
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
    ],
)
def test_every_form_gives_its_turns(row, turns):
    assert _said(row) == turns


@pytest.mark.xfail(reason="Dolly's context and an input beside response are lost")
@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Sum up.", "context": "The text.", "response": "Text."},
        {"instruction": "Sum up.", "input": "The text.", "response": "Text."},
    ],
)
def test_what_an_instruction_is_about_is_part_of_the_prompt(row):
    assert _said(row)[0] == ("user", "Sum up.\n\nThe text.")


@pytest.mark.xfail(reason="a prompt given as a list is lost")
def test_a_preference_pair_whose_prompt_is_a_list():
    assert _said({"prompt": [ASK], "chosen": [SAY], "rejected": [SAY]}) == PLAIN


@pytest.mark.xfail(reason="user: and system: inside a reply begin a turn")
def test_a_reply_may_hold_lines_that_look_like_speakers():
    text = "\n\nHuman: Write YAML.\n\nAssistant: Here:\nsystem: linux\nuser: bob"
    assert _said({"chosen": text, "rejected": text})[1:] == [("assistant", "Here:\nsystem: linux\nuser: bob")]


@pytest.mark.xfail(reason="regular expressions take quadratic time or worse on white space")
@pytest.mark.parametrize(
    "row",
    [
        {"chosen": "\n\nHuman: Why?" + "\n" * 10_000 + "b\n\nAssistant: So."},
        {"prompt": "### Instruction:" + " " * 900 + "x", "answer": "So."},
        {"chat": {"turn_1": {"Human": " " * 40_000 + "Why?", "MOSS": "So."}}},
    ],
)
def test_much_white_space_takes_no_time(row):
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
    with pytest.raises(Unusable, match=why):
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
        pytest.param(
            {"instruction": "Sort.", "output": "1", "history": 5},
            "history",
            marks=pytest.mark.xfail(reason="a history that is no list is a TypeError"),
        ),
        (_moss(Commands=None, MOSS=None), "turn_1"),
    ],
)
def test_a_row_of_the_wrong_shape(row, why):
    with pytest.raises(ShapeError, match=why):
        _said(row)


@pytest.mark.parametrize(
    "commands", [["None"], pytest.param(None, marks=pytest.mark.xfail(reason="Commands: null is a TypeError"))]
)
def test_moss_commands_of_another_type_do_not_stop_the_run(commands):
    with contextlib.suppress(ShapeError, Unusable):
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
