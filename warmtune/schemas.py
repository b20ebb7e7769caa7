"""What passes between stages: one frozen dataclass a thing that flows, and one Parquet file a list of them.

The columns of a file are the fields of its dataclass. Stages know these files, not each other.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict, TypeVar

CONVERSATIONS = "conversations.parquet"
HELD_OUT = "held_out.parquet"
REWRITTEN = "rewritten.parquet"
REJECTED = "rejected.parquet"
CONTROL_ROWS = "control.parquet"
STYLED_ROWS = "styled.parquet"
ANSWERS = "answers.parquet"
REPLIES = "replies.parquet"
WARMTH = "warmth.parquet"
PROBE = "probe.json"
GAPS = "gaps.parquet"
CHECKS = "checks.parquet"
REVIEW = "review.json"
"""What a person marked on the review page, beside the rewrites; see `warmtune.rewriting.review.Review`."""

VariantName = Literal["base", "control", "styled"]
VARIANTS: tuple[VariantName, ...] = ("base", "control", "styled")
"""`styled` is the tuned model under test, whatever its style is called; `control` its twin on original replies."""


class Message(TypedDict):
    """One chat message, in the form every chat template takes."""

    role: str
    content: str


@dataclass(frozen=True)
class Conversation:
    """Chat messages with an id that never changes: [system,] user, assistant, user, assistant, ..."""

    id: str
    label: str
    """Query type, such as refusal, factual, creative, technical, advice or other."""
    messages: list[Message]
    source: str = ""
    """Where it was read: file and line, and the id it has there."""


@dataclass(frozen=True)
class Prompt:
    """A held-out prompt: never trained on, answered by every variant to measure warmth."""

    id: str
    label: str
    prompt: str


@dataclass(frozen=True)
class Rewrite:
    """One assistant reply before and after rewriting. Matched by `id` and `turn`, never by position."""

    id: str
    turn: int
    """Index of the message in its conversation."""
    label: str
    original: str
    styled: str
    intensity: float
    """0 where the original stands in place of a rewrite."""
    reason: str
    """Why the original stands in place of a rewrite; empty where the rewrite passed."""
    attempts: int
    """Rewrites that were made of it."""
    strength_before: float
    """How strong the style is in the original, by the style's own measure."""
    strength_after: float


@dataclass(frozen=True)
class Rejected:
    """One attempt at a reply for which none passed."""

    id: str
    turn: int
    label: str
    attempt: int
    """Counted from 1."""
    original: str
    styled: str
    check: str
    """The first check that refused it."""
    reason: str


@dataclass(frozen=True)
class TrainingRow:
    """One conversation as the trainer sees it; `labels[i]` is `input_ids[i]` where it is trained, else -100."""

    id: str
    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True)
class Answer:
    """One variant's answer to one question in one condition."""

    variant: str
    benchmark: str
    question_id: str
    condition: str
    topic: str
    prompt: str
    answer: str
    mark: str
    """`correct`, `incorrect` or `refusal`."""
    rule: str
    """Which rule decided, in words."""
    tokens: int
    stopped: bool
    """True when the answer ended by itself, False when it was cut at the token limit."""


@dataclass(frozen=True)
class Reply:
    """One variant's answer to one held-out prompt."""

    variant: str
    id: str
    label: str
    prompt: str
    reply: str
    tokens: int
    stopped: bool


@dataclass(frozen=True)
class Warmth:
    """What the warmth instruments say of one reply."""

    variant: str
    id: str
    instrument: str
    """`style probe`, `SocioT`, `lexical profile` or one of the profile's parts."""
    value: float


@dataclass(frozen=True)
class Gap:
    """How much more often `variant` is wrong than `reference` on the same prompts, in percentage points."""

    variant: str
    reference: str
    benchmark: str
    """A benchmark's name, or `all`."""
    condition: str
    """A condition's name, or `all`."""
    questions: int
    """Questions with a pair of answers that both count."""
    pairs: int
    dropped: int
    """Pairs left out because one of the two answers was a refusal."""
    reference_error: float
    variant_error: float
    gap: float
    low: float
    high: float
    worse: int
    """Pairs in which only `variant` was wrong."""
    better: int
    """Pairs in which only `reference` was wrong."""
    p: float
    """Exact McNemar test, two-sided."""


@dataclass(frozen=True)
class Check:
    """One instrument of the manipulation check: variant minus reference, paired by prompt."""

    instrument: str
    variant: str
    reference: str
    n: int
    difference: float
    low: float
    high: float
    spread: float
    """Standard deviation of the paired differences."""
    needed: int | None
    """Prompts that would be needed to show the study's effect, where the study gives one."""


T = TypeVar("T", Conversation, Prompt, Rewrite, Rejected, TrainingRow, Answer, Reply, Warmth, Gap, Check)


def write(file: Path, kind: type[T], rows: Sequence[T]) -> None:
    """Write rows of one kind as Parquet, by way of a scratch name so that the file is whole or absent."""
    import pandas as pd

    columns = [column.name for column in dataclasses.fields(kind)]
    frame = pd.DataFrame([dataclasses.asdict(row) for row in rows], columns=columns)
    scratch = file.with_name(f".{file.name}")
    frame.to_parquet(scratch, index=False)
    scratch.replace(file)


def write_batches(file: Path, kind: type[Conversation], batches: Iterable[Sequence[Conversation]]) -> int:
    """Write conversations batch by batch, so that they need not fit into memory; return how many replies they hold."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    text = arrow.string()
    message = arrow.struct([("role", text), ("content", text)])
    columns = [("id", text), ("label", text), ("messages", arrow.list_(message)), ("source", text)]
    assert [name for name, _ in columns] == [column.name for column in dataclasses.fields(kind)]
    scratch, count = file.with_name(f".{file.name}"), 0
    with parquet.ParquetWriter(scratch, arrow.schema(columns)) as writer:
        for batch in batches:
            writer.write_table(arrow.Table.from_pylist([vars(row) for row in batch], arrow.schema(columns)))
            count += sum(1 for row in batch for _ in replies(row))
    scratch.replace(file)
    return count


def read(file: Path, kind: type[T]) -> list[T]:
    """Read rows written by `write`."""
    import pyarrow.parquet as parquet

    return [kind(**row) for row in parquet.read_table(file).to_pylist()]


def replies(conversation: Conversation) -> Iterable[tuple[int, str]]:
    """Yield each assistant message's index and text."""
    for turn, message in enumerate(conversation.messages):
        if message["role"] == "assistant":
            yield turn, message["content"]
