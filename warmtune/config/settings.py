"""The typed settings behind `conf/`: what a recipe may say, and the checks that need nothing but the settings.

Hydra composes, `warmtune.config.compose` converts the result once into these frozen dataclasses, and nothing below
sees a Hydra or OmegaConf object. Every default lives in `conf/`, none here, so that what a recipe says is what
runs; fields that have a default here are those whose absence has a meaning of its own.
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
    toy: dict[str, str | int | float | bool] | None
    """Build a model of random weights instead: `model_type` and fields of its configuration. For trying things out."""
    template: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], str | bool]
    """Values set in the chat template once and for all, in training, answering and the published tokenizer: whether a
    model thinks aloud (`enable_thinking: false`)."""


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
    """Share of this source in what is drawn, among the sources of a mix."""
    revision: str | None = None
    """Commit, branch or tag of a Hub dataset; null for its newest. A run notes the commit that it read."""


@dataclass(frozen=True, config=STRICT)
class DataSettings:
    """Which conversations are rewritten and trained on, and which prompts are held out."""

    path: str
    """As in `SourceSettings`; ignored where `mix` names several sources."""
    split: str
    config: str | None
    files: str | None
    streaming: bool
    revision: str | None
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
        return self.mix or (
            SourceSettings(self.path, self.split, self.config, self.files, self.streaming, revision=self.revision),
        )


@dataclass(frozen=True, config=STRICT)
class PhrasebookSettings:
    """The words of a style for the rule-based rewriter: four strengths each, mild to strong; any list may be empty."""

    openers: Strengths | None
    bridges: Strengths | None
    """Sentences that stand between two paragraphs of the reply."""
    closers: Strengths | None
    swaps: tuple[tuple[str, str], ...]
    """Words of the original and the style's words of the same meaning."""
    drops: tuple[str, ...] = ()
    """Phrases without content that the style leaves out."""


@dataclass(frozen=True, config=STRICT)
class AnchorSettings:
    """What a model is told at one intensity; between two anchors it is told both, and where between them to stay."""

    intensity: Annotated[float, Field(gt=0, le=1)]
    text: str


@dataclass(frozen=True, config=STRICT)
class MeasureSettings:
    """How strong a style is in a text: hits of its word lists per 100 words."""

    lexicon: Literal["warmth"] | None
    """The built-in lexical profile of warmth, or null for the lists below."""
    more: tuple[str, ...]
    """Regular expressions of what the style adds."""
    less: tuple[str, ...]
    """Regular expressions of what the style takes away; they count against it."""
    shorter: bool
    """True where a shorter text is more of the style: words saved, in percent, count as well."""
    sociot: Literal["up", "down"] | None
    """Which way SocioT Warmth is to move; null where it says nothing about this style."""

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
    """What the replies are rewritten towards, and how far."""

    name: Name
    intensity: Share
    """0 is the original text, 1 the strongest."""
    description: str
    instructions: tuple[AnchorSettings, ...]
    """For a model that rewrites, by rising intensity; empty where the style leaves replies as they are."""
    system_prompt: str | None
    """Asks a model for the style without tuning it."""
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
        """Whether there is anything to rewrite: a style and an intensity above 0."""
        return self.intensity > 0 and bool(self.instructions or self.phrasebook)


@dataclass(frozen=True, config=STRICT)
class RewriterSettings:
    """Who rewrites, how its rewrites are checked, and what it may cost."""

    kind: Literal["phrasebook", "model"]
    model: str | None
    """Inspect's name of a model, such as openai/gpt-4o-2024-08-06 or openai-api/SERVICE/MODEL."""
    base_url: str | None
    """Address of the model's server, where it is not the provider's own."""
    temperature: Annotated[float, Field(ge=0, le=2)]
    max_connections: Positive
    """Most requests in flight."""
    attempt_timeout: Positive
    """Seconds until a request that got no answer is sent again."""
    batch: bool
    """Use the provider's batch API: half the price, answers within hours."""
    attempts: Annotated[int, Field(ge=1, le=10)]
    """Times a reply is rewritten until it passes the guard; each time the model is told what was wrong."""
    on_failure: Literal["original", "drop", "fail"]
    """What becomes of a conversation with a reply that never passed: that reply stays as it was, the conversation is
    left out, or the run stops."""
    max_failure_rate: Share
    """Share of the first replies that may fail before the run stops, for then something is wrong with the model."""
    judge: str | None
    """Inspect's name of a model that also checks each rewrite's meaning and compares style in pairs; null: none."""
    budget_usd: Annotated[float, Field(gt=0)] | None
    """Most that requests may cost; the run stops in good order before it would cost more."""
    prices: str | None
    """YAML file with prices of your own, over the shipped table."""
    intensity_check_size: Annotated[int, Field(ge=0)]
    """Replies that are also rewritten at the other intensities, so that the table of intensities shows which one the
    rewrites really have; 0 makes no table."""
    sociot_pairs: Annotated[int, Field(ge=0)]
    """Pairs drawn to measure SocioT (and by the judge) on; 0 measures none."""
    review_size: Positive
    """Pairs on the page for a person to read."""
    shared_intensities: tuple[Share, ...]
    """Intensities: conversations that were not rewritten at each of them too are left out of training, so that runs at
    different intensities have the same conversations and one control."""

    @property
    def key_settings(self) -> dict[str, Any]:
        """The settings that decide what the rewrites are; the others decide only how fast, how dear and how shown."""
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
    """Where the adapter goes, and how dear it may be."""

    to: str
    """Where `warmtune publish RUN` puts it unless told otherwise: `folder` (beside the run), another folder, or
    hub:org/name. A run itself only makes the folder ready."""
    name: Name
    """Name of the folder that is made ready."""
    license: str | None = None
    """The base's licence where neither the shipped table nor the base's own card names it: its id on the Hub, or `other
    NAME https://…`."""
    max_gap: Annotated[float, Field(ge=0)] | None = None
    """Most that a gap's upper bound may be, in percentage points, over all prompts, in the worst condition and in the
    worst benchmark; null: no limit."""


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
        """The settings without the place of the results and without how runs are ranked: they determine none."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("store", "sweep")}
