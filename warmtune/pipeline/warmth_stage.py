"""The stages `probe` and `warmth`: train the style probe, then measure the held-out replies with every instrument."""

from pathlib import Path

from warmtune.io.schemas import REPLIES, REWRITTEN, STYLE_PROBE, Rewrite, read
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.evaluate_stage import replies_of
from warmtune.runs.keys import data_of, versions
from warmtune.runs.store import Stage, StageOutput

VERSION = 1
"""Raise it when an instrument gives the same replies other values."""
PROBE_VERSION = 1
"""Raise it when the style probe learns something else from the same rewrites."""


def measure_warmth(run: RunContext) -> None:
    """Carry out both stages."""
    from warmtune.measures import lexical_profile, sociot, style_judge

    s, probe = run.settings, _probe(run)
    replies = [(variant.name, run.done[f"evaluate-{variant.name}"].files[REPLIES]) for variant in run.variants]
    judged = s.judge.model and s.judge.pairs
    inputs = {
        "version": VERSION,
        "replies": replies,
        "probe": probe.files.get(STYLE_PROBE),
        "base": run.base.fingerprint,
        "sociot": (s.eval.sociot_model, s.eval.sociot_released, data_of(sociot)),
        "lexicon": data_of(lexical_profile),
        "judge": (s.judge.model, s.judge.base_url, s.judge.pairs, s.style.description, data_of(style_judge))
        if judged
        else None,
        "seed": s.seed,
        "libraries": versions("torch", "transformers", "scikit-learn", *(["inspect-ai"] if judged else [])),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.evaluation import measure

        file = probe.folder / STYLE_PROBE if STYLE_PROBE in probe.files else None
        return measure(list(replies_of(run)), file, run.engine, s.eval, s.judge, s.style, s.seed, run.journals, folder)

    run.stage("warmth", inputs, work, "evaluate: warmth")


def _probe(run: RunContext) -> Stage:
    """Train the style probe on the run's rewrites.

    With `rewriter.shared_intensities` it learns from the strongest of them, so that all these runs have one probe.
    """
    s = run.settings
    strongest = max(s.rewriter.shared_intensities, default=s.style.intensity)
    rewritten = run.done["rewrite" if strongest == s.style.intensity else f"rewrite@{strongest:g}"]
    inputs = {
        "version": PROBE_VERSION,
        "rewrites": rewritten.files[REWRITTEN],
        "seed": s.seed,
        "libraries": versions("scikit-learn"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.measures.style_probe import learn

        return learn(read(rewritten.folder / REWRITTEN, Rewrite), s.seed, folder)

    return run.stage("probe", inputs, work, "evaluate: probe")
