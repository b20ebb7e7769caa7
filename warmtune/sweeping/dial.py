"""`warmtune dial`: evaluate one trained adapter at several strengths, and find the strength for a wished-for warmth."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean

from warmtune.analysis.bootstrap import mean_interval
from warmtune.config.evaluation_settings import VariantSettings
from warmtune.errors import ConfigError, ModelError
from warmtune.io.schemas import HELD_OUT, REPLIES, STYLE_PROBE, Prompt, Reply, read
from warmtune.measures.style_probe import load_probe
from warmtune.pipeline.context import TORCH, RunContext
from warmtune.pipeline.extend_run import ensure_evaluated, extend_run
from warmtune.presentation.terminal import console
from warmtune.runs.keys import versions
from warmtune.runs.run import Run
from warmtune.runs.store import StageOutput
from warmtune.sweeping.variant_summary import legend, summary_of, summary_table
from warmtune.system.console import print_status

VERSION = 1
"""Raise it when an adapter at a strength replies differently for the same inputs."""
SCALES = (0.25, 0.5, 0.75, 1.25, 1.5)
"""Default strengths, besides 0 (the base) and 1 (the adapter as trained)."""
STRONGEST = 1.5
PURE = "pure"
_STEPS, _NEAR = 7, 0.03
_DRAWS = 2000


@dataclass(frozen=True)
class Match:
    """A strength and its warmth with a 95 % interval; 0 is the base's warmth, 1 the adapter's at strength 1."""

    scale: float
    share: float
    low: float
    high: float


def variants_at(scales: Sequence[float]) -> list[VariantSettings]:
    """Return the tuned adapter at several strengths as variants, without strength 1, which every run has.

    Raises:
        ConfigError: a strength is not above 0 and at most 1.5.
    """
    wrong = [scale for scale in scales if not 0 < scale <= STRONGEST]
    if wrong:
        raise ConfigError(
            [f"The scale {scale:g} is not above 0 and at most {STRONGEST:g}; 0 is the base itself." for scale in wrong]
        )
    return [VariantSettings(name=f"dial-{scale:g}", adapter="styled", scale=scale) for scale in scales if scale != 1]


def pure() -> VariantSettings:
    """Return the effect of the style alone as a variant: the tuned adapter minus its control."""
    return VariantSettings(name=PURE, mix={"styled": 1.0, "control": -1.0})


def kept_epochs(run: Run) -> list[VariantSettings]:
    """Return the run's saved checkpoints as variants.

    Raises:
        ModelError: the run has only its last adapter.
    """
    if run.settings.train.service is not None:
        job = json.loads((run.stages["train-styled"].folder / "job.json").read_text(encoding="utf-8"))
        names = {f"styled@{step}": f"step-{step}" for step in job["checkpoints"]}
        hint = "the service keeps the last checkpoints of a job only"
    else:
        adapters = RunContext(run.settings, dict(run.stages)).kept_adapters
        names = {name: name.replace("styled@", "epoch-") for name in adapters if name.startswith("styled@")}
        hint = "train with train.save_epochs=[0.5,1,…] to have checkpoints"
    if not names:
        raise ModelError(f"The run {run.folder} kept no adapter but the last; {hint}.")
    return [VariantSettings(name=name, adapter=adapter) for adapter, name in names.items()]


def dial(run: Run, variants: Sequence[VariantSettings]) -> Run:
    """Evaluate further variants of a run, print every variant's warmth and gap, and return the extended run."""
    extended = ensure_evaluated(run, variants)
    out = console()
    shown = [(variant.name, summary_of(extended, variant.name)) for variant in extended.settings.eval.variants]
    shown.append((extended.settings.style.name, summary_of(extended)))
    out.print(summary_table(shown, "variant", extended.settings.sweep))
    out.print(legend(extended.settings.sweep, [summary for _, summary in shown]))
    out.print(f"Run:     {extended.folder}")
    out.print(f"Compare: warmtune compare {extended.folder}")
    return extended


def search(run: Run, target: float) -> Match:
    """Find the strength with the warmth nearest to a target.

    Warmth is the style probe's lift over the base on the held-out replies, as a share of the lift at strength 1. The
    search keeps two strengths, one with a share below the target and one above it. It takes secant steps between them
    and answers the held-out prompts at each step. It returns the best of all tried strengths.

    Args:
        run: a finished run.
        target: share of the warmth; 0 is as warm as the base, 1 as warm as the adapter.

    Raises:
        ConfigError: the target is not above 0 and at most 1.5.
        ModelError: the adapter is not warmer than the base, so warmth has no scale.
    """
    if not 0 < target <= STRONGEST:
        raise ConfigError(
            [f"--warmth {target:g} is not above 0 and at most {STRONGEST:g}, as a share of the adapter's own."]
        )
    run.require("evaluate-base", "evaluate-styled", "probe")
    dial_run = _Dial(run)
    tried = [dial_run.of_variant(0.0, "base"), dial_run.of_variant(1.0, "styled")]
    if target > 1:
        tried.append(dial_run.at(STRONGEST))
    for _ in range(_STEPS):
        best = min(tried, key=lambda match: abs(match.share - target))
        if abs(best.share - target) <= _NEAR and best.scale > 0:
            break
        scale = _next(tried, target)
        if scale is None:
            break
        tried.append(dial_run.at(scale))
    return min((match for match in tried if match.scale > 0), key=lambda match: abs(match.share - target))


