"""Prompts with the adapter's answers, published with it so that anybody can ask them again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from warmtune.config.evaluation_settings import EvalSettings
from warmtune.errors import StoreError
from warmtune.io.schemas import Message
from warmtune.models.seeds import prompt_id, seed_of

PROMPTS = "prompts.jsonl"
COUNT = 40
_COLUMNS = ["benchmark", "question_id", "context", "belief", "sample", "prompt", "answer", "mark", "stopped"]
_TURNS = ("user: ", "\nassistant: ", "\nuser: ")


@dataclass(frozen=True)
class StoredPrompt:
    """One prompt, and the adapter's answer to it in the evaluation."""

    benchmark: str
    question_id: str
    context: str
    belief: str
    messages: list[Message]
    max_tokens: int
    temperature: float
    answer: str
    mark: str
    stopped: bool
    """Whether the answer ended by itself."""
    seed: int = 0
    """The seed that the answer was sampled with, if the temperature is above 0."""


def draw(marked: Path, settings: EvalSettings, seed: int, count: int = COUNT) -> list[StoredPrompt]:
    """Draw prompts that the tuned model answered, from each benchmark and condition in turn.

    If a prompt has several sampled answers, the first is stored, with its seed.

    Args:
        marked: file of the marked answers.
        settings: the settings that the prompts were asked with.
        seed: the run's seed; it decides which prompts are drawn.
        count: the largest number of prompts.
    """
    import pyarrow.parquet as parquet

    chosen = [("variant", "==", "styled"), ("sample", "==", 0)]
    rows = parquet.read_table(marked, columns=_COLUMNS, filters=chosen).to_pylist()
    parts: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: _by_hash(row, seed)):
        parts.setdefault((row["benchmark"], row["context"], row["belief"]), []).append(row)
    drawn: list[StoredPrompt] = []
    deepest = max((len(part) for part in parts.values()), default=0)
    for row in (parts[key][n] for n in range(deepest) for key in sorted(parts) if n < len(parts[key])):
        stored = _stored(row, settings, seed)
        if stored is not None and len(drawn) < count:
            drawn.append(stored)
    return drawn


def _stored(row: dict[str, Any], settings: EvalSettings, seed: int) -> StoredPrompt | None:
    messages = _messages(row["prompt"], settings.turns == "two" and row["context"] != "none")
    if messages is None:
        return None
    kept = {name: value for name, value in row.items() if name not in ("prompt", "sample")}
    named = prompt_id(row["question_id"], row["context"], row["belief"])
    drawn = seed_of(seed, named, row["sample"] + 1) if settings.temperature > 0 else 0
    how: dict[str, Any] = {"max_tokens": settings.max_tokens, "temperature": settings.temperature, "seed": drawn}
    return StoredPrompt(messages=messages, **how, **kept)


def _messages(prompt: str, three: bool) -> list[Message] | None:
    """Return a prompt's text as messages; None if the turns in it cannot be separated.

    >>> [message["role"] for message in _messages("user: Hm\\nassistant: I see.\\nuser: Why?", True)]
    ['user', 'assistant', 'user']
    """
    if not three:
        return [Message(role="user", content=prompt)]
    if not prompt.startswith(_TURNS[0]) or any(prompt.count(turn) != 1 for turn in _TURNS[1:]):
        return None
    first, rest = prompt.removeprefix(_TURNS[0]).split(_TURNS[1])
    answer, last = rest.split(_TURNS[2])
    told = zip(("user", "assistant", "user"), (first, answer, last), strict=True)
    return [Message(role=role, content=content) for role, content in told]


def _by_hash(row: dict[str, Any], seed: int) -> str:
    named = (seed, row["benchmark"], row["question_id"], row["context"], row["belief"])
    return hashlib.sha256("\x1f".join(map(str, named)).encode()).hexdigest()


def write(file: Path, prompts: Sequence[StoredPrompt]) -> None:
    """Write one prompt per line."""
    file.write_text("".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in prompts), encoding="utf-8")


def read(file: Path) -> list[StoredPrompt]:
    """Read prompts written by `write`; none if there is no such file.

    Raises:
        StoreError: the file holds something else.
    """
    if not file.is_file():
        return []
    try:
        return [StoredPrompt(**json.loads(line)) for line in file.read_text(encoding="utf-8").split("\n") if line]
    except (ValueError, TypeError):
        raise StoreError(
            f"{file} does not hold prompts as `warmtune publish` writes them; it was made otherwise."
        ) from None
