"""The forms in which conversations are published, and how each is turned into plain turns.

A form is recognized by a row's keys. Files that hold something else than conversations with an assistant are refused
by the name of what they hold, with what to do about it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from warmtune.errors import DataError
from warmtune.io.schemas import Message

Turns = list[Message]
_ROLES = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "prompter", "<|user|>"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "bot", "model", "bard", "bing", "claude", "<|assistant|>"), "assistant"
    ),
    **dict.fromkeys(("tool", "function", "function_call", "observation", "ipython", "tool_call"), "tool"),
}
_ASKED = ("prompt", "question", "query", "instruction", "questionText", "input")
_REPLIED = ("response", "completion", "answer", "output", "answerText", "reply")


class ShapeError(Exception):
    """A row is not of its file's form; the message says in a few words what is wrong."""


class UnusableError(Exception):
    """A row is of its form but is not for training; the message is the reason it is counted under."""


def form_of(row: Any) -> str:
    """Return the name of a row's form, or an empty string where it has none that is known."""
    if not isinstance(row, Mapping):
        return ""
    return next((form for form, fits, _ in _FORMS if fits(row)), "")


def turns_of(row: Mapping[str, Any], form: str) -> Turns:
    """Return a row's turns with the roles system, user and assistant.

    Raises:
        ShapeError: the row is not what its form says.
        UnusableError: it is, but it holds what is never trained on, such as tool calls.
    """
    return next(read for name, _, read in _FORMS if name == form)(row)


def refusal(where: str, row: Any) -> DataError:
    """Return the error for a file whose rows are no conversations: its form in a sentence, and what to do."""
    if not isinstance(row, Mapping):
        what, remedy = f"a row is a {type(row).__name__}, not an object", _CONVERT
    else:
        found = next(((what, remedy) for fits, what, remedy in _REFUSED if fits(row)), None)
        what, remedy = found or (f"a row has the keys {', '.join(map(str, row))}, which is no form known", _CONVERT)
    return DataError(f"{where}: {what}; {remedy}")


_CONVERT = (
    "convert it to JSON Lines with a list under 'messages' (role, content), or with 'conversations' (from, value:"
    " ShareGPT) or instruction and output (Alpaca)."
)


def _role(name: Any) -> str:
    role = _ROLES.get(str(name).strip().lower())
    if role is None:
        raise ShapeError(f"unknown role {name!r}")
    if role == "tool":
        raise UnusableError("calls a tool")
    return role


def _content(value: Any) -> str:
    """Return a turn's text: a string, or a list of typed parts that are all text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise ShapeError(f"a turn's text is a {type(value).__name__}")
    texts = []
    for part in value:
        kind = part.get("type", "text") if isinstance(part, Mapping) else None
        if kind not in ("text", "input_text", "output_text"):
            raise UnusableError("holds a part that is not text (picture, sound, file)")
        texts.append(part.get("text", part.get("value")))
    if not all(isinstance(text, str) for text in texts):
        raise ShapeError("a part of a turn has no text")
    return "".join(texts)


def _said(turn: Any, role_key: str, text_key: str) -> Message:
    if not isinstance(turn, Mapping):
        raise ShapeError(f"a turn is a {type(turn).__name__}")
    if role_key not in turn:
        role_key, text_key = ("role", "content") if "role" in turn else ("from", "value")
    if turn.get("tool_calls"):
        raise UnusableError("calls a tool")
    if role_key not in turn or text_key not in turn:
        raise ShapeError(f"a turn without '{role_key}' or '{text_key}'")
    return {"role": _role(turn[role_key]), "content": _content(turn[text_key])}


def _listed(key: str, role_key: str, text_key: str) -> Callable[[Mapping[str, Any]], Turns]:
    def read(row: Mapping[str, Any]) -> Turns:
        if not isinstance(row.get(key), list):
            raise ShapeError(f"no list under '{key}'")
        if row.get("label") is False:
            raise UnusableError("marked as a reply that people did not want (label false)")
        turns = [_said(turn, role_key, text_key) for turn in row[key]]
        if key == "chosen" and isinstance(row.get("prompt"), list):
            asked = [_said(turn, role_key, text_key) for turn in row["prompt"]]
            turns = turns if turns[: len(asked)] == asked else asked + turns
        elif "chosen" in row and turns and turns[-1]["role"] == "user":
            turns.append(_said(row["chosen"], role_key, text_key))
        return turns if turns and turns[0]["role"] == "system" else _system(row) + turns

    return read


def _system(row: Mapping[str, Any]) -> Turns:
    said = row.get("system")
    return [{"role": "system", "content": said}] if isinstance(said, str) and said.strip() else []


def _alpaca(row: Mapping[str, Any]) -> Turns:
    asked, reply, history = row.get("instruction"), row.get("output"), row.get("history") or []
    if not isinstance(asked, str) or not isinstance(reply, str):
        raise ShapeError("instruction or output is not text")
    turns = _system(row)
    for pair in history if isinstance(history, list) else [history]:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise ShapeError("history is not a list of [asked, replied]")
        turns += _pair(*pair)
    return turns + _pair(_with(asked, row, "context", "input"), reply)


def _with(asked: str, row: Mapping[str, Any], *keys: str) -> str:
    """Return a prompt with what it is about after a blank line."""
    about = [row[key] for key in keys if row.get(key)]
    if not all(isinstance(text, str) for text in about):
        raise ShapeError(f"{' or '.join(keys)} is not text")
    return "\n\n".join([asked, *(text for text in about if text.strip())])


def _pair(asked: str, replied: str) -> Turns:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": replied}]


def _instances(row: Mapping[str, Any]) -> Turns:
    found = row["instances"]
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], Mapping):
        raise ShapeError(f"{len(found) if isinstance(found, list) else 'no list of'} instances instead of one")
    return _alpaca({**found[0], "instruction": row.get("instruction")})


def _asked_replied(row: Mapping[str, Any]) -> Turns:
    (key, asked), (_, replied) = (_text(row, keys) for keys in (_ASKED, (*_REPLIED, "chosen")))
    about = ("context",) if key == "input" else ("context", "input")
    return _system(row) + _pair(_with(_unframed(asked), row, *about), replied)


def _unframed(asked: str) -> str:
    """Return an instruction without Alpaca's frame, where it was already put into it."""
    _, frame, inside = asked.partition("### Instruction:")
    inside, end, rest = inside.rpartition("### Response:")
    if not frame or not end or rest.strip():
        return asked
    instruction, _, given = inside.partition("### Input:")
    return "\n\n".join(part.strip() for part in (instruction, given) if part.strip())