def _next(tried: Sequence[Match], target: float) -> float | None:
    """Return the next strength to try, between two neighbours on both sides of the target; None when none is left."""
    ordered = sorted(tried, key=lambda match: match.scale)
    for below, above in pairwise(ordered):
        if (below.share - target) * (above.share - target) <= 0 and above.scale - below.scale > 0.02:
            part = (target - below.share) / (above.share - below.share) if above.share != below.share else 0.5
            return round(below.scale + (above.scale - below.scale) * min(0.85, max(0.15, part)), 3)
    return None


class _Dial:
    """Measures the warmth of a run's adapter at any strength."""

    def __init__(self, run: Run) -> None:
        self.context = extend_run(run, [])
        self.run = run
        self.prompts = read(run.stages["prepare"].folder / HELD_OUT, Prompt)
        self.probe = load_probe(run.stages["probe"].folder / STYLE_PROBE)
        self.base = self._scores(run.stages["evaluate-base"].folder)
        self.full = self._scores(run.stages["evaluate-styled"].folder)
        self.lift = mean(self.full) - mean(self.base)
        if self.lift <= 0:
            raise ModelError(
                f"The tuned model of {run.folder} is not more of its style than the base (style probe"
                f" {self.lift:+.3f}), so no strength of it has a wished-for warmth."
            )

    def of_variant(self, scale: float, variant: str) -> Match:
        """Return the match of the run's variant `base` or `styled`."""
        return self._match(scale, self.base if variant == "base" else self.full)

    def at(self, scale: float) -> Match:
        """Answer the held-out prompts at a strength, and return its match."""
        from warmtune.models.adapters import weights_of

        settings, adapter = self.run.settings, self.context.adapter("styled")
        assert adapter is not None
        inputs = {
            "weights": weights_of(adapter),
            "scale": scale,
            "held_out": self.run.stages["prepare"].files[HELD_OUT],
            "base": self.context.base.fingerprint,
            "reply_tokens": settings.eval.reply_tokens,
            "sampled": (settings.eval.temperature, settings.seed) if settings.eval.temperature > 0 else None,
            "batch_size": settings.eval.batch_size,
            "version": VERSION,
            "libraries": versions(*TORCH),
        }

        def work(folder: Path) -> StageOutput:
            from warmtune.evaluation import reply_at

            return reply_at(self.context.engine, adapter, scale, self.prompts, settings.eval, settings.seed, folder)

        stage = self.context.stage("dial", inputs, work, f"dial: scale {scale:g}")
        match = self._match(scale, self._scores(stage.folder))
        print_status(
            f"  scale {scale:g}: {match.share:.2f} of the adapter's warmth [{match.low:.2f}, {match.high:.2f}]"
        )
        return match

    def _scores(self, folder: Path) -> list[float]:
        replies = {row.id: row.reply for row in read(folder / REPLIES, Reply)}
        return self.probe.scores([replies[prompt.id] for prompt in self.prompts])

    def _match(self, scale: float, scores: Sequence[float]) -> Match:
        shares = [(score - base) / self.lift for score, base in zip(scores, self.base, strict=True)]
        return Match(scale, *mean_interval(shares, range(len(shares)), _DRAWS, self.run.settings.seed))


@dataclass(frozen=True)
class DialRequest:
    """The options of `warmtune dial`."""

    scales: tuple[float, ...]
    checkpoints: bool
    pure: bool
    warmth: float | None
    export: Path | None


def run_dial(run: Run, request: DialRequest) -> Run:
    """Carry out a request: find the strength for a warmth, export one variant, evaluate and print all variants.

    Raises:
        ConfigError: the request does not name exactly one variant to export.
        UserError: see `search`, `variants_at`, `kept_epochs`.
    """
    _check(run, request)
    variants = [*(kept_epochs(run) if request.checkpoints else []), *([pure()] if request.pure else [])]
    scales = list(request.scales)
    if request.warmth is not None:
        match = search(run, request.warmth)
        print_status(
            f"Scale {match.scale:g} gives {match.share:.2f} of the adapter's warmth"
            f" [{match.low:.2f}, {match.high:.2f}]; wished for: {request.warmth:g}."
        )
        scales.append(match.scale)
    elif not variants and not scales:
        scales = list(SCALES)
    variants += variants_at(scales)
    if request.export is not None:
        _export(run, scales, request.export)
    return dial(run, variants)


def _check(run: Run, request: DialRequest) -> None:
    """Raise for a request that cannot be met, before the search, which may take an hour."""
    from warmtune.models.adapter_arithmetic import check_free

    if run.settings.train.service is not None and not request.checkpoints:
        raise ModelError(
            f"The run {run.folder} was tuned by a service, which keeps its models to itself: there is no adapter here"
            " whose strength could be set. Of its checkpoints --checkpoints asks."
        )
    if request.export is None:
        return
    if len(request.scales) + (request.warmth is not None) + request.pure != 1:
        raise ConfigError(["--export writes one adapter: name it by one --scales value, by --warmth, or by --pure."])
    check_free(request.export)


def _export(run: Run, scales: Sequence[float], target: Path) -> None:
    """Write the adapter at the first strength as an ordinary adapter; without a strength, write the pure difference."""
    from warmtune.models.adapter_arithmetic import Part, export_scaled, mix

    context = extend_run(run, [])
    folders = {name: folder for name in ("styled", "control") if (folder := context.adapter(name))}
    if scales:
        export_scaled(folders["styled"], scales[0], target)
    else:
        parts = [Part(name, folders[name], weight) for name, weight in (pure().mix or {}).items()]
        mix(context.engine, parts, target)
    print_status(f"Adapter: {target}")
