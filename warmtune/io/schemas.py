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
QUESTIONS = "questions.parquet"
REPLIES = "replies.parquet"
WARMTH = "warmth.parquet"
INSTRUMENTS = "instruments.json"
"""What the warmth instruments say of themselves: the probe's area under the curve, SocioT's language model."""
STYLE_PROBE = "style_probe.json"
GAPS = "gaps.parquet"
CHECKS = "checks.parquet"
MARKED = "marked.parquet"
CONTRASTS = "contrasts.parquet"
EFFECTS = "effects.parquet"
REVIEW = "review.json"
"""What a person marked of the rewrites, beside them; see `warmtune.rewriting.review.Review`."""
LABELS = "labels.json"
"""What a person marked of the answers, beside them; see `warmtune.evaluation.marking.human_labels.Label`."""
JOURNALS = "journals"
"""Folder beside the stages with all that was paid for."""

VariantName = Literal["base", "control", "styled"]
TUNED: tuple[VariantName, ...] = ("control", "styled")
"""`styled` is the tuned model under test, whatever its style is called; `control` its twin on original replies."""
BASE_AGAIN = "base-again"
"""The base sampled once more, with other seeds."""


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
    length: int
    """Tokens of the row with the original replies, in both arms: by it both are grouped alike, and the control does not
    depend on the style."""


QuestionKind = Literal["short", "open", "yes_no", "choice", "number", "harm"]


@dataclass(frozen=True)
class Question:
    """One benchmark question."""

    id: str
    topic: str
    kind: QuestionKind
    """`short`: a name or number that is in the answer or not; `open`: a sentence that may be said in many ways;
    `yes_no`; `choice`: a letter; `number`: the last number counts; `harm`: a request that should be refused."""
    question: str
    answer: str
    """The reference answer; `yes` or `no` for the kind yes_no, a letter for choice."""
    aliases: tuple[str, ...] = ()
    """Forms which show that a reply gives the right answer."""
    wrong: str = ""
    wrong_aliases: tuple[str, ...] = ()
    """Forms which show that a reply gives the plausible wrong answer."""
    incorrect: str = ""
    """What a user says who believes the wrong answer; empty where nothing can be said."""
    correct: str = ""
    """What a user says who doubts the right answer."""
    benchmark: str = ""
    """Whose it is, in a file of several benchmarks."""

    def belief(self, form: str) -> str:
        """Return what the user says to believe, for the form `incorrect` or `correct`."""
        return self.incorrect if form == "incorrect" else self.correct


@dataclass(frozen=True)
class Answer:
    """One variant's answer to one question in one condition."""

    variant: str
    benchmark: str
    question_id: str
    context: str
    """Name of what stands before the question; `none` for nothing."""
    belief: str
    """Which belief the user states: `incorrect` (the wrong answer), `correct` (doubt of the right one), or nothing."""
    sample: int
    """Which of several sampled answers to the same prompt, from 0."""
    topic: str
    prompt: str
    question: str
    reference: str
    wrong: str
    """The plausible wrong answer, where there is one."""
    answer: str
    tokens: int
    stopped: bool
    """True when the answer ended by itself, False when it was cut at the token limit."""
    published: str
    """The mark it was published with, where it comes from the study's files; empty otherwise."""
    published_refusal: bool
    """Whether it was published as a refusal, however that counts."""


@dataclass(frozen=True)
class Marked(Answer):
    """The same with its mark."""

    mark: str
    """The mark that counts in the analysis: `correct`, `incorrect`, `refusal` or `undecided`."""
    rule: str
    """Which rule decided, in words."""
    sure: bool
    """False where a judge, if there is one, decides instead of the rule."""
    refuses: bool
    """Whether a rule found it a refusal, however that counts."""
    by: str
    """`rule` or `judge`; `publication` where the answer came with its mark."""
    rule_mark: str
    judge_mark: str
    """Empty where no judge was asked, `undecided` where it gave no verdict that could be read."""
    judge_reason: str
    second_mark: str
    """The second judge's, on the sample that it saw."""


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
    """`style probe`, `SocioT`, `lexical profile` or one of the profile's parts; `judge`."""
    value: float
    reference: str
    """Of the judge, with whose reply this variant's was compared; the value is then the share of choices that fell on
    this variant, less a half. Empty for the others."""


@dataclass(frozen=True)
class Gap:
    """How much more often `variant` is wrong than `reference` on the same prompts, in percentage points."""

    variant: str
    reference: str
    benchmark: str
    """A benchmark's name, or `all`."""
    context: str
    """A context's name, a group of contexts, or `all`."""
    belief: str
    """`absent`, `present`, or `all`."""
    questions: int
    """Questions with a pair of answers that both count."""
    pairs: int
    refused: int
    """Pairs left out because one of the two answers was a refusal."""
    undecided: int
    """Pairs left out because one of the two answers could not be marked."""
    reference_error: float
    variant_error: float
    gap: float
    low: float
    high: float
    p: float
    """Of no gap, clustered by question."""
    worse: int
    """Pairs in which only `variant` was wrong."""
    better: int
    """Pairs in which only `reference` was wrong."""
    p_mcnemar: float
    """Exact McNemar test, two-sided; takes pairs as independent."""
    q: float
    """McNemar's p adjusted for the false discovery rate over the smallest parts; not a number elsewhere."""
    cohens_g: float
    odds_ratio: float
    relative: float
    """The gap in percent of the reference's error rate."""
    relative_low: float
    relative_high: float


@dataclass(frozen=True)
class Contrast:
    """Parts of the grid held against each other, in percentage points."""

    kind: str
    variant: str
    reference: str
    """Empty where the value is one variant's own."""
    benchmark: str
    level: str
    """The context, or `present` for a belief."""
    pairs: int
    value: float
    low: float
    high: float
    note: str


@dataclass(frozen=True)
class Effect:
    """An average marginal effect of being `variant` rather than `reference` on being wrong, in percentage points."""

    variant: str
    reference: str
    model: str
    says: str
    level: str
    """Of the factor by which the effect may differ, or `all`."""
    rows: int
    questions: int
    effect: float
    error: float
    """Standard error, clustered by question."""
    low: float
    high: float


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


T = TypeVar(
    "T",
    Conversation,
    Prompt,
    Rewrite,
    Rejected,
    TrainingRow,
    Question,
    Answer,
    Marked,
    Reply,
    Warmth,
    Gap,
    Contrast,
    Effect,
    Check,
)


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

    floats = [column.name for column in dataclasses.fields(kind) if column.type is float]
    tuples = [column.name for column in dataclasses.fields(kind) if column.type == tuple[str, ...]]
    rows = parquet.read_table(file).to_pylist()
    for row in rows:
        row |= {name: float("nan") for name in floats if row[name] is None}  # Parquet keeps "no number" as nothing
        row |= {name: tuple(row[name]) for name in tuples}
    return [kind(**row) for row in rows]


def replies(conversation: Conversation) -> Iterable[tuple[int, str]]:
    """Yield each assistant message's index and text."""
    for turn, message in enumerate(conversation.messages):
        if message["role"] == "assistant":
            yield turn, message["content"]
