"""The stage `evaluate`: who answers, and each variant's raw answers to the questions and to the held-out prompts."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.config.evaluation_settings import VariantSettings
from warmtune.io.schemas import ANSWERS, BASE_AGAIN, HELD_OUT, REPLIES, TUNED, Answer, Prompt, Reply, read
from warmtune.pipeline.context import TORCH, RunContext
from warmtune.runs.keys import content_of, data_of, fingerprint, versions
from warmtune.runs.store import StageOutput

if TYPE_CHECKING:
    from warmtune.evaluation import Variant

VERSION = 1
"""Raised when variants are asked something else, or answer differently, for the same inputs."""
MIX_VERSION = 1
"""Raised when a mix of adapters comes out differently for the same inputs."""


def evaluate(run: RunContext) -> None:
    """Carry out the stage: every variant answers.

    A variant that is another under a second name (intensity 0, scale 1) takes that one's answers.
    """
    run.variants = _variants(run)
    first_with: dict[str, str] = {}
    for variant in run.variants:
        _answer(run, variant, first_with)


def answers_of(run: RunContext) -> Iterator[Answer]:
    """Yield all variants' answers, each under the variant's name in this run."""
    for variant in run.variants:
        for one in read(run.done[f"evaluate-{variant.name}"].folder / ANSWERS, Answer):
            yield one if one.variant == variant.name else replace(one, variant=variant.name)


def replies_of(run: RunContext) -> Iterator[Reply]:
    """Yield all variants' replies to the held-out prompts, each under the variant's name in this run."""
    for variant in run.variants:
        for one in read(run.done[f"evaluate-{variant.name}"].folder / REPLIES, Reply):
            yield one if one.variant == variant.name else replace(one, variant=variant.name)


def _variants(run: RunContext) -> "list[Variant]":
    """Return who answers: base, control, the tuned model, and what the recipe names besides.

    Where answers are sampled, the base answers once more with other seeds: its gap to itself is chance alone.
    """
    from warmtune.evaluation import Variant, tuned_by_service, variant_of
    from warmtune.models.adapters import weights_of

    s = run.settings
    if s.train.service is not None:
        folders: dict[str, Path] = {name: run.done[f"train-{name}"].folder for name in TUNED}
        return tuned_by_service(s.train.service, folders, s)
    adapters: dict[str, Path] = {name: folder for name in TUNED if (folder := run.adapter(name))}
    adapters |= run.kept_adapters
    variants = [Variant("base")]
    variants += [Variant(name, adapters[name], weights=weights_of(adapters[name])) for name in TUNED]
    if s.eval.temperature > 0:
        variants.append(Variant(BASE_AGAIN, resample=1))
    for one in s.eval.variants:
        if one.mix:
            adapters[one.name] = _mixed(run, one, adapters)
            one = replace(one, adapter=one.name, mix=None)
        variants.append(variant_of(one, adapters, s.style.system_prompt))
    return variants


def _mixed(run: RunContext, settings: VariantSettings, adapters: dict[str, Path]) -> Path:
    """Return the folder of a weighted sum of adapters, made where it is not there."""
    from warmtune.evaluation import adapter_folder
    from warmtune.models.adapters import weights_of

    assert settings.mix is not None
    folders = {name: adapters.get(name) or adapter_folder(name) for name in settings.mix}
    inputs = {
        "version": MIX_VERSION,
        "parts": [(weights_of(folders[name]), weight) for name, weight in settings.mix.items()],
        "base": run.base.fingerprint,
        "libraries": versions("torch", "peft"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.models.adapter_arithmetic import Part, mix

        parts = [Part(name, folders[name], weight) for name, weight in (settings.mix or {}).items()]
        mix(run.engine, parts, folder / "adapter")
        return StageOutput(["adapter/adapter_model.safetensors", "adapter/adapter_config.json"])

    return run.stage(f"mix-{settings.name}", inputs, work, f"mix: {settings.name}").folder / "adapter"


def _answer(run: RunContext, variant: "Variant", first_with: dict[str, str]) -> None:
    """Let one variant answer; `first_with` holds the first variant of each identity."""
    from warmtune.evaluation import benchmark_formats, benchmarks, data_file, medqa_vignette, study_files

    s, prepared = run.settings, run.done["prepare"]
    files = [data_file(benchmark.path) for benchmark in s.eval.benchmarks]
    files += [Path(file) for _, file in variant.answers]
    inputs = {
        "version": VERSION,
        "base": None if variant.model else run.base.rendering,
        "variant": variant.identity,
        "eval": s.eval.asked,
        "content": [content_of(file) for file in files],
        "rules": data_of(benchmark_formats, benchmarks, medqa_vignette, study_files),
        "held_out": prepared.files[HELD_OUT],
        "seed": s.seed,
        "libraries": versions(*TORCH, "inspect-ai", "scikit-learn"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.evaluation import answer

        prompts = read(prepared.folder / HELD_OUT, Prompt)
        elsewhere = variant.model or variant.answers
        return answer(variant, None if elsewhere else run.engine, prompts, s.eval, s.seed, folder)

    known = first_with.setdefault(fingerprint(inputs), variant.name)
    title = f"evaluate: {run.title(variant.name)}"
    run.stage(f"evaluate-{variant.name}", inputs, work, title, alias_of=f"evaluate-{known}")
