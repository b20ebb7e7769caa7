"""Add variants to a finished run. They answer the same questions and prompts as the run's own variants.

The run's adapters and answers stay as they are, even if warmtune's code has changed since.
"""

from collections.abc import Sequence
from dataclasses import replace

from warmtune.config.combinations import check_combinations
from warmtune.config.evaluation_settings import VariantSettings
from warmtune.errors import ConfigError
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.stages import finish
from warmtune.runs.run import Run, open_run

_MADE = ("prepare", "rewrite", "rows", "train-", "mix-", "evaluate-", "probe")
"""How the names of the stages begin that are taken over. Marks, warmth and report cover all variants, so they are made
anew."""


def extend_run(run: Run, variants: Sequence[VariantSettings]) -> RunContext:
    """Return the context of a finished run with further variants; its finished stages count as complete.

    Raises:
        StoreError: the run has no adapters yet.
        ConfigError: the new variants do not fit the run's settings, such as a name that is taken.
    """
    run.require("prepare", "rewrite", "train-control", "train-styled")
    own = {variant.name: variant for variant in run.settings.eval.variants}
    new = [variant for variant in variants if own.get(variant.name) != variant]
    settings = replace(run.settings, eval=replace(run.settings.eval, variants=(*own.values(), *new)))
    problems = check_combinations(settings)
    if problems:
        raise ConfigError(problems)
    kept_stages = {name: stage for name, stage in run.stages.items() if name.startswith(_MADE)}
    return RunContext(settings, {name: replace(stage, reused=True) for name, stage in kept_stages.items()})


def ensure_evaluated(run: Run, variants: Sequence[VariantSettings] = ()) -> Run:
    """Return the run after all its variants and the given ones are evaluated and reported.

    With new variants the result is a run of its own, in another folder.
    """
    complete = {"mark", "warmth", "report"} <= set(run.stages)
    if complete and all(variant in run.settings.eval.variants for variant in variants):
        return run
    return open_run(finish(extend_run(run, variants)))