def _text(row: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, str]:
    key = next((key for key in keys if row.get(key) is not None), "")
    if not isinstance(row.get(key), str):
        raise ShapeError(f"none of {', '.join(keys)} is text")
    return key, row[key]


def _transcript(key: str) -> Callable[[Mapping[str, Any]], Turns]:
    def read(row: Mapping[str, Any]) -> Turns:
        begun = _begun(row.get(key))
        if begun is None:
            raise ShapeError(f"'{key}' does not begin with 'Human:'")
        before = r"\n###[ \t]*" if begun["frame"] else r"\n[^\S\n]*\n"  # a reply may hold lines that look like speakers
        _, *parts = re.split(rf"(?:{before})({begun['who']}|Assistant):", "\n\n" + begun.string.lstrip())
        return [
            {"role": _role(name), "content": said.strip()} for name, said in zip(parts[::2], parts[1::2], strict=True)
        ]

    return read


def _begun(text: Any) -> re.Match[str] | None:
    return re.match(r"\s*(?P<frame>###[ \t]*)?(?P<who>Human|User):", text) if isinstance(text, str) else None


_MOSS_MARK = re.compile(r"\A<\|\w[\w ]*\|>:?|<eo[a-z]>\Z")


def _moss(row: Mapping[str, Any]) -> Turns:
    turns: Turns = []
    for number in range(1, len(row["chat"]) + 1):
        turn = row["chat"].get(f"turn_{number}")
        if not isinstance(turn, Mapping) or not all(isinstance(turn.get(who), str) for who in ("Human", "MOSS")):
            raise ShapeError(f"turn_{number} has no Human or no MOSS")
        if "None" not in str(turn.get("Commands") or "None"):
            raise UnusableError("calls a tool")
        turns += _pair(*(_MOSS_MARK.sub("", turn[who].strip()).strip() for who in ("Human", "MOSS")))
    return turns


def _has(row: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    return any(isinstance(row.get(key), str) for key in keys)


def _is_choice(row: Mapping[str, Any]) -> bool:
    """Tell a multiple-choice question, whose answer is a letter, from a prompt with a reply."""
    return "options" in row or "choices" in row or {"A", "B", "C", "D"} <= set(row)


_Fits = Callable[[Mapping[str, Any]], bool]
_FORMS: tuple[tuple[str, _Fits, Callable[[Mapping[str, Any]], Turns]], ...] = (
    ("messages", lambda row: isinstance(row.get("messages"), list), _listed("messages", "role", "content")),
    (
        "ShareGPT",
        lambda row: isinstance(row.get("conversations"), list),
        _listed("conversations", "from", "value"),
    ),
    ("preference pairs", lambda row: isinstance(row.get("chosen"), list), _listed("chosen", "role", "content")),
    ("MOSS", lambda row: isinstance(row.get("chat"), Mapping) and "turn_1" in row["chat"], _moss),
    ("Human/Assistant text", lambda row: _begun(row.get("chosen")) is not None, _transcript("chosen")),
    ("Human/Assistant text in 'text'", lambda row: _begun(row.get("text")) is not None, _transcript("text")),
    ("instruction with instances", lambda row: "instruction" in row and "instances" in row, _instances),
    ("Alpaca", lambda row: "instruction" in row and "output" in row, _alpaca),
    (
        "question and reply",
        lambda row: _has(row, _ASKED) and _has(row, (*_REPLIED, "chosen")) and not _is_choice(row),
        _asked_replied,
    ),
)
"""Name, how a row of it is known, how it is read; the first that fits decides."""

_REFUSED: tuple[tuple[_Fits, str, str], ...] = (
    (
        lambda row: isinstance(row.get("turns"), list),
        "this file holds prompts without replies (a list under 'turns'), so there is nothing to rewrite",
        "let a model answer them and save prompt and reply as 'messages'.",
    ),
    (
        lambda row: isinstance(row.get("dialog"), list),
        "this file holds dialogues between two people (a list under 'dialog'), none of whom is an assistant",
        "if one of them is to be the model, save that one's turns as 'assistant' and the other's as 'user' under"
        " 'messages'.",
    ),
    (
        lambda row: _has(row, _ASKED) and (_is_choice(row) or not _has(row, _REPLIED)),
        "this file holds questions or prompts without a reply, as a benchmark does",
        "use it for evaluation, or let a model answer and save prompt and reply as 'messages'.",
    ),
)
