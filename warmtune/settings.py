"""The typed settings behind `conf/`: what a recipe may say, and the checks that need nothing but the settings.

Hydra composes, `warmtune.recipes` converts the result once into these frozen dataclasses, and nothing below sees a
Hydra or OmegaConf object. Every default lives in `conf/`, none here, so that what a recipe says is what runs; fields
that have a default here are those whose absence has a meaning of its own.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", strict=True)

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Phrases = Annotated[tuple[str, ...], Field(min_length=2)]
Strengths = tuple[Phrases, Phrases, Phrases, Phrases]
CONDITIONS = ("plain", "sad", "belief", "sad_belief")
BENCHMARKS = ("trivia", "misconceptions", "health", "conspiracy")


@dataclass(frozen=True, config=_STRICT)
class ModelSettings:
    """The base: the chat model that is tuned and that everything is compared with."""

    name: Name
    """Short name, used for folders and in the report."""
    hub: str
    """Hugging Face Hub id; also what the adapter and its card name as their base."""
    revision: str | None
    """Hub revision, or null for the newest."""
    path: str | None
    """Local folder in the Hub's layout, used instead of the Hub."""
    package: str | None
    """Python package that carries the model as a GGUF file, looked for before the Hub."""
    gguf: str | None
    """Name of that GGUF file inside the package."""


@dataclass(frozen=True, config=_STRICT)
class SourceSettings:
    """One source of conversations."""

    path: str
    """`embedded`, a file (JSONL, JSON, Parquet, CSV), or a Hub dataset as `hub:org/name`."""
    split: str = "train"
    """Split of a Hub dataset."""
    config: str | None = None
    """Configuration (subset) of a Hub dataset."""
    files: str | None = None
    """File of a Hub dataset, where it holds several and its form is not known to `datasets`."""
    streaming: bool = False
    """Read a Hub dataset row by row over the network, without a copy on this machine."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Share of this source in what is drawn, among the sources of a mix."""


@dataclass(frozen=True, config=_STRICT)
class DataSettings:
    """Which conversations are rewritten and trained on, and which prompts are held out."""

    path: str
    """As in `SourceSettings`; ignored where `mix` names several sources."""
    split: str
    config: str | None
    files: str | None
    streaming: bool
    mix: tuple[SourceSettings, ...] | None
    """Several sources with weights, instead of `path`."""
    max_bad: Share
    """Share of rows that may be unreadable or of the wrong shape; they are skipped and counted, more stop the run."""
    languages: tuple[str, ...] | None
    """Two-letter codes of the languages kept; null keeps all."""
    max_turns: Annotated[int, Field(ge=2)]
    """Longer conversations are cut after this many turns, as in the study."""
    min_words: Annotated[int, Field(ge=0)]
    """A conversation with a reply of fewer words is left out."""
    max_tokens: Positive
    """Longer conversations (rendered with the model's chat template) are left out, never cut."""
    personal: Literal["mask", "drop", "keep"]
    """What is done about e-mail addresses, telephone numbers, card numbers and access keys."""
    unsafe: Share | None
    """Detoxify's score from which a conversation is left out; null, or Detoxify not installed: no safety filter."""
    unsafe_checkpoint: str | None
    """Detoxify checkpoint on this machine; null lets Detoxify fetch its own."""
    duplicates: Literal["near", "exact"]
    """Whether conversations that are nearly the same count as duplicates."""
    similarity: Annotated[float, Field(gt=0, le=1)]
    """Jaccard similarity of five-word shingles from which two conversations are nearly the same."""
    query_types: str | None
    """File with the rules for query types; null takes the shipped ones."""
    per_type: Positive | None
    """Conversations drawn from each query type; null takes all."""
    held_out: Annotated[int, Field(ge=2)]
    """Prompts held out from training, on which warmth is measured."""

    @property
    def sources(self) -> tuple[SourceSettings, ...]:
        """The sources, one or several."""
        return self.mix or (SourceSettings(self.path, self.split, self.config, self.files, self.streaming),)


@dataclass(frozen=True, config=_STRICT)
class PhrasebookSettings:
    """The words of a style for the rule-based rewriter: four strengths each, mild to strong."""

    openers: Strengths
    bridges: Strengths
    """Sentences that stand between two paragraphs of the reply."""
    closers: Strengths
    swaps: tuple[tuple[str, str], ...]
    """Words of the original and the style's words of the same meaning."""


@dataclass(frozen=True, config=_STRICT)
class StyleSettings:
    """What the replies are rewritten towards, and how far."""

    name: Name
    intensity: Share
    """0 is the original text, 1 the strongest."""
    phrasebook: PhrasebookSettings


@dataclass(frozen=True, config=_STRICT)
class RewriterSettings:
    """Who rewrites."""

    kind: Literal["phrasebook"]


@dataclass(frozen=True, config=_STRICT)
class TrainSettings:
    """LoRA and the optimizer. The study's values, where it states them, are in PROTOCOL terms in docs/method.md."""

    rank: Positive
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)]
    targets: Literal["all-linear"] | tuple[str, ...]
    """Module names that get an adapter, or `all-linear`."""
    learning_rate: Annotated[float, Field(gt=0, le=0.1)]
    epochs: Annotated[float, Field(gt=0, le=100)]
    batch_size: Positive
    """Conversations in one forward pass."""
    accumulation: Positive
    """Forward passes in one optimizer step; the effective batch is batch_size x accumulation."""
    schedule: Literal["linear", "cosine", "constant"]
    warmup: Annotated[float, Field(ge=0, lt=1)]
    """Share of the steps over which the learning rate rises."""
    max_tokens: Positive
    """Longest row allowed, original or rewritten. A longer one is left out of both arms and counted, never cut."""
    checkpoint_steps: Positive
    """Steps between checkpoints; a killed training goes on from the last."""


@dataclass(frozen=True, config=_STRICT)
class EvalSettings:
    """Which questions are asked, how, and how warmth is measured."""

    benchmarks: tuple[Literal["trivia", "misconceptions", "health", "conspiracy"], ...]
    conditions: tuple[Literal["plain", "sad", "belief", "sad_belief"], ...]
    questions: Annotated[int, Field(ge=4)] | Literal["all"]
    """How many questions, drawn in proportion from the benchmarks; every one is asked in every condition."""
    max_tokens: Positive
    """Longest answer to a question, in tokens."""
    reply_tokens: Positive
    """Longest answer to a held-out prompt, in tokens."""
    batch_size: Positive
    """Most answers that are written at the same time."""
    draws: Annotated[int, Field(ge=200)]
    """Bootstrap draws behind each interval."""


@dataclass(frozen=True, config=_STRICT)
class PublishSettings:
    """Where the adapter goes."""

    to: Literal["folder"]
    name: Name
    """Name of the published adapter's folder."""


@dataclass(frozen=True, config=_STRICT)
class Settings:
    """A whole recipe."""

    recipe: str
    """Name of the recipe, set by the command line."""
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    store: str
    """Folder for stages and runs."""
    model: ModelSettings
    data: DataSettings
    style: StyleSettings
    rewriter: RewriterSettings
    train: TrainSettings
    eval: EvalSettings
    publish: PublishSettings

    @property
    def identity(self) -> dict[str, Any]:
        """The settings without the place where results are kept, which determines none of them."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "store"}
