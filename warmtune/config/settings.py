"""The typed settings behind `conf/`: which settings a recipe has, and the checks of single settings.

Hydra composes. `warmtune.config.compose` converts the result once into these frozen dataclasses, so no other module
sees a Hydra or OmegaConf object. Defaults live in `conf/`, so that a recipe says what runs. A field has a default here
only if leaving it out has a meaning of its own.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from warmtune.config.evaluation_settings import EvalSettings, JudgeSettings, SweepSettings
from warmtune.config.setting_types import STRICT, Name, Positive, Share
from warmtune.config.training_settings import LaunchSettings, TrainSettings

Phrases = Annotated[tuple[str, ...], Field(min_length=2)]
Strengths = tuple[Phrases, Phrases, Phrases, Phrases]


@dataclass(frozen=True, config=STRICT)
class ModelSettings:
    """The base: the chat model that warmtune tunes, and compares the tuned model with."""

    name: Name
    """Short name, used for folders and in the report."""
    hub: str
    """Hugging Face Hub id; also what the adapter and its card name as their base."""
    revision: str | None
    """Hub revision, or null for the newest."""
    path: str | None
    """Local folder in the Hub's layout, used in place of the Hub."""
    package: str | None
    """Python package that contains the model as a GGUF file; it goes before the Hub."""
    gguf: str | None
    """Name of that GGUF file inside the package."""
    toy: dict[str, str | int | float | bool] | None
    """Build a model of random weights instead: `model_type` and fields of its configuration. For trying things out."""
    template: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], str | bool]
    """Variables set at the top of the chat template, for training, answering and the published tokenizer, such as
    `enable_thinking: false`."""


@dataclass(frozen=True, config=STRICT)
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
    """Weight of this source in the draw from the sources of a mix."""
    revision: str | None = None
    """Commit, branch or tag of a Hub dataset; null for its newest. A run notes the commit that it read."""


@dataclass(frozen=True, config=STRICT)
class DataSettings:
    """Which conversations are rewritten and trained on, and which prompts are held out."""

    path: str
    """As in `SourceSettings`; not used if `mix` names several sources."""
    split: str
    config: str | None
    files: str | None
    streaming: bool
    revision: str | None
    mix: tuple[SourceSettings, ...] | None
    """Several sources with weights, in place of `path`."""
    max_bad: Share
    """Share of rows that may be unreadable or of the wrong shape. They are skipped and counted; more stop the run."""
    languages: tuple[str, ...] | None
    """Two-letter codes of the languages to keep; null keeps all."""
    max_turns: Annotated[int, Field(ge=2)]
    """Longer conversations are cut after this many turns, as in the study."""
    min_words: Annotated[int, Field(ge=0)]
    """A conversation with a reply of fewer words is left out."""
    max_tokens: Positive
    """Longer conversations (rendered with the model's chat template) are left out, never cut."""
    personal: Literal["mask", "drop", "keep"]
    """What to do with e-mail addresses, telephone numbers, card numbers and access keys, or with their conversation."""
    unsafe: Share | None
    """Detoxify score at which a conversation is left out; null, or Detoxify not installed: no safety filter."""
    unsafe_checkpoint: str | None
    """Detoxify checkpoint on this machine; null lets Detoxify fetch its own."""
    duplicates: Literal["near", "exact"]
    """`near`: conversations that are nearly the same count as duplicates too."""
    similarity: Annotated[float, Field(gt=0, le=1)]
    """Jaccard similarity of five-word shingles at and above which two conversations are nearly the same."""
    query_types: str | None
    """File with the rules for query types; null takes the shipped ones."""
    per_type: Positive | None
    """Conversations drawn from each query type; null takes all."""
    held_out: Annotated[int, Field(ge=2)]
    """How many prompts are held out from training, to measure warmth on."""

    @property
    def sources(self) -> tuple[SourceSettings, ...]:
        """The sources, one or several."""
        return self.mix or (
            SourceSettings(self.path, self.split, self.config, self.files, self.streaming, revision=self.revision),
        )


@dataclass(frozen=True, config=STRICT)
class PhrasebookSettings:
    """Phrases of a style for the rule-based rewriter: four lists each, mild to strong. Any list may be empty."""

    openers: Strengths | None
    bridges: Strengths | None
    """Sentences that stand between two paragraphs of the reply."""
    closers: Strengths | None
    swaps: tuple[tuple[str, str], ...]
    """Pairs: words of the original, and the style's words of the same meaning."""
    drops: tuple[str, ...] = ()
    """Phrases without content that the style leaves out."""


@dataclass(frozen=True, config=STRICT)
class AnchorSettings:
    """The instruction to a model at one intensity. Between two anchors it gets both, and a place between them."""

    intensity: Annotated[float, Field(gt=0, le=1)]
    text: str


@dataclass(frozen=True, config=STRICT)
class MeasureSettings:
    """How to measure a style's strength in a text: hits of its word lists per 100 words."""

    lexicon: Literal["warmth"] | None
    """`warmth` takes the built-in lexical profile; null takes the lists below."""
    more: tuple[str, ...]
    """Regular expressions of what the style adds."""
    less: tuple[str, ...]
    """Regular expressions of what the style takes away; they count against it."""
    shorter: bool
    """True if a shorter text has more of the style: words saved, in percent, count as well."""
    sociot: Literal["up", "down"] | None
    """The direction in which the style should move SocioT Warmth; null if SocioT says nothing about the style."""

    @field_validator("more", "less")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"a list of regular expressions, but {pattern!r:.60} is none ({error})") from None
        return patterns


