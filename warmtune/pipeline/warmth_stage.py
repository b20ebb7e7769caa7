"""The stages `probe` and `warmth`: train the style probe, then measure the held-out replies with every instrument."""

from pathlib import Path

from warmtune.io.schemas import REPLIES, REWRITTEN, STYLE_PROBE, Rewrite, read
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.evaluate_stage import replies_of
from warmtune.runs.keys import versions
from warmtune.runs.store import Stage, StageOutput

VERSION = 1
"""Raise it when an instrument gives the same replies other values."""
PROBE_VERSION = 1
"""Raise it when the style probe learns something else from the same rewrites."""


def measure_warmth(run: RunContext) -> None:
    """Carry out both stages."""
    from warmtune.measures.instrument import Setup
    from warmtune.measures.registry import INSTRUMENTS

    s, probe = run.settings, _probe(run)
    learned = probe.folder / STYLE_PROBE if STYLE_PROBE in probe.files else None
    setup = Setup(s.eval, s.judge, s.style, s.seed, learned, run.journals, lambda: run.engine)
    replied = [(one.name, run.done[f"evaluate-{one.name}"].files[REPLIES]) for one in run.variants]
    inputs = {
        "version": VERSION,
        "replies": replied,
        "base": run.base.fingerprint,
        "instruments": {one.name: one.key(setup) for one in INSTRUMENTS},
        "seed": s.seed,
        "libraries": versions("torch", "transformers", "scikit-learn"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.evaluation import measure

        return measure(list(replies_of(run)), setup, folder)

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
