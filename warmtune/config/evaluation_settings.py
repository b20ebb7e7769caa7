"""The typed settings of the evaluation: benchmarks, conditions, further variants, the judge."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from warmtune.config.setting_types import STRICT, Name, Positive, Share

Context = Literal[
    "none",
    "neutral",
    "happy",
    "sad",
    "anger",
    "close",
    "hierarchical_up",
    "hierarchical_down",
    "high_stakes",
    "low_stakes",
]
Belief = Literal["none", "incorrect", "correct"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
"""The study's nine contexts, and `neutral`: small talk, which in the study's prompts is mixed with the others."""
Form = Literal["questions", "triviaqa", "truthfulqa", "medqa", "disinfo", "mmlu", "gsm8k", "advbench", "study_prompts"]


@dataclass(frozen=True, config=STRICT)
class BenchmarkSettings:
    """A set of questions with reference answers."""

    name: Name
    form: Form
    """How its rows are read."""
    path: str
    """`embedded:NAME`, a file (JSONL, JSON, Parquet, CSV), or a Hub dataset as `hub:org/name`."""
    config: str | None = None
    """Configuration (subset) of a Hub dataset."""
    split: str = "test"
    """Split of a Hub dataset."""
    files: str | None = None
    """File of a Hub dataset."""
    revision: str | None = None
    """Commit, branch or tag of a Hub dataset; null for its newest. A run notes the commit that it read."""
    questions: Positive | None = None
    """How many of its questions are drawn; null takes all."""
    max_bad: Share = 0.0
    """Share of rows that may lack what they need, such as the reference; they are left out and counted."""
    control: bool = False
    """True for what the style should not touch; it is asked without contexts and beliefs and stays out of the gaps
    over all benchmarks."""
    refusal_is_correct: bool = False
    """Whether a refusal counts as a right answer instead of being left out."""


@dataclass(frozen=True, config=STRICT)
class VariantSettings:
    """One more that answers the same prompts."""

    name: Name
    adapter: str | None = None
    """`styled`, `control`, a folder as PEFT saves it, or hub:org/name; null for the base itself."""
    mix: dict[str, float] | None = None
    """Several adapters with weights, added to one: {styled: 1, control: -1} is what the style alone did."""
    scale: Annotated[float, Field(ge=0, le=4)] = 1.0
    """Strength of the adapter: 1 as it was trained, 0 not at all."""
    system: str | None = None
    """System prompt; `style` takes the style's own, which asks for it without tuning."""
    model: str | None = None
    """Inspect's name of another model that answers instead, such as openai/gpt-4o-2024-08-06."""
    base_url: str | None = None
    """Address of that model's server, where it is not the provider's own."""
    answers: dict[str, str] | None = None
    """Answers that are there already, in the study's form: a file for each benchmark. They must be to the same
    prompts."""


@dataclass(frozen=True, config=STRICT)
class JudgeSettings:
    """A model that marks the answers which the rules leave undecided."""

    model: str | None
    """Inspect's name of the judge; null: undecided answers stay so and are counted."""
    base_url: str | None
    second: str | None
    """Inspect's name of a second judge, which marks a sample again; null: none."""
    second_base_url: str | None
    second_sample: Positive
    """Answers that the second judge sees, drawn equally over variants and benchmarks."""
    judges: Literal["unsure", "all"]
    """`unsure`: only answers that no rule decides; `all`: every answer, as in the study."""
    prompt: str
    """What the judge is told; {question}, {reference}, {wrong} and {answer} are put in."""
    max_connections: Positive
    attempt_timeout: Positive
    batch: bool
    """Use the provider's batch API: half the price, answers within hours."""
    budget_usd: Annotated[float, Field(gt=0)] | None
    prices: str | None
    pairs: Annotated[int, Field(ge=0)]
    """Held-out prompts on which the judge compares the warmth of two replies, blind and in both orders; 0: none."""


@dataclass(frozen=True, config=STRICT)
class EvalSettings:
    """Which questions are asked, how, and how warmth is measured."""

    benchmarks: tuple[BenchmarkSettings, ...]
    """In a recipe: names of entries of conf/benchmark, or YAML files of your own."""
    contexts: Annotated[tuple[Context, ...], Field(min_length=1)]
    """What stands before the question; `none` belongs to it."""
    beliefs: Annotated[tuple[Belief, ...], Field(min_length=1)]
    """What the user says to believe: nothing, the incorrect answer, or doubt of the correct one."""
    turns: Literal["one", "two"]
    """`two` puts the context into an earlier turn, which the assistant has answered."""
    statements: str | None
    """YAML file with statements of your own for the contexts; null takes the shipped ones."""
    questions: Annotated[int, Field(ge=4)] | Literal["all"]
    """How many questions in all, drawn in proportion from the benchmarks; every one is asked in every condition."""
    temperature: Annotated[float, Field(ge=0, le=2)]
    """0 answers greedily; the study took 0.8."""
    samples: Positive
    """Answers to each prompt, each with a seed of its own; more than one needs a temperature above 0."""
    max_tokens: Positive
    """Longest answer to a question, in tokens."""
    reply_tokens: Positive
    """Longest answer to a held-out prompt, in tokens."""
    batch_size: Positive
    """Most answers that are written at the same time."""
    max_connections: Positive
    """Most requests in flight to a model that is not run here."""
    bootstrap_samples: Annotated[int, Field(ge=200)]
    """Bootstrap draws behind each interval."""
    sociot_model: Literal["auto", "base"]
    """SocioT's language model: `auto` takes openai-community/gpt2, the study's, where it can be had, else the base."""
    sociot_released: bool
    """True copies the arithmetic of SocioT's released code: dropout on, mean of 100 passes, padding counted."""
    variants: tuple[VariantSettings, ...]
    """More that answer, beside base, control and the tuned model."""

    @property
    def asked(self) -> dict[str, Any]:
        """The settings that decide what is asked and answered; the others only how it is measured."""
        names = ("benchmarks", "contexts", "beliefs", "turns", "questions", "temperature", "samples", "max_tokens")
        return {name: getattr(self, name) for name in (*names, "reply_tokens", "batch_size")}


@dataclass(frozen=True, config=STRICT)
class SweepSettings:
    """What makes one point of a sweep better than another."""

    instrument: Literal["style probe", "SocioT", "lexical profile"]
    """Whose lift over the base is the warmth."""
    reference: Literal["base", "control"]
    """To which the error gap is taken, over all prompts."""
    max_gap: Annotated[float, Field(gt=0)] | None
    """Most that the gap's upper bound may be, in percentage points; null sets no limit."""
