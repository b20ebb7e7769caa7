"""Clean published turns into a conversation that a chat template accepts."""

import html.entities
import re
from collections import Counter

from warmtune.io.schemas import Message

_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,5});")
_ANY = re.compile(r"&(#\d{1,7}|#x[0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)


def clean(turns: list[Message], changed: Counter[str]) -> tuple[list[Message], str]:
    """Repair what can be repaired without inventing text, and say what cannot.

    Args:
        turns: a row's turns.
        changed: counts each kind of repair once per conversation.

    Returns:
        Messages as [system,] user, assistant, user, assistant, …; and why they cannot be used, or an empty string.
    """
    marks: set[str] = set()
    messages = _before_an_empty_turn([_unescaped(turn, marks) for turn in turns], marks)
    system = messages[:1] if messages and messages[0]["role"] == "system" else []
    spoken = _joined(_from_a_prompt(messages[len(system) :], marks), marks)
    if len(spoken) > 1 and spoken[-1]["role"] == "user":
        spoken = spoken[:-1]
        marks.add("last user turn without a reply left out")
    messages = system + spoken
    reason = _order_problem(messages)
    if not reason:
        changed.update(sorted(marks))
    return messages, reason


def truncate(messages: list[Message], most: int) -> list[Message]:
    """Return at most `most` turns, not counting the system turn, so that the last one is a reply."""
    system = messages[:1] if messages[0]["role"] == "system" else []
    spoken = messages[len(system) :][:most]
    return system + spoken[: len(spoken) // 2 * 2]


def _unescaped(turn: Message, marks: set[str]) -> Message:
    """Turn HTML entities outside code into the characters they stand for."""
    text = turn["content"]
    if "&" not in text or not _ENTITY.search(_CODE.sub("", text)):
        return turn
    marks.add("HTML entities turned into characters")
    parts, position = [], 0
    for code in _CODE.finditer(text):
        parts += [_ANY.sub(_character, text[position : code.start()]), code.group()]
        position = code.end()
    return {"role": turn["role"], "content": "".join(parts) + _ANY.sub(_character, text[position:])}


def _character(entity: re.Match[str]) -> str:
    """Return the entity's character. `html.unescape` alone would also replace the `&not` of `&nothing;`."""
    is_entity = entity[1].startswith("#") or f"{entity[1]};" in html.entities.html5
    return html.unescape(entity[0]) if is_entity else entity[0]


def _before_an_empty_turn(turns: list[Message], marks: set[str]) -> list[Message]:
    """Return the turns before the first empty one; skip empty system turns."""
    spoken = [turn for turn in turns if turn["role"] != "system" or turn["content"].strip()]
    empty = next((index for index, turn in enumerate(spoken) if not turn["content"].strip()), None)
    if empty is None:
        return spoken
    marks.add("cut before an empty turn")
    return spoken[:empty]


def _from_a_prompt(spoken: list[Message], marks: set[str]) -> list[Message]:
    """Leave out replies at the beginning, unless there is nothing else."""
    first = next((index for index, turn in enumerate(spoken) if turn["role"] != "assistant"), 0)
    if first:
        marks.add("opening reply without a prompt left out")
    return spoken[first:]


def _joined(messages: list[Message], marks: set[str]) -> list[Message]:
    """Join consecutive user turns: the person sent several messages before the reply."""
    joined: list[Message] = []
    for message in messages:
        if joined and message["role"] == joined[-1]["role"] == "user":
            joined[-1] = {"role": "user", "content": f"{joined[-1]['content']}\n\n{message['content']}"}
            marks.add("user turns in a row joined")
        else:
            joined.append(message)
    return joined


def _order_problem(messages: list[Message]) -> str:
    roles = [message["role"] for message in messages]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if not spoken:
        return "no turn with text"
    if "assistant" not in spoken:
        return "no reply"
    if spoken[0] == "assistant":
        return "nothing but an opening reply without a prompt"
    if any(role != ("user", "assistant")[number % 2] for number, role in enumerate(spoken)):
        return "two replies in a row" if "system" not in spoken else "a system turn inside the conversation"
    return ""
