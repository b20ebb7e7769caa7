"""The model card: metadata as the Hub reads it, then whether the style took, what it cost, how to load it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from warmtune.config.settings import Settings
from warmtune.io.schemas import Check, Gap
from warmtune.presentation import formatting
from warmtune.presentation.templates import environment
from warmtune.publishing.evidence import controls_of
from warmtune.publishing.identity import Identity
from warmtune.publishing.licences import DataSource, Licence

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM's --max-lora-rank takes."""
_GROUPS = ("emotion", "relation", "stake")
HERE = "path/to/this/folder"


@dataclass(frozen=True)
class Row:
    """One row of the table of costs: the tuned model against base and against control."""

    name: str
    base: Gap
    control: Gap


@dataclass(frozen=True)
class Worst:
    """A largest gap, and among how many it was found."""

    among: str
    count: int
    where: str
    row: Row


@dataclass(frozen=True)
class Accepted:
    """Why an adapter is published although a gap is over the publisher's limit."""

    reason: str
    over: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """All that the card says."""

    settings: Settings
    identity: Identity
    verdict: Sequence[str]
    holds: bool
    checks: Sequence[Check]
    gaps: Sequence[Gap]
    """All of them, of every variant."""
    licence: Licence | None
    data: Sequence[DataSource]
    tokenizer: bool
    """Whether the tokenizer differs from the base's and comes along."""
    place: str
    """Where a reader has it from: hub:org/name without the `hub:`, or a folder."""
    prompts: int
    """How many prompts are stored with their answers."""
    own_benchmarks: bool
    accepted: Accepted | None = None

    @property
    def name(self) -> str:
        """The model's name, for a heading."""
        return f"{self.identity.base.split('/')[-1]}, tuned {self.settings.style.name}"

    @property
    def revision(self) -> str | None:
        """The base's revision on the Hub: the commit that was tuned, where it is known."""
        return self.identity.commit or self.settings.model.revision

    @property
    def copy(self) -> str:
        """Which copy of the base it was tuned and measured on, where that is not the Hub's own; else empty."""
        model = self.settings.model
        if self.identity.kind == "folder":
            return "a copy of the base in a folder"
        if self.identity.kind == "package":
            return f"the copy of the base in the Python package {model.package} ({model.gguf})"
        return ""


def card(facts: Facts) -> str:
    """Return the whole README.md."""
    controls = controls_of(facts.settings)
    rows = {benchmark: _rows(facts.gaps, benchmark) for benchmark in dict.fromkeys(g.benchmark for g in facts.gaps)}
    page: dict[str, Any] = {
        "metadata": metadata(facts),
        "facts": facts,
        "settings": facts.settings,
        "style": facts.settings.style.name,
        "f": formatting,
        "counted": counted,
        "checks": [c for c in facts.checks if c.variant == "styled" and ":" not in c.instrument],
        "conditions": _main(rows["all"]),
        "benchmarks": [row for name in rows if name != "all" for row in _whole(rows[name], name)],
        "controls": controls & rows.keys(),
        "worst": _worst(rows, controls),
        "tuning": next((g for g in facts.gaps if g.variant == "control" and _is_whole(g)), None),
        "rank": next((rank for rank in _RANKS if rank >= facts.settings.train.rank), None),
    }
    return environment("warmtune.publishing", html=False).get_template("card.md.j2").render(**page)


def counted(gap: Gap) -> str:
    """Write how many pairs a gap is over, and how many were left out."""
    left_out = gap.refused + gap.undecided
    return f"{gap.pairs} ({left_out} left out)" if left_out else str(gap.pairs)


def _is_whole(gap: Gap) -> bool:
    return gap.benchmark == gap.context == gap.belief == "all"


def _rows(gaps: Sequence[Gap], benchmark: str) -> list[Row]:
    """Return the tuned model's rows within one benchmark, whole first."""
    found: dict[tuple[str, str], dict[str, Gap]] = {}
    for gap in gaps:
        if gap.variant == "styled" and gap.benchmark == benchmark:
            found.setdefault((gap.context, gap.belief), {})[gap.reference] = gap
    return [Row(pair["base"].condition, pair["base"], pair["control"]) for pair in found.values()]


def _whole(rows: Sequence[Row], name: str) -> list[Row]:
    return [Row(name, row.base, row.control) for row in rows if row.base.context == row.base.belief == "all"]


def _main(rows: Sequence[Row]) -> list[Row]:
    """Leave out of each context the sum of its prompts with and without belief, which are there themselves."""
    several = len({row.base.belief for row in rows}) > 1
    return [row for row in rows if row.base.context == "all" or row.base.belief != "all" or not several]


def _worst(rows: dict[str, list[Row]], controls: Collection[str]) -> list[Worst]:
    """Return the largest gaps to control: of a condition, of a benchmark, of a condition within a benchmark."""
    parts = {name: _parts(found) for name, found in rows.items() if name not in controls}
    benchmarks = [row for name in parts if name != "all" for row in _whole(rows[name], name)]
    cells = [
        Row(f"{name}, {row.name}", row.base, row.control) for name in parts if name != "all" for row in parts[name]
    ]
    found = []
    for among, candidates in (
        ("conditions", parts["all"]),
        ("benchmarks", benchmarks),
        ("conditions within a benchmark", cells),
    ):
        counted = [row for row in candidates if row.control.gap == row.control.gap]
        if len(counted) > 1:
            worst = max(counted, key=lambda row: row.control.gap)
            found.append(Worst(among, len(counted), worst.name, worst))
    return found


def _parts(rows: Sequence[Row]) -> list[Row]:
    """Return the smallest conditions: no sums of others, no groups of contexts."""
    return [row for row in _main(rows) if row.base.context not in ("all", *_GROUPS)]


def metadata(facts: Facts) -> str:
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


def _results(facts: Facts) -> list[Any]:
    """Return the figures as `model-index` holds them: of each benchmark over all its prompts, and of all."""
    from huggingface_hub import EvalResult

    known = {one.name: one for one in facts.settings.eval.benchmarks}
    controls = controls_of(facts.settings)
    asked = {False: "every context and belief of the recipe", True: "a control, without contexts and beliefs"}
    found = []
    for name in dict.fromkeys(gap.benchmark for gap in facts.gaps):
        for row in _whole(_rows(facts.gaps, name), name):
            settings = known.get(name)
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


def _figures(row: Row) -> list[dict[str, Any]]:
    """Return one benchmark's metrics; what is no number is left out."""
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
