"""The stage `publish`: makes the folder to publish, with the cost on the model card. It sends nothing anywhere."""

from pathlib import Path

from warmtune.pipeline.context import RunContext
from warmtune.runs.keys import data_of, versions
from warmtune.runs.store import StageOutput
from warmtune.system.console import print_status

VERSION = 1
"""Raise it when the published folder gets another content for the same inputs."""


def publish(run: RunContext) -> None:
    """Carry out the stage, and print whether the gate lets the adapter pass."""
    s = run.settings
    if s.train.service is not None:
        print_status("publish               nothing: the tuned model stays with the service; job.json names it")
        return
    from warmtune.publishing import licences
    from warmtune.publishing.local_paths import LocalPathError
    from warmtune.publishing.publish_folder import gate_line, publish

    inputs = {
        "version": VERSION,
        "settings": s.identity,
        "use": s.train.use,
        "stages": {name: run.done[name].digest for name in ("train-styled", "mark", "report")},
        "licences": data_of(licences.FILE),
        "libraries": versions("huggingface-hub", "peft"),
    }

    def work(folder: Path) -> StageOutput:
        return publish(s, run.done, run.base, folder)

    try:
        run.stage("publish", inputs, work, "publish")
    except LocalPathError as error:  # the rest of the run is complete and useful without a published folder
        print_status(f"publish               not made ready: {error}")
        return
    print_status(gate_line(s, run.done, run.base))
