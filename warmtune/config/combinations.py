"""Checks of combinations: settings that are each valid but do not work together."""

from warmtune.config.settings import Settings
from warmtune.errors import nearest


def check_combinations(settings: Settings) -> list[str]:
    """Return a sentence for each combination of valid settings that cannot work."""
    style, rewriter = settings.style, settings.rewriter
    problems = []
    if rewriter.kind == "model" and not rewriter.model:
        problems.append("rewriter.kind is 'model', but rewriter.model names none; give one with rewriter.model=NAME.")
    if style.changes and rewriter.kind == "model" and not style.instructions:
        problems.append(
            f"The style '{style.name}' has no instructions for a model; add some, or use rewriter=phrasebook."
        )
    if style.changes and rewriter.kind == "phrasebook" and not style.phrasebook:
        problems.append(
            f"The style '{style.name}' has no phrasebook, so a model must rewrite: rewriter=model rewriter.model=NAME."
        )
    return problems + _training_problems(settings) + _unknown_names(settings) + _evaluation_problems(settings)


def _training_problems(settings: Settings) -> list[str]:
    """Return a sentence for each combination in `train` and `launch` that cannot work."""
    train, launch, problems = settings.train, settings.launch, []
    too_late = [epoch for epoch in train.save_epochs if epoch >= train.epochs]
    if too_late:
        problems.append(
            f"train.save_epochs names {', '.join(f'{epoch:g}' for epoch in too_late)}, but training ends after"
            " train.epochs="
            f"{train.epochs:g}, whose adapter is kept anyway; take them out, or train longer."
        )
    if train.use is not None and train.use not in (*train.save_epochs, train.epochs):
        problems.append(f"train.use={train.use:g} is no epoch whose adapter is kept; add it to train.save_epochs.")
    if train.neftune_noise_alpha and train.packing:
        problems.append(
            "train.neftune_noise_alpha goes by the length of a row, which rows laid end to end have not; set"
            " train.packing=false."
        )
    if train.quantization and launch.kind in ("fsdp", "zero2", "zero3"):
        problems.append(
            f"A base in four bits (train.quantization) cannot be shared out by launch.kind={launch.kind}; use"
            " launch=ddp, or leave the base as it is."
        )
    if train.service is not None and train.epochs != int(train.epochs):
        problems.append(f"train.epochs={train.epochs:g}, but the service takes whole epochs only.")
    if train.service is not None and any(train.loss_terms.values()):
        problems.append(
            "train.loss_terms adds to the loss, but a service computes the loss itself; leave one of them out."
        )
    if launch.kind == "single" and (launch.nproc_per_node not in (None, 1) or launch.nnodes > 1):
        problems.append(
            f"launch.kind=single is one process, but launch.nproc_per_node={launch.nproc_per_node} and launch.nnodes="
            f"{launch.nnodes}; use launch=ddp or launch=fsdp."
        )
    if launch.node_rank >= launch.nnodes:
        problems.append(
            f"launch.node_rank={launch.node_rank} is not among launch.nnodes={launch.nnodes} machines, counted from 0."
        )
    return problems


def _unknown_names(settings: Settings) -> list[str]:
    """Return what is wrong with names of benchmark forms and of warmth instruments."""
    from warmtune.evaluation.benchmark_formats import forms
    from warmtune.measures.registry import INSTRUMENTS
    from warmtune.measures.style_judge import INSTRUMENT as JUDGE

    problems = []
    for benchmark in settings.eval.benchmarks:
        if benchmark.form not in forms():
            problems.append(
                f"eval.benchmarks: '{benchmark.name}' has the form '{benchmark.form}', which is not known."
                f"{nearest(benchmark.form, forms())} Forms: {', '.join(forms())}."
            )
    chosen, known = settings.sweep.instrument, [one.name for one in INSTRUMENTS]
    if chosen not in known:
        problems.append(
            f"sweep.instrument is '{chosen}', which is not known.{nearest(chosen, known)} Instruments:"
            f" {', '.join(known)}."
        )
    if chosen == JUDGE.name and not (settings.judge.model and settings.judge.pairs):
        problems.append("sweep.instrument is 'judge', but no judge compares replies; set judge.model and judge.pairs.")
    return problems


def _evaluation_problems(settings: Settings) -> list[str]:
    """Return a sentence for each combination in `eval` and `judge` that cannot work."""
    evaluation, problems = settings.eval, []
    if "none" not in [one.name for one in evaluation.contexts] or "none" not in evaluation.beliefs:
        problems.append(
            "eval.contexts and eval.beliefs need 'none' among them: without the plain question nothing can be compared."
        )
    if evaluation.samples > 1 and evaluation.temperature == 0:
        problems.append(
            "eval.samples is above 1, but eval.temperature is 0, where every sample is the same; set a temperature."
        )
    taken = {"base", "control", "styled"}
    for variant in evaluation.variants:
        if variant.name in taken:
            problems.append(f"eval.variants: the name '{variant.name}' is taken; every variant needs its own.")
        taken.add(variant.name)
        if variant.model and (variant.adapter or variant.scale != 1):
            problems.append(
                f"eval.variants: '{variant.name}' has a model and an adapter; an adapter goes on the recipe's own base."
            )
        if settings.train.service is not None and (variant.mix is not None or (variant.adapter and variant.scale != 1)):
            problems.append(
                f"eval.variants: '{variant.name}' changes an adapter's strength, but a service keeps its models to"
                " itself, where nothing can be scaled or mixed; it can be asked as it is, or at one of its checkpoints."
            )
        if variant.mix is not None and (variant.adapter or variant.model or len(variant.mix) < 2):
            problems.append(
                f"eval.variants: '{variant.name}' mixes adapters; a mix names two or more, and stands without adapter"
                " and model."
            )
        if not (variant.model or variant.adapter or variant.system or variant.answers or variant.mix):
            problems.append(f"eval.variants: '{variant.name}' is the base as it is; give an adapter, system or model.")
        if variant.system == "style" and not settings.style.system_prompt:
            problems.append(f"eval.variants: '{variant.name}' takes the style's system prompt, but the style has none.")
    names = [benchmark.name for benchmark in evaluation.benchmarks]
    problems += [f"eval.benchmarks names '{name}' twice." for name in sorted(set(names)) if names.count(name) > 1]
    if settings.judge.second and not settings.judge.model:
        problems.append("judge.second names a second judge, but judge.model names none.")
    return problems
