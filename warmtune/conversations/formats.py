"""Read the published forms of conversations into plain turns.

A row's keys decide its form. A file without conversations with an assistant is refused; the error says what the file
holds and what to do about it.
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
    """A row does not have its file's form; the message says in a few words what is wrong."""


class UnusableError(Exception):
    """A row has its form but cannot be trained on; the message is the reason for the funnel."""


def form_of(row: Any) -> str:
    """Return the name of a row's form, or an empty string for an unknown form."""
    if not isinstance(row, Mapping):
        return ""
    return next((form for form, fits, _ in _FORMS if fits(row)), "")


def turns_of(row: Mapping[str, Any], form: str) -> Turns:
    """Return a row's turns with the roles system, user and assistant.

    Raises:
        ShapeError: the row does not have the form.
        UnusableError: the row holds something that is never trained on, such as tool calls.
    """
    return next(read for name, _, read in _FORMS if name == form)(row)


def refusal(where: str, row: Any) -> DataError:
    """Return the error for a file without conversations; it says what the file holds and what to do."""
    if not isinstance(row, Mapping):
        what, remedy = f"a row is a {type(row).__name__}, not an object", _CONVERT
    else:
        match = next(((what, remedy) for fits, what, remedy in _REFUSED if fits(row)), None)
        what, remedy = match or (f"a row has the keys {', '.join(map(str, row))}, which is no form known", _CONVERT)
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
    """Return a turn's text, given as a string or as a list of text parts."""
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


def _message(turn: Any, role_key: str, text_key: str) -> Message:
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
        turns = [_message(turn, role_key, text_key) for turn in row[key]]
        if key == "chosen" and isinstance(row.get("prompt"), list):
            prompt = [_message(turn, role_key, text_key) for turn in row["prompt"]]
            turns = turns if turns[: len(prompt)] == prompt else prompt + turns
        elif "chosen" in row and turns and turns[-1]["role"] == "user":
            turns.append(_message(row["chosen"], role_key, text_key))
        return turns if turns and turns[0]["role"] == "system" else _system(row) + turns

    return read


def _system(row: Mapping[str, Any]) -> Turns:
    content = row.get("system")
    return [{"role": "system", "content": content}] if isinstance(content, str) and content.strip() else []


def _alpaca(row: Mapping[str, Any]) -> Turns:
    prompt, reply, history = row.get("instruction"), row.get("output"), row.get("history") or []
    if not isinstance(prompt, str) or not isinstance(reply, str):
        raise ShapeError("instruction or output is not text")
    turns = _system(row)
    for pair in history if isinstance(history, list) else [history]:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise ShapeError("history is not a list of [asked, replied]")
        turns += _pair(*pair)
    return turns + _pair(_with(prompt, row, "context", "input"), reply)


def _with(prompt: str, row: Mapping[str, Any], *keys: str) -> str:
    """Return a prompt followed by a blank line and its subject, taken from the row's `keys`."""
    subject = [row[key] for key in keys if row.get(key)]
    if not all(isinstance(text, str) for text in subject):
        raise ShapeError(f"{' or '.join(keys)} is not text")
    return "\n\n".join([prompt, *(text for text in subject if text.strip())])


def _pair(prompt: str, reply: str) -> Turns:
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]


def _instances(row: Mapping[str, Any]) -> Turns:
    instances = row["instances"]
    if not isinstance(instances, list) or len(instances) != 1 or not isinstance(instances[0], Mapping):
        raise ShapeError(f"{len(instances) if isinstance(instances, list) else 'no list of'} instances instead of one")
    return _alpaca({**instances[0], "instruction": row.get("instruction")})


def _prompt_reply(row: Mapping[str, Any]) -> Turns:
    (key, prompt), (_, reply) = (_text(row, keys) for keys in (_ASKED, (*_REPLIED, "chosen")))
    subject_keys = ("context",) if key == "input" else ("context", "input")
    return _system(row) + _pair(_with(_unframed(prompt), row, *subject_keys), reply)


def _unframed(prompt: str) -> str:
    """Return an instruction without Alpaca's frame, where it has one."""
    _, frame, inside = prompt.partition("### Instruction:")
    inside, end, rest = inside.rpartition("### Response:")
    if not frame or not end or rest.strip():
        return prompt
    instruction, _, given = inside.partition("### Input:")
    return "\n\n".join(part.strip() for part in (instruction, given) if part.strip())


def _text(row: Mapping[str, Any], keys: tuple[str, ...]) -> tuple[str, str]:
    key = next((key for key in keys if row.get(key) is not None), "")
    if not isinstance(row.get(key), str):
        raise ShapeError(f"none of {', '.join(keys)} is text")
    return key, row[key]


def _transcript(key: str) -> Callable[[Mapping[str, Any]], Turns]:
    def read(row: Mapping[str, Any]) -> Turns:
        start = _begun(row.get(key))
        if start is None:
            raise ShapeError(f"'{key}' does not begin with 'Human:'")
        before = r"\n###[ \t]*" if start["frame"] else r"\n[^\S\n]*\n"  # a reply may hold lines that look like speakers
        _, *parts = re.split(rf"(?:{before})({start['who']}|Assistant):", "\n\n" + start.string.lstrip())
        return [
            {"role": _role(name), "content": content.strip()}
            for name, content in zip(parts[::2], parts[1::2], strict=True)
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
    """Tell whether a row is a multiple-choice question, answered with a letter, and not a prompt with a reply."""
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
        _prompt_reply,
    ),
)
"""Name, a function that recognizes a row, and one that reads it; the first form that fits a row decides."""

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
