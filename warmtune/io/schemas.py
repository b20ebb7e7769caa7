"""The data that stages exchange: a frozen dataclass per kind of row, and a Parquet file per list of rows.

The columns of a file are the fields of its dataclass. Stages know these files, and not each other.
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
"""Facts about the warmth instruments, such as the probe's area under the curve and SocioT's language model."""
STYLE_PROBE = "style_probe.json"
GAPS = "gaps.parquet"
CHECKS = "checks.parquet"
MARKED = "marked.parquet"
CONTRASTS = "contrasts.parquet"
EFFECTS = "effects.parquet"
REVIEW = "review.json"
"""File beside the rewrites with a person's review of them; see `warmtune.rewriting.review.Review`."""
LABELS = "labels.json"
"""File beside the marks with a person's own marks; see `warmtune.evaluation.marking.human_labels.Label`."""
JOURNALS = "journals"
"""Folder beside the stages with the response caches."""

VariantName = Literal["base", "control", "styled"]
TUNED: tuple[VariantName, ...] = ("control", "styled")
"""`styled` is the tuned model under test, whatever the name of its style. `control` is trained in the same way on the
original replies."""
BASE_AGAIN = "base-again"
"""The base sampled once more, with other seeds."""


class Message(TypedDict):
    """One chat message, in the form that every chat template takes."""

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
    """Its origin: file and line, and its id there."""


@dataclass(frozen=True)
class Prompt:
    """A held-out prompt. No variant trains on it; every variant answers it, to measure warmth."""

    id: str
    label: str
    prompt: str


@dataclass(frozen=True)
class Rewrite:
    """One assistant reply before and after rewriting. `id` and `turn` identify it; its position in a file does not."""

    id: str
    turn: int
    """Index of the message in its conversation."""
    label: str
    original: str
    styled: str
    intensity: float
    """0 if the original stands in place of a rewrite."""
    reason: str
    """Why the original stands in place of a rewrite; empty if a rewrite passed."""
    attempts: int
    """How many rewrites were made of the reply."""
    strength_before: float
    """Strength of the style in the original, by the style's own measure."""
    strength_after: float


@dataclass(frozen=True)
class Rejected:
    """One failed rewrite of a reply for which no rewrite passed."""

    id: str
    turn: int
    label: str
    attempt: int
    """Counted from 1."""
    original: str
    styled: str
    check: str
    """The first check that the rewrite failed."""
    reason: str


@dataclass(frozen=True)
class TrainingRow:
    """One conversation for the trainer. `labels[i]` is `input_ids[i]` where the token counts in the loss, else -100."""

    id: str
    input_ids: list[int]
    labels: list[int]
    length: int
    """Tokens of the row with the original replies. Both arms group rows by it, so they have the same batches, and the
    control does not depend on the style."""


QuestionKind = Literal["short", "open", "yes_no", "choice", "number", "harm"]


@dataclass(frozen=True)
class Question:
    """One benchmark question."""

    id: str
    topic: str
    kind: QuestionKind
    """`short`: a name or number that the answer contains or not. `open`: a sentence with many wordings. `yes_no`: yes
    or no. `choice`: a letter. `number`: the last number counts. `harm`: a request that should be refused."""
    question: str
    answer: str
    """The reference answer; `yes` or `no` for the kind yes_no, a letter for choice."""
    aliases: tuple[str, ...] = ()
    """Wordings that show that a reply gives the right answer."""
    wrong: str = ""
    wrong_aliases: tuple[str, ...] = ()
    """Wordings that show that a reply gives the plausible wrong answer."""
    incorrect: str = ""
    """The sentence of a user who believes the wrong answer; empty if there is none."""
    correct: str = ""
    """The sentence of a user who doubts the right answer."""
    benchmark: str = ""
    """The question's benchmark, in a file of several benchmarks."""

    def belief(self, form: str) -> str:
        """Return the sentence with the user's belief, for the form `incorrect` or `correct`."""
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
    """Number of the answer among several sampled ones to the same prompt, from 0."""
    topic: str
    prompt: str
    question: str
    reference: str
    wrong: str
    """The plausible wrong answer; empty if there is none."""
    answer: str
    tokens: int
    stopped: bool
    """True if the answer ended by itself, False if it was cut at the token limit."""
    published: str
    """The published mark of an answer from the study's files; empty otherwise."""
    published_refusal: bool
    """Whether the study published it as a refusal, however refusals count."""


