"""Which stages a recipe runs, and in what order.

A stage imports heavy libraries only when it has work to do. A run with all its stages complete only reads their
manifests, which takes seconds.
"""

from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from warmtune.errors import ConfigError, nearest
from warmtune.io.hub_data import pin
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.evaluate_stage import evaluate
from warmtune.pipeline.mark_stage import mark
from warmtune.pipeline.prepare_stage import prepare
from warmtune.pipeline.publish_stage import publish
from warmtune.pipeline.report_stage import report
from warmtune.pipeline.rewrite_stage import rewrite
from warmtune.pipeline.train_stage import train
from warmtune.pipeline.warmth_stage import measure_warmth
from warmtune.runs.run import write_run
from warmtune.runs.store import Stage
from warmtune.system.console import print_status

STAGES: dict[str, tuple[Callable[[RunContext], None], ...]] = {
    "prepare": (prepare,),
    "rewrite": (rewrite,),
    "train": (train,),
    "evaluate": (evaluate, mark, measure_warmth),
    "report": (report,),
    "publish": (publish,),
}
"""The stages of the command line in their order, each with the functions that carry it out."""
REMADE = ("prepare", "rewrite", "rows", "train", "mix", "evaluate", "mark", "probe", "warmth", "report", "publish")
"""Names that `--remake` takes."""


def run_stages(run: RunContext, until: str = "publish") -> dict[str, Stage]:
    """Carry out the stages up to and including `until`, and return them by name.

    Raises:
        ConfigError: there is no stage of that name, or no stage of a name in `run.remake`.
        UserError: a stage cannot do its work.
    """
    check_stages([until], STAGES)
    check_stages(sorted(run.remake), REMADE)
    run.settings = pin(run.settings)
    names = list(STAGES)[: list(STAGES).index(until) + 1]
    if run.settings.launch.node_rank > 0 and until not in ("prepare", "rewrite", "train"):
        print_status("This machine only trains along; the first one does the rest.")
        names = names[:3]
    if "train" in names:
        from warmtune.training.distributed.world import check_installed

        check_installed(run.settings.train, run.settings.launch)
    for name in names:
        for step in STAGES[name]:
            step(run)
    return run.done


def finish(run: RunContext) -> Path:
    """Evaluate and report adapters that exist already (see `extend_run`), and return the run's folder."""
    for name in ("evaluate", "report"):
        for step in STAGES[name]:
            step(run)
    return write_run(run.settings, run.done)


def check_stages(names: Iterable[str], known: Collection[str]) -> None:
    """Check names of stages.

    Args:
        names: names to check. Only the part before `-` or `@` counts: `train-styled` belongs to `train`.
        known: names of all stages.

    Raises:
        ConfigError: a name is not among them.
    """
    wrong = [name for name in names if name.split("-")[0].split("@")[0] not in known]
    if wrong:
        raise ConfigError(
            [f"There is no stage '{name}'.{nearest(name, known)} Stages: {', '.join(known)}." for name in wrong]
        )