@dataclass(frozen=True, config=STRICT)
class StyleSettings:
    """The style of the rewrites, and how strong it is to be."""

    name: Name
    intensity: Share
    """0 is the original text, 1 the strongest."""
    description: str
    instructions: tuple[AnchorSettings, ...]
    """Instructions for a model that rewrites, by rising intensity; empty if the style leaves replies as they are."""
    system_prompt: str | None
    """Asks a model for the style in place of tuning."""
    measure: MeasureSettings
    length: tuple[float, float]
    """Fewest and most words of a rewrite, as multiples of the original's."""
    phrasebook: PhrasebookSettings | None

    @field_validator("instructions")
    @classmethod
    def _rising(cls, anchors: tuple[AnchorSettings, ...]) -> tuple[AnchorSettings, ...]:
        steps = [anchor.intensity for anchor in anchors]
        if anchors and (sorted(set(steps)) != steps or steps[-1] != 1):
            raise ValueError("a list with rising intensities, of which the last is 1")
        return anchors

    @field_validator("length")
    @classmethod
    def _bounds(cls, length: tuple[float, float]) -> tuple[float, float]:
        if not 0 < length[0] <= length[1]:
            raise ValueError("two numbers above 0, the smaller first")
        return length

    @property
    def changes(self) -> bool:
        """Whether rewriting changes anything: the style has instructions or a phrasebook, and an intensity above 0."""
        return self.intensity > 0 and bool(self.instructions or self.phrasebook)


@dataclass(frozen=True, config=STRICT)
class RewriterSettings:
    """What rewrites the replies, how the rewrites are checked, and what they may cost."""

    kind: Literal["phrasebook", "model"]
    model: str | None
    """Inspect's name of a model, such as openai/gpt-4o-2024-08-06 or openai-api/SERVICE/MODEL."""
    base_url: str | None
    """Address of the model's server, if it is not the provider's own."""
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_connections: Positive
    """Most requests in flight."""
    attempt_timeout: Positive
    """Seconds until a request without an answer is sent again."""
    batch: bool
    """Use the provider's batch API: half the price, answers within hours."""
    attempts: Annotated[int, Field(ge=1, le=10)]
    """Most rewrites of one reply until one passes the guard. Each new request tells the model what was wrong."""
    on_failure: Literal["original", "drop", "fail"]
    """What happens if no rewrite of a reply passed: the original reply stays, the conversation is left out, or the run
    stops."""
    max_failure_rate: Share
    """Share of the first replies that may fail. With more, something is wrong with the model, and the run stops."""
    judge: str | None
    """Inspect's name of a model that also checks each rewrite's meaning and compares the style of pairs; null: none."""
    budget_usd: Annotated[float, Field(gt=0)] | None
    """Most that requests may cost, in dollars. The run stops before a request that could exceed it."""
    prices: str | None
    """YAML file with prices of your own, which go before the shipped ones."""
    intensity_check_size: Annotated[int, Field(ge=0)]
    """How many replies are also rewritten at the other intensities. The table of intensities then shows which one the
    rewrites really have; 0 makes no table."""
    sociot_pairs: Annotated[int, Field(ge=0)]
    """How many pairs are drawn for SocioT and for the judge to measure; 0: none."""
    review_size: Positive
    """How many pairs stand on the page that a person reviews."""
    shared_intensities: tuple[Share, ...]
    """Further intensities at which every reply is rewritten. Training leaves out conversations that failed at any of
    them, so that runs at different intensities have the same conversations and one control."""

    @property
    def key_settings(self) -> dict[str, Any]:
        """The settings that decide the rewrites. The others decide only time, cost and display."""
        names = (
            "kind",
            "model",
            "base_url",
            "temperature",
            "attempts",
            "on_failure",
            "judge",
            "intensity_check_size",
            "sociot_pairs",
        )
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, config=STRICT)
class PublishSettings:
    """Where the adapter is published, and what gap it may have."""

    to: str
    """Default target of `warmtune publish RUN`: `folder` (beside the run), another folder, or hub:org/name. A run only
    makes the folder ready; it publishes nothing."""
    name: Name
    """Name of the folder to publish."""
    license: str | None = None
    """The base's licence if neither the shipped table nor the base's card names it: its id on the Hub, or
    `other NAME https://…`."""
    max_gap: Annotated[float, Field(ge=0)] | None = None
    """Largest upper bound that a gap may have, in percentage points: over all prompts, in the worst condition and
    in the worst benchmark; null: no limit."""


@dataclass(frozen=True, config=STRICT)
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
    launch: LaunchSettings
    eval: EvalSettings
    judge: JudgeSettings
    publish: PublishSettings
    sweep: SweepSettings

    @property
    def identity(self) -> dict[str, Any]:
        """All settings but `store` and `sweep`, which change no result of a run."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("store", "sweep")}
