"""`warmtune dial`: one trained adapter at several strengths, and the strength that gives a wished-for warmth."""

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
"""Raised when an adapter at a strength replies differently for the same inputs."""
SCALES = (0.25, 0.5, 0.75, 1.25, 1.5)
"""Beside 0, which is the base, and 1, which is the adapter as it was trained."""
STRONGEST = 1.5
PURE = "pure"
_STEPS, _NEAR = 7, 0.03
_DRAWS = 2000


@dataclass(frozen=True)
class Match:
    """A strength and the warmth it gives, as a share of the way from the base to the adapter at 1."""

    scale: float
    share: float
    low: float
    high: float


def variants_at(scales: Sequence[float]) -> list[VariantSettings]:
    """Return the tuned adapter at some strengths as variants.

    Raises:
        ConfigError: a strength is no number from 0 to 1.5.
    """
    wrong = [scale for scale in scales if not 0 < scale <= STRONGEST]
    if wrong:
        raise ConfigError(
            [f"The scale {scale:g} is not above 0 and at most {STRONGEST:g}; 0 is the base itself." for scale in wrong]
        )
    return [VariantSettings(name=f"dial-{scale:g}", adapter="styled", scale=scale) for scale in scales if scale != 1]


def pure() -> VariantSettings:
    """Return what the style alone did: the tuned adapter less its control."""
    return VariantSettings(name=PURE, mix={"styled": 1.0, "control": -1.0})


def kept_epochs(run: Run) -> list[VariantSettings]:
    """Return the adapters that the run kept after some epochs, as variants.

    Raises:
        ModelError: it kept none.
    """
    if run.settings.train.service is not None:
        job = json.loads((run.stages["train-styled"].folder / "job.json").read_text(encoding="utf-8"))
        names = {f"styled@{step}": f"step-{step}" for step in job["checkpoints"]}
        hint = "the service keeps the last checkpoints of a job only"
    else:
        kept = RunContext(run.settings, dict(run.stages)).kept_adapters
        names = {name: name.replace("styled@", "epoch-") for name in kept if name.startswith("styled@")}
        hint = "train with train.save_epochs=[0.5,1,…] to have checkpoints"
    if not names:
        raise ModelError(f"The run {run.folder} kept no adapter but the last; {hint}.")
    return [VariantSettings(name=name, adapter=adapter) for adapter, name in names.items()]


def dial(run: Run, variants: Sequence[VariantSettings]) -> Run:
    """Evaluate further variants of a run, print all with their warmth and cost, and return the run that holds them."""
    found = ensure_evaluated(run, variants)
    out = console()
    shown = [(one.name, summary_of(found, one.name)) for one in found.settings.eval.variants]
    shown.append((found.settings.style.name, summary_of(found)))
    out.print(summary_table(shown, "variant", found.settings.sweep))
    out.print(legend(found.settings.sweep, [outcome for _, outcome in shown]))
    out.print(f"Run:     {found.folder}")
    out.print(f"Compare: warmtune compare {found.folder}")
    return found


def search(run: Run, wished: float) -> Match:
    """Find the strength whose warmth is nearest to the wished-for one.

    Warmth is the style probe's lift over the base on the held-out replies, as a share of the lift at strength 1. Each
    strength that is tried answers the held-out prompts; the interval is halved where the share is known to be below the
    wish at one end and above at the other (a secant step inside it), and the best of all that were tried is returned.

    Args:
        run: a finished run.
        wished: 0 is as warm as the base, 1 as warm as the adapter.

    Raises:
        ConfigError: the wish is out of reach of the dial.
        ModelError: the adapter is not warmer than the base, so there is no scale for warmth.
    """
    if not 0 < wished <= STRONGEST:
        raise ConfigError(
            [f"--warmth {wished:g} is not above 0 and at most {STRONGEST:g}, as a share of the adapter's own."]
        )
    run.require("evaluate-base", "evaluate-styled", "probe")
    dialled = _Dial(run)
    tried = [dialled.known(0.0, "base"), dialled.known(1.0, "styled")]
    if wished > 1:
        tried.append(dialled.at(STRONGEST))
    for _ in range(_STEPS):
        best = min(tried, key=lambda one: abs(one.share - wished))
        if abs(best.share - wished) <= _NEAR and best.scale > 0:
            break
        scale = _next(tried, wished)
        if scale is None:
            break
        tried.append(dialled.at(scale))
    return min((one for one in tried if one.scale > 0), key=lambda one: abs(one.share - wished))


def _next(tried: Sequence[Match], wished: float) -> float | None:
    """Return the strength to try next: between the nearest two whose shares lie on both sides of the wish."""
    ordered = sorted(tried, key=lambda one: one.scale)
    for below, above in pairwise(ordered):
        if (below.share - wished) * (above.share - wished) <= 0 and above.scale - below.scale > 0.02:
            part = (wished - below.share) / (above.share - below.share) if above.share != below.share else 0.5
            return round(below.scale + (above.scale - below.scale) * min(0.85, max(0.15, part)), 3)
    return None


class _Dial:
    """A run's adapter, asked for its held-out replies at any strength."""

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

    def known(self, scale: float, variant: str) -> Match:
        """Return what a variant of the run gives."""
        return self._match(scale, self.base if variant == "base" else self.full)

    def at(self, scale: float) -> Match:
        """Return what a strength gives, after asking for its replies."""
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
        found = self._match(scale, self._scores(stage.folder))
        print_status(
            f"  scale {scale:g}: {found.share:.2f} of the adapter's warmth [{found.low:.2f}, {found.high:.2f}]"
        )
        return found

    def _scores(self, folder: Path) -> list[float]:
        replies = {row.id: row.reply for row in read(folder / REPLIES, Reply)}
        return self.probe.scores([replies[prompt.id] for prompt in self.prompts])

    def _match(self, scale: float, scores: Sequence[float]) -> Match:
        shares = [(one - base) / self.lift for one, base in zip(scores, self.base, strict=True)]
        return Match(scale, *mean_interval(shares, range(len(shares)), _DRAWS, self.run.settings.seed))


@dataclass(frozen=True)
class DialRequest:
    """What the command line asked of the dial."""

    scales: tuple[float, ...]
    checkpoints: bool
    pure: bool
    warmth: float | None
    export: Path | None


def run_dial(run: Run, request: DialRequest) -> Run:
    """Dial as asked: find the strength for a warmth, export one variant as an adapter, evaluate and print all.

    Raises:
        ConfigError: it is not clear which variant to export.
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
    """Raise where a request cannot be met, before the search, which may take an hour."""
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
    """Write the adapter at the one strength as an ordinary adapter, or where there is none the pure difference."""
    from warmtune.models.adapter_arithmetic import Part, export_scaled, mix

    context = extend_run(run, [])
    folders = {name: folder for name in ("styled", "control") if (folder := context.adapter(name))}
    if scales:
        export_scaled(folders["styled"], scales[0], target)
    else:
        parts = [Part(name, folders[name], weight) for name, weight in (pure().mix or {}).items()]
        mix(context.engine, parts, target)
    print_status(f"Adapter: {target}")
