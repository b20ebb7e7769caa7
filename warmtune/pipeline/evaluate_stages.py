"""The stages of the evaluation: who answers, their answers, the marks, the measures of warmth."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.config.evaluation_settings import VariantSettings
from warmtune.io.schemas import (
    ANSWERS,
    BASE_AGAIN,
    HELD_OUT,
    JOURNALS,
    REPLIES,
    REWRITTEN,
    TUNED,
    Answer,
    Prompt,
    Reply,
    Rewrite,
    read,
)
from warmtune.runs.store import Outcome, code_version, content_of, fingerprint, versions

if TYPE_CHECKING:
    from warmtune.evaluation import Variant
    from warmtune.pipeline.pipeline import Pipeline

ANSWERING = (
    *(
        f"evaluation/{name}.py"
        for name in (
            "answering",
            "inspect_tasks",
            "variants",
            "benchmarks",
            "benchmark_formats",
            "medqa_vignette",
            "questions",
        )
    ),
    *(f"evaluation/{name}.py" for name in ("conditions", "study_files", "marking/rules", "marking/yes_no")),
    *(f"models/{name}.py" for name in ("adapters", "base", "chat_template", "engine", "provider")),
    *(
        "evaluation/contexts.yaml",
        "evaluation/embedded",
        "io/sources.py",
        "io/schemas.py",
        "models/seeds.py",
        "measures/stems.py",
    ),
)
"""The code that decides what a variant answers, and how the rules mark it."""
TORCH = ("torch", "transformers", "peft")


def variants_of(pipeline: "Pipeline") -> "list[Variant]":
    """Return who answers: base, control, the tuned model, and what the recipe names besides.

    Where answers are sampled, the base answers once more with other seeds: its gap to itself is chance alone.
    """
    from warmtune.evaluation import Variant, tuned_by_service, variant_of
    from warmtune.models.adapters import weights_of

    s = pipeline.settings
    if s.train.service is not None:
        folders: dict[str, Path] = {name: pipeline.done[f"train-{name}"].folder for name in TUNED}
        return tuned_by_service(s.train.service, folders, s)
    adapters: dict[str, Path] = {name: folder for name in TUNED if (folder := pipeline.adapter(name))}
    adapters |= pipeline.kept
    found = [Variant("base")]
    found += [Variant(name, adapters[name], weights=weights_of(adapters[name])) for name in TUNED]
    if s.eval.temperature > 0:
        found.append(Variant(BASE_AGAIN, resample=1))
    for one in s.eval.variants:
        if one.mix:
            adapters[one.name] = _mixed(pipeline, one, adapters)
            one = replace(one, adapter=one.name, mix=None)
        found.append(variant_of(one, adapters, s.style.system_prompt))
    return found


def _mixed(pipeline: "Pipeline", settings: VariantSettings, adapters: dict[str, Path]) -> Path:
    """Return the folder of a weighted sum of adapters, made where it is not there."""
    from warmtune.evaluation import adapter_folder
    from warmtune.models.adapters import weights_of

    assert settings.mix is not None
    places = {name: adapters.get(name) or adapter_folder(name) for name in settings.mix}
    determines = {
        "parts": [(weights_of(places[name]), weight) for name, weight in settings.mix.items()],
        "base": pipeline.base.fingerprint,
        "code": code_version("models/adapter_arithmetic.py"),
        "versions": versions("peft"),
    }

    def work(folder: Path) -> Outcome:
        from warmtune.models.adapter_arithmetic import Part, mix

        parts = [Part(name, places[name], weight) for name, weight in (settings.mix or {}).items()]
        mix(pipeline.engine, parts, folder / "adapter")
        return Outcome(["adapter/adapter_model.safetensors", "adapter/adapter_config.json"])

    return pipeline.stage(f"mix-{settings.name}", determines, work, f"mix: {settings.name}").folder / "adapter"


def evaluate(pipeline: "Pipeline") -> None:
    """Let every variant answer, mark the answers, and measure the replies."""
    for variant in pipeline.variants:
        _answer(pipeline, variant)
    _mark(pipeline)
    _warmth(pipeline)


def _answer(pipeline: "Pipeline", variant: "Variant") -> None:
    """Let one variant answer; one that is another under a second name (intensity 0, scale 1) takes its answers."""
    s, prepared = pipeline.settings, pipeline.done["prepare"]
    places = [benchmark.path for benchmark in s.eval.benchmarks] + [s.eval.statements or ""]
    places += [file for _, file in variant.answers]
    determines = {
        "base": None if variant.model else pipeline.base.fingerprint,
        "variant": variant.identity,
        "eval": s.eval.asked,
        "content": [content_of(Path(place)) for place in places],
        "held_out": prepared.files[HELD_OUT],
        "seed": s.seed,
        "code": code_version(*ANSWERING),
        "versions": versions(*TORCH, "inspect-ai", "snowballstemmer"),
    }

    def work(folder: Path) -> Outcome:
        from warmtune.evaluation import answer

        prompts = read(prepared.folder / HELD_OUT, Prompt)
        elsewhere = variant.model or variant.answers
        return answer(variant, None if elsewhere else pipeline.engine, prompts, s.eval, s.seed, folder)

    known = pipeline.twins.setdefault(fingerprint(determines), variant.name)
    title = f"evaluate: {pipeline.title(variant.name)}"
    pipeline.stage(f"evaluate-{variant.name}", determines, work, title, twin=f"evaluate-{known}")


def _answers(pipeline: "Pipeline") -> Iterator[Answer]:
    for variant in pipeline.variants:
        for one in read(pipeline.done[f"evaluate-{variant.name}"].folder / ANSWERS, Answer):
            yield one if one.variant == variant.name else replace(one, variant=variant.name)


def _replies(pipeline: "Pipeline") -> Iterator[Reply]:
    for variant in pipeline.variants:
        for one in read(pipeline.done[f"evaluate-{variant.name}"].folder / REPLIES, Reply):
            yield one if one.variant == variant.name else replace(one, variant=variant.name)


def _mark(pipeline: "Pipeline") -> None:
    s = pipeline.settings
    right = frozenset(one.name for one in s.eval.benchmarks if one.refusing_is_right)
    answered = [(one.name, pipeline.done[f"evaluate-{one.name}"].files[ANSWERS]) for one in pipeline.variants]
    determines = {
        "answers": answered,
        "judge": s.judge,
        "refusing_is_right": sorted(right),
        "seed": s.seed,
        "code": code_version("evaluation/marking/judge.py", "models/client.py", "io/schemas.py"),
    }

    def work(folder: Path) -> Outcome:
        from warmtune.evaluation import mark_answers

        journals = pipeline.store.root / JOURNALS
        return mark_answers(list(_answers(pipeline)), right, s.judge, s.seed, journals, folder)

    pipeline.stage("mark", determines, work, "evaluate: marks")


def _warmth(pipeline: "Pipeline") -> None:
    s, rewritten = pipeline.settings, pipeline.done["rewrite"]
    replied = [(one.name, pipeline.done[f"evaluate-{one.name}"].files[REPLIES]) for one in pipeline.variants]
    determines = {
        "replies": replied,
        "rewrites": rewritten.files[REWRITTEN],
        "base": pipeline.base.fingerprint,
        "sociot": (s.eval.sociot_model, s.eval.sociot_released),
        "judge": (s.judge.model, s.judge.base_url, s.judge.pairs, s.style.description),
        "changes": s.style.changes,
        "seed": s.seed,
        "code": code_version(
            "evaluation/warmth.py",
            "measures/instruments.py",
            "measures/lexical_profile.py",
            "models/log_likelihood.py",
            "io/schemas.py",
        ),
        "versions": versions("torch", "transformers", "scikit-learn"),
    }

    def work(folder: Path) -> Outcome:
        from warmtune.evaluation import measure

        rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
        journals = pipeline.store.root / JOURNALS
        replies = list(_replies(pipeline))
        return measure(replies, rewrites, pipeline.engine, s.eval, s.judge, s.style, s.seed, journals, folder)

    pipeline.stage("warmth", determines, work, "evaluate: warmth")