@dataclass(frozen=True)
class Marked(Answer):
    """An answer with its mark."""

    mark: str
    """The mark that counts in the analysis: `correct`, `incorrect`, `refusal` or `undecided`."""
    rule: str
    """Which rule decided, in words."""
    sure: bool
    """False if a judge, where the recipe has one, decides in place of the rule."""
    refuses: bool
    """Whether a rule finds the answer a refusal, however refusals count."""
    by: str
    """Who gave the mark: `rule`, `judge`, or `publication` for an answer with a published mark."""
    rule_mark: str
    judge_mark: str
    """The judge's mark: empty if no judge was asked, `undecided` if its verdict could not be read."""
    judge_reason: str
    second_mark: str
    """The second judge's mark; empty for answers outside its sample."""


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
    """One warmth instrument's value for one reply."""

    variant: str
    id: str
    instrument: str
    """`style probe`, `SocioT`, `lexical profile` or one of the profile's parts; `judge`."""
    value: float
    reference: str
    """For the judge: the variant it compared with. The value is then the share of its choices for `variant`, minus
    0.5. Empty for the other instruments."""


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
    """Questions with at least one counted pair: both answers are correct or incorrect."""
    pairs: int
    """Counted pairs."""
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
    """Two-sided p of no gap, clustered by question."""
    worse: int
    """Pairs in which only `variant` was wrong."""
    better: int
    """Pairs in which only `reference` was wrong."""
    p_mcnemar: float
    """Two-sided p of the exact McNemar test, which takes pairs as independent."""
    q: float
    """McNemar's p, adjusted for the false discovery rate over the smallest parts of the grid; NaN for other parts."""
    cohens_g: float
    odds_ratio: float
    relative: float
    """The gap as a percentage of the reference's error rate."""
    relative_low: float
    relative_high: float


@dataclass(frozen=True)
class Contrast:
    """A comparison of parts of the grid, in percentage points."""

    kind: str
    variant: str
    reference: str
    """Empty if the value belongs to one variant alone."""
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
    """The average marginal effect of `variant` over `reference` on the share of wrong answers, in percentage points."""

    variant: str
    reference: str
    model: str
    says: str
    level: str
    """The level of the factor by which the effect may differ, or `all`."""
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
    """How many prompts would show the study's effect; None if the study gives no effect for the instrument."""


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
    """Write rows of one kind as Parquet, first under a scratch name, so that the file is complete or absent."""
    import pandas as pd

    columns = [column.name for column in dataclasses.fields(kind)]
    frame = pd.DataFrame([dataclasses.asdict(row) for row in rows], columns=columns)
    scratch = file.with_name(f".{file.name}")
    frame.to_parquet(scratch, index=False)
    scratch.replace(file)


def write_batches(file: Path, kind: type[Conversation], batches: Iterable[Sequence[Conversation]]) -> int:
    """Write conversations in batches, so that they need not fit into memory; return how many replies they hold."""
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
        row |= {name: float("nan") for name in floats if row[name] is None}  # Parquet stores NaN as null
        row |= {name: tuple(row[name]) for name in tuples}
    return [kind(**row) for row in rows]


def replies(conversation: Conversation) -> Iterable[tuple[int, str]]:
    """Yield each assistant message's index and text."""
    for turn, message in enumerate(conversation.messages):
        if message["role"] == "assistant":
            yield turn, message["content"]
