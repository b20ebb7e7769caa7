"""What is added to a finished run: further variants that answer what the run's own variants were asked.

Nothing of the run is made anew. Its adapters and answers stay as they are, whatever has changed in the code since.
"""

from collections.abc import Sequence
from dataclasses import replace

from warmtune.config.combinations import contradictions
from warmtune.config.evaluation_settings import VariantSettings
from warmtune.errors import ConfigError
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.stages import finish
from warmtune.runs.run import Run, open_run

_MADE = ("prepare", "rewrite", "rows", "train-", "mix-", "evaluate-", "probe")
"""Stages that stand as they are; marks, warmth and report are of all variants together."""


def extend_run(run: Run, variants: Sequence[VariantSettings]) -> RunContext:
    """Return a run's recipe with further variants, its finished stages as they are.

    Raises:
        StoreError: the run has trained nothing yet.
        ConfigError: the variants cannot stand beside the run's own.
    """
    run.require("prepare", "rewrite", "train-control", "train-styled")
    known = {one.name: one for one in run.settings.eval.variants}
    new = [one for one in variants if known.get(one.name) != one]
    settings = replace(run.settings, eval=replace(run.settings.eval, variants=(*known.values(), *new)))
    problems = contradictions(settings)
    if problems:
        raise ConfigError(problems)
    made = {name: stage for name, stage in run.stages.items() if name.startswith(_MADE)}
    return RunContext(settings, {name: replace(stage, reused=True) for name, stage in made.items()})


def ensure_evaluated(run: Run, variants: Sequence[VariantSettings] = ()) -> Run:
    """Return the run with its variants and these evaluated and reported; a run of its own where variants are new."""
    complete = {"mark", "warmth", "report"} <= set(run.stages)
    if complete and all(one in run.settings.eval.variants for one in variants):
        return run
    return open_run(finish(extend_run(run, variants)))
