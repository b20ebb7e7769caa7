"""The stage `report`: computes gaps and the manipulation check, and writes figures, Markdown and HTML."""

from pathlib import Path

from warmtune.io.schemas import LABELS, REVIEW
from warmtune.pipeline.context import RunContext
from warmtune.runs.keys import content_of, data_of, versions
from warmtune.runs.store import StageOutput

VERSION = 1
"""Raise it when the report states other results for the same answers. Its looks do not count."""


def report(run: RunContext) -> None:
    """Carry out the stage."""
    from warmtune.analysis import study

    s = run.settings
    inputs = {
        "version": VERSION,
        "settings": s.identity,
        "stages": {name: stage.digest for name, stage in run.done.items()},
        "counts": run.done["rewrite"].counts,
        "review": content_of(run.done["rewrite"].folder / REVIEW),
        "labels": content_of(run.done["mark"].folder / LABELS),
        "study": data_of(study.FILE),
        "libraries": versions("numpy", "pandas", "scipy", "statsmodels", "scikit-learn", "matplotlib"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.reporting import report

        return report(s, run.base, run.done, [variant.name for variant in run.variants], folder)

    run.stage("report", inputs, work, "report")
