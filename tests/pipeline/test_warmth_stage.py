"""The style probe of a run whose intensity shares its rows with others."""

import dataclasses
import sys
from pathlib import Path

from warmtune.io.schemas import REWRITTEN, Rewrite, read, write
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.warmth_stage import _probe

sys.path.insert(0, str(Path(__file__).parents[1] / "comparison"))
from runs_on_disk import run_on_disk


def test_all_intensities_that_share_rows_are_measured_by_one_probe(tmp_path):
    """A probe of each run's own rewrites would put each run's lifts on a scale of their own."""
    common = ("rewriter.shared_intensities=[0.5,1]", f"store={tmp_path}")
    run = run_on_disk(tmp_path / "half", "style.intensity=0.5", *common)
    strong, folder = run.stages["rewrite"], tmp_path / "mild"
    rows = read(strong.folder / REWRITTEN, Rewrite)
    folder.mkdir()
    write(folder / REWRITTEN, Rewrite, [dataclasses.replace(one, styled=one.original + " Hm.") for one in rows])
    mild = dataclasses.replace(strong, folder=folder, files={REWRITTEN: "another"})
    half = _probe(RunContext(run.settings, {"rewrite": mild, "rewrite@1": strong}))
    full_style = dataclasses.replace(run.settings.style, intensity=1.0)
    full = _probe(RunContext(dataclasses.replace(run.settings, style=full_style), {"rewrite": strong}))
    assert half.folder == full.folder
    alone = dataclasses.replace(
        run.settings, rewriter=dataclasses.replace(run.settings.rewriter, shared_intensities=())
    )
    assert _probe(RunContext(alone, {"rewrite": mild})).digest != half.digest
