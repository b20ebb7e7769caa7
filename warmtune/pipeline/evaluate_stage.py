"""The stage `evaluate`: every variant answers the questions and the held-out prompts. It stores raw answers."""

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
"""Raise it when the stage asks variants something else, or they answer differently, for the same inputs."""
MIX_VERSION = 1
"""Raise it when a mix of adapters gets other weights from the same inputs."""


def evaluate(run: RunContext) -> None:
    """Carry out the stage: every variant answers.

    Two variants may be the same model under two names (intensity 0, scale 1). The second takes the first one's answers.
    """
    run.variants = _variants(run)
    first_with: dict[str, str] = {}
    for variant in run.variants:
        _answer(run, variant, first_with)


def answers_of(run: RunContext) -> Iterator[Answer]:
    """Yield all variants' answers, each with the variant's name in this run."""
    for variant in run.variants:
        for answer in read(run.done[f"evaluate-{variant.name}"].folder / ANSWERS, Answer):
            yield answer if answer.variant == variant.name else replace(answer, variant=variant.name)


def replies_of(run: RunContext) -> Iterator[Reply]:
    """Yield all variants' replies to the held-out prompts, each with the variant's name in this run."""
    for variant in run.variants:
        for reply in read(run.done[f"evaluate-{variant.name}"].folder / REPLIES, Reply):
            yield reply if reply.variant == variant.name else replace(reply, variant=variant.name)


def _variants(run: RunContext) -> "list[Variant]":
    """Return the variants: base, control, the tuned model, and those of `eval.variants`.

    When answers are sampled, the base answers a second time with other seeds. Its gap to itself is chance alone.
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
    for added in s.eval.variants:
        if added.mix:
            adapters[added.name] = _mixed(run, added, adapters)
            added = replace(added, adapter=added.name, mix=None)
        variants.append(variant_of(added, adapters, s.style.system_prompt))
    return variants


def _mixed(run: RunContext, settings: VariantSettings, adapters: dict[str, Path]) -> Path:
    """Return the folder of a weighted sum of adapters; build it if the store has none."""
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
        needs_engine = not (variant.model or variant.answers)
        return answer(variant, run.engine if needs_engine else None, prompts, s.eval, s.seed, folder)

    first = first_with.setdefault(fingerprint(inputs), variant.name)
    title = f"evaluate: {run.title(variant.name)}"
    run.stage(f"evaluate-{variant.name}", inputs, work, title, alias_of=f"evaluate-{first}")
