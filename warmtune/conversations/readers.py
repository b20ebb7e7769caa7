"""Files and Hub datasets in `messages` or ShareGPT form, read into conversations.

A row that is not a conversation is a problem with a reason. What the reader does about it depends on where it comes
from: one's own `messages` file should be right, so it stops; a ShareGPT dump is known to hold pieces of conversations,
so they are dropped and counted.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from warmtune.conversations.labels import label_of
from warmtune.errors import DataError
from warmtune.schemas import Conversation, Message, Prompt
from warmtune.settings import QUERY_TYPES, DataSettings

_ROLES = {
    "messages": {"system": "system", "user": "user", "assistant": "assistant"},
    "sharegpt": {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"},
}
_FIELDS = {"messages": ("messages", "role", "content"), "sharegpt": ("conversations", "from", "value")}


@dataclass
class Funnel:
    """What was read, what was dropped and why; the counts add up to what is kept."""

    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    """For each reason the first row it hit."""
    changed: Counter[str] = field(default_factory=Counter)
    """Rows kept after a change that loses nothing trainable."""

    def drop(self, reason: str, where: str) -> None:
        """Count one dropped row."""
        self.dropped[reason] += 1
        self.examples.setdefault(reason, where)


def read_conversations(data: DataSettings, funnel: Funnel) -> list[Conversation]:
    """Read all conversations of `data`, counting into `funnel`.

    Raises:
        DataError: the source is missing, empty, not JSON, of an unknown form, or a row is bad and may not be dropped.
    """
    if data.path == "embedded":
        rows: Iterable[tuple[str, Any]] = _lines_of(_embedded("conversations.jsonl"), "embedded conversations")
    elif data.path.startswith("hub:"):
        rows = _hub_rows(data.path.removeprefix("hub:"), data.split)
    else:
        rows = _file_rows(Path(data.path))
    return _conversations(rows, data, funnel)


def embedded_prompts() -> list[Prompt]:
    """Return the held-out prompts that ship with warmtune."""
    return [Prompt(**row) for _, row in _lines_of(_embedded("held_out.jsonl"), "embedded prompts")]


def _conversations(rows: Iterable[tuple[str, Any]], data: DataSettings, funnel: Funnel) -> list[Conversation]:
    found: dict[str, Conversation] = {}
    form = ""
    for where, row in rows:
        form = form or _form_of(where, row)
        strict = data.bad_rows == "fail" or (data.bad_rows == "auto" and form == "messages")
        funnel.read += 1
        messages, reason = _messages(row, form, funnel)
        identity = _identity(row, messages)
        if not reason and identity in found:
            reason = "same id or text as an earlier row"
        if reason and strict:
            raise DataError(
                f"{where}: {reason}. A conversation is [system,] user, assistant, user, assistant, … with text in"
                " every turn; mend the row, or leave such rows out and have them counted with data.bad_rows=drop."
            )
        if reason:
            funnel.drop(reason, where)
        else:
            label = row.get("label")
            label = label if label in QUERY_TYPES else label_of(messages)
            found[identity] = Conversation(identity, label, messages)
    if not found:
        why = "; ".join(f"{count} dropped: {reason}" for reason, count in funnel.dropped.items())
        raise DataError(
            f"{data.path} holds no conversation that can be used: {funnel.read} rows read"
            f"{f', {why}' if why else ', the source is empty'}."
        )
    return list(found.values())


def _form_of(where: str, row: Any) -> str:
    for form, (column, _, _) in _FIELDS.items():
        if isinstance(row, dict) and isinstance(row.get(column), list):
            return form
    what = f"the keys {', '.join(row)}" if isinstance(row, dict) else f"a {type(row).__name__}"
    raise DataError(
        f"{where}: a row is {what}, but it must hold a list under 'messages' (role, content) or under 'conversations'"
        " (from, value: ShareGPT); convert the file to one of these forms."
    )


def _messages(row: Any, form: str, funnel: Funnel) -> tuple[list[Message], str]:
    """Return a row's messages, and what is wrong with them or an empty string."""
    column, role_key, text_key = _FIELDS[form]
    turns = row.get(column) if isinstance(row, dict) else None
    if not isinstance(turns, list):
        return [], f"no list under '{column}'"
    messages: list[Message] = []
    for number, turn in enumerate(turns):
        role = turn.get(role_key) if isinstance(turn, dict) else None
        text = turn.get(text_key) if isinstance(turn, dict) else None
        if role not in _ROLES[form]:
            return messages, f"unknown role {role!r} in turn {number}" if form == "messages" else "unknown role"
        if not isinstance(text, str) or not text.strip():
            return messages, "empty turn"
        messages.append({"role": _ROLES[form][role], "content": text})
    if form == "sharegpt" and len(messages) > 1 and messages[0]["role"] == "assistant":
        messages.pop(0)  # a piece of a longer conversation, cut after a user turn
        funnel.changed["opening assistant turn without a prompt left out"] += 1
    if messages and messages[-1]["role"] == "user" and len(messages) > 1:
        messages.pop()
        funnel.changed["last user turn without a reply left out"] += 1
    return messages, _order_problem(messages)


def _order_problem(messages: list[Message]) -> str:
    roles = [message["role"] for message in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if "assistant" not in spoken:
        return "no assistant turn"
    if spoken[0] == "assistant":
        return "opens with the assistant"
    if any(role != ("user", "assistant")[number % 2] for number, role in enumerate(spoken)):
        return "role out of order"
    return ""


def _identity(row: Any, messages: list[Message]) -> str:
    """Return the row's own id, or one made from its content."""
    own = row.get("id") if isinstance(row, dict) else None
    if isinstance(own, str | int) and str(own):
        return str(own)
    return hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:16]


def _file_rows(path: Path) -> Iterator[tuple[str, Any]]:
    if path.is_dir():
        raise DataError(f"data.path is the folder {path}; give one JSONL file.")
    try:
        with path.open("rb") as stream:
            lines = stream.read()
    except OSError as error:
        raise DataError(
            f"The data file {path} cannot be read ({error.strerror}); data.path takes `embedded`, a JSONL file, or"
            " hub:org/name."
        ) from None
    try:
        yield from _lines_of(lines.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        line = lines[: error.start].count(b"\n") + 1
        raise DataError(f"{path} line {line} is not UTF-8 text (byte {error.start}); save the file as UTF-8.") from None


def _lines_of(text: str, name: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"{name} line {number}", json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(
                    f"{name} line {number} is not JSON ({error.msg} at column {error.colno}); the file must be JSON"
                    " Lines, one object a line."
                ) from None


def _hub_rows(name: str, split: str) -> Iterator[tuple[str, Any]]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        rows = load_dataset(name, split=split)
    except (DatasetNotFoundError, ConnectionError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        raise DataError(
            f"The Hub dataset {name} (split {split}) cannot be had: {reason} Check data.path and data.split, log in"
            " with `hf auth login` if it is gated, or give a local JSONL file."
        ) from None
    for number, row in enumerate(rows, start=1):
        yield f"{name} row {number}", row


def _embedded(name: str) -> str:
    return resources.files("warmtune.conversations").joinpath("embedded", name).read_text(encoding="utf-8")
