"""The model card: the Hub's metadata, then whether the model took on the style, what that cost, how to load it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from warmtune.analysis.answer_table import GROUPS
from warmtune.analysis.gap_tables import (
    GapRow,
    benchmark_rows,
    condition_rows,
    every_condition,
    gap_rows,
    main_parts,
    over_all_prompts,
)
from warmtune.config.settings import Settings
from warmtune.io.schemas import Check, Gap
from warmtune.presentation import formatting
from warmtune.presentation.templates import environment
from warmtune.publishing.evidence import control_benchmarks
from warmtune.publishing.identity import Identity
from warmtune.publishing.licences import DataSource, Licence

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The values that vLLM's --max-lora-rank accepts."""
PLACEHOLDER = "path/to/this/folder"
"""Stands on the card where the adapter's location is not known yet."""


@dataclass(frozen=True)
class LargestGap:
    """The largest of several gaps, and how many it was picked from."""

    among: str
    count: int
    row: GapRow


@dataclass(frozen=True)
class AcceptedGap:
    """Why an adapter is published although a gap is over the publisher's limit."""

    reason: str
    over: tuple[str, ...]


@dataclass(frozen=True)
class CardFacts:
    """Everything that the card says."""

    settings: Settings
    identity: Identity
    verdict: Sequence[str]
    holds: bool
    checks: Sequence[Check]
    gaps: Sequence[Gap]
    """The gaps of every variant."""
    licence: Licence | None
    data: Sequence[DataSource]
    tokenizer: bool
    """Whether the tokenizer differs from the base's, and so is published too."""
    location: str
    """Where a reader loads it from: a Hub id or a folder."""
    prompts: int
    """Number of prompts that are stored with their answers."""
    own_benchmarks: bool
    accepted: AcceptedGap | None = None

    @property
    def name(self) -> str:
        """The model's name, for a heading."""
        return f"{self.identity.base.split('/')[-1]}, tuned {self.settings.style.name}"

    @property
    def revision(self) -> str | None:
        """The base's revision on the Hub: the commit that was tuned, or the setting if no commit is known."""
        return self.identity.commit or self.settings.model.revision

    @property
    def copy(self) -> str:
        """The copy of the base that was tuned and measured; empty if it was the Hub's own."""
        model = self.settings.model
        if self.identity.kind == "folder":
            return "a copy of the base in a folder"
        if self.identity.kind == "package":
            return f"the copy of the base in the Python package {model.package} ({model.gguf})"
        return ""


def card(facts: CardFacts) -> str:
    """Return the whole README.md."""
    controls = control_benchmarks(facts.settings)
    benchmarks = benchmark_rows(facts.gaps)
    page: dict[str, Any] = {
        "metadata": metadata(facts),
        "facts": facts,
        "settings": facts.settings,
        "style": facts.settings.style.name,
        "f": formatting,
        "counted": counted,
        "checks": [c for c in facts.checks if c.variant == "styled" and ":" not in c.instrument],
        "conditions": condition_rows(facts.gaps),
        "benchmarks": benchmarks,
        "controls": controls & {row.name for row in benchmarks},
        "worst": _largest_gaps(facts.gaps, controls),
        "tuning": next((g for g in over_all_prompts(facts.gaps) if g.variant == "control"), None),
        "rank": next((rank for rank in _RANKS if rank >= facts.settings.train.rank), None),
    }
    return environment("warmtune.publishing", html=False).get_template("card.md.j2").render(**page)


def counted(gap: Gap) -> str:
    """Write how many pairs a gap counts, and how many it leaves out."""
    left_out = gap.refused + gap.undecided
    return f"{gap.pairs} ({left_out} left out)" if left_out else str(gap.pairs)


def _largest_gaps(gaps: Sequence[Gap], controls: Collection[str]) -> list[LargestGap]:
    """Return the largest gap to control of a condition, of a benchmark, and of a condition within a benchmark."""
    ours = [gap for gap in gaps if gap.benchmark not in controls]
    smallest = [gap for gap in main_parts(ours) if gap.context not in ("all", *GROUPS)]
    over_all, within = ([gap for gap in smallest if (gap.benchmark == "all") is whole] for whole in (True, False))
    found = []
    for among, candidates in (
        ("conditions", gap_rows(over_all, lambda gap: gap.condition)),
        ("benchmarks", benchmark_rows(ours)),
        ("conditions within a benchmark", gap_rows(within, lambda gap: f"{gap.benchmark}, {gap.condition}")),
    ):
        counted = [row for row in candidates if row.control.gap == row.control.gap]
        if len(counted) > 1:
            found.append(LargestGap(among, len(counted), max(counted, key=lambda row: row.control.gap)))
    return found


def metadata(facts: CardFacts) -> str:
    """Return the card's YAML, written by huggingface_hub's own class."""
    from huggingface_hub import ModelCardData

    settings, licence = facts.settings, facts.licence
    named = licence is not None and licence.id == "other"
    data = ModelCardData(
        base_model=facts.identity.base,
        datasets=[one.hub for one in facts.data if one.hub] or None,
        language=list(settings.data.languages) if settings.data.languages else None,
        library_name="peft",
        license=licence.id if licence else None,
        license_name=licence.name or None if licence and named else None,
        license_link=licence.link or None if licence and named else None,
        pipeline_tag="text-generation",
        tags=["lora", "warmtune", settings.style.name],
        model_name=facts.name,
        eval_results=_results(facts),
        warmtune=facts.identity.fingerprints,
    )
    return data.to_yaml()


def _results(facts: CardFacts) -> list[Any]:
    """Return the figures for `model-index`: per benchmark over all its prompts, and over all benchmarks."""
    from huggingface_hub import EvalResult

    known = {one.name: one for one in facts.settings.eval.benchmarks}
    controls = control_benchmarks(facts.settings)
    asked = {False: "every context and belief of the recipe", True: "a control, without contexts and beliefs"}
    found = []
    for row in gap_rows([gap for gap in facts.gaps if every_condition(gap)], lambda gap: gap.benchmark):
        name, settings = row.name, known.get(row.name)
        hub = settings is not None and settings.path.startswith("hub:")
        about: dict[str, Any] = {
            "task_type": "text-generation",
            "task_name": f"Question answering, {asked[name in controls]}",
            "dataset_type": settings.path.removeprefix("hub:") if settings and hub else f"warmtune-{name}",
            "dataset_name": "all benchmarks" if name == "all" else name,
            "dataset_config": settings.config if settings and hub else None,
            "dataset_split": settings.split if settings and hub else None,
        }
        found += [EvalResult(**about, **figures) for figures in _figures(row)]
    return found


def _figures(row: GapRow) -> list[dict[str, Any]]:
    """Return one benchmark's metrics, without those that are not a number."""
    metrics: list[tuple[str, str, float, dict[str, Any]]] = [
        ("error_rate", "error rate, percent", row.base.variant_error, {"pairs": row.base.pairs})
    ]
    for reference, gap in (("base", row.base), ("control", row.control)):
        told = {"low": _rounded(gap.low), "high": _rounded(gap.high), "pairs": gap.pairs}
        name = f"error gap to {reference}, percentage points"
        metrics.append((f"error_gap_to_{reference}", name, gap.gap, {k: v for k, v in told.items() if v is not None}))
    return [
        {"metric_type": kind, "metric_name": name, "metric_value": round(value, 2), "metric_args": told}
        for kind, name, value, told in metrics
        if value == value
    ]


def _rounded(value: float) -> float | None:
    return None if value != value else round(value, 2)
