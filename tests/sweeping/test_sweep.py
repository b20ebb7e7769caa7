"""A sweep on the tiny model, through the command line: a point that fails, and one at intensity 0."""

import dataclasses
import json
import shutil
import sys
import types
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "comparison"))


from warmtune.comparison.targets import parse_targets
from warmtune.config.evaluation_settings import SweepSettings
from warmtune.errors import DataError
from warmtune.io.schemas import Check, Gap
from warmtune.sweeping.point import read_points
from warmtune.sweeping.sweep_table import _choice
from warmtune.sweeping.variant_summary import VariantSummary, legend


@pytest.fixture(scope="module")
def swept(whole, tiny_overrides, tmp_path_factory, warmtune):
    """Two points beside the whole run's stages: more held-out prompts than there are, then as many as there were."""
    store = shutil.copytree(whole[0], tmp_path_factory.mktemp("swept") / "store", symlinks=True)
    rest = [text for text in tiny_overrides if "held_out" not in text]
    arguments = ["run", "quickstart", "-m", *rest, f"store={store}", "style.intensity=0", "data.held_out=5000,6"]
    return store, arguments, warmtune(*arguments)


def _points(store):
    (folder,) = (store / "sweeps").iterdir()
    return read_points(folder)


def test_a_failed_point_does_not_stop_the_others_and_is_listed_at_once(swept):
    store, _, done = swept
    points = _points(store)
    assert [point.code for point in points] == [2, 0]
    assert [point.overrides for point in points] == [["data.held_out=5000"], ["data.held_out=6"]]
    assert done.returncode == 2
    said = done.stderr.splitlines()
    failed = next(n for n, line in enumerate(said) if "failed with exit code 2; the others go on" in line)
    second = next(n for n, line in enumerate(said) if line.startswith("Point 1"))
    assert failed < second
    assert "held_out" in points[0].error
    assert "2 points: 1 done, 1 failed" in done.stdout
    assert "Failed: data.held_out=5000 (exit code 2)" in done.stdout
    assert "Traceback" not in done.stderr


def test_points_share_what_is_there(swept):
    _, _, done = swept
    lines = [line.removeprefix("[data.held_out=6] ") for line in done.stderr.splitlines() if " kept " in line]
    assert {"prepare", "train: control", "train: warm", "evaluate: base", "evaluate: control", "evaluate: warm"} == {
        line.split("  ")[0] for line in lines
    }


def test_at_intensity_nought_the_tuned_model_is_the_control(swept):
    store, _, _ = swept
    run = Path(_points(store)[1].run)
    stages = json.loads((run / "run.json").read_text())["stages"]
    assert stages["train-styled"] == stages["train-control"]
    assert stages["evaluate-styled"] == stages["evaluate-control"]
    report = (run / "report" / "report.md").read_text()
    assert "No style probe: at intensity 0 nothing is rewritten" in report
    gap = next(line for line in report.splitlines() if line.startswith("| all prompts"))
    assert gap.split("|")[5].split()[0] == "0.0"  # to base and to control: nothing was rewritten
    assert gap.split("|")[6].split()[0] == "0.0"


def test_the_same_command_keeps_what_is_done(swept, warmtune):
    store, arguments, _ = swept
    before = {file: file.stat().st_mtime_ns for file in store.glob("stages/*/manifest.json")}
    again = warmtune(*arguments)
    assert again.returncode == 2
    assert before == {file: file.stat().st_mtime_ns for file in store.glob("stages/*/manifest.json")}


def test_a_failed_point_does_not_end_a_search(whole, tiny_overrides, tmp_path, warmtune):
    """Optuna's sweeper takes a point without a value for a failed trial, and must find none to call the best."""
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="hydra-optuna-sweeper is not installed")
    store = shutil.copytree(whole[0], tmp_path / "store", symlinks=True)
    rest = [text for text in tiny_overrides if "held_out" not in text]
    search = ["hydra/sweeper=optuna", "hydra.sweeper.direction=maximize", "hydra.sweeper.n_jobs=1"]
    command = ["run", "quickstart", "-m", *rest, f"store={store}", *search]
    mixed = ["hydra.sweeper.n_trials=4", "hydra.sweeper.sampler.seed=1", "data.held_out=choice(5000,6)"]
    done = warmtune(*command, *mixed)
    points = _points(store)
    assert {point.code for point in points} == {0, 2}
    assert len(points) == 4
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"4 points: {sum(not point.code for point in points)} done" in done.stdout
    assert "; the search drew 2 of them again\n" in done.stdout
    assert done.stdout.count("data.held_out=6 ") == 1  # one line of the table, though the search drew it more often
    shutil.rmtree(store / "sweeps")
    done = warmtune(*command, "hydra.sweeper.n_trials=2", "data.held_out=choice(5000,6000)")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "2 points: 0 done, 2 failed" in done.stdout


def test_a_sweeper_that_cannot_begin_is_no_sweep_of_no_points(tmp_path, warmtune):
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="hydra-optuna-sweeper is not installed")
    grid = ["hydra/sweeper=optuna", "hydra/sweeper/sampler=grid", "style.intensity=interval(0.25,1)"]
    done = warmtune("run", "quickstart", "-m", *grid, f"store={tmp_path}")
    assert done.returncode == 2
    assert "Hydra cannot carry out the sweep" in done.stderr
    assert "Traceback" not in done.stderr
    assert "points:" not in done.stdout


def test_a_comparison_of_a_sweep_says_which_points_are_not_there(swept, tmp_path, monkeypatch):
    store, _, _ = swept
    (folder,) = (store / "sweeps").iterdir()
    monkeypatch.chdir(tmp_path)  # the points' runs are found wherever the command is given
    found = parse_targets([str(folder)])
    assert [run.parent.resolve() for run in found.runs] == [store.resolve()]
    assert found.notes == [f"1 of 2 points of the sweep {folder.name} failed: data.held_out=5000."]
    moved = shutil.copytree(store, tmp_path / "moved", symlinks=True) / "sweeps" / folder.name
    (moved / "ended").unlink()
    found = parse_targets([str(moved)])
    assert found.runs[0].parent == tmp_path / "moved"
    assert "has not ended: 2 of its points so far" in found.notes[1]
    shutil.rmtree(moved / "1")
    with pytest.raises(DataError, match=r"1 of 1 points .* failed.*needs a run"):
        parse_targets([str(moved)])


def _outcome(lift, high, holds=True, probe_id="the strongest"):
    warmth = Check("style probe", "styled", "base", 30, lift, lift, lift, 0.1, None)
    return VariantSummary(warmth, types.SimpleNamespace(gap=high, low=high, high=high), "", holds, probe_id)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        (None, "Warmest whose manipulation check holds: c"),
        (8.0, "Warmest whose manipulation check holds and whose gap's upper bound stays under 8 points: b"),
        (1.0, "There is no point whose manipulation check holds and whose gap's upper bound stays under 1 points."),
    ],
)
def test_only_a_point_whose_check_holds_is_the_warmest(limit, says):
    settings = SweepSettings("style probe", "control", limit)
    points = [("a", _outcome(0.9, 2, holds=False)), ("b", _outcome(0.4, 5)), ("c", _outcome(0.6, 20))]
    assert _choice(points, settings) == says
    assert "holds at no point" in _choice(points[:1], settings)
    assert "one probe for all" in legend(settings, [found for _, found in points])


def test_lifts_of_several_probes_are_not_ranked():
    settings = SweepSettings("style probe", "control", None)
    points = [("a", _outcome(0.9, 2)), ("b", _outcome(0.4, 5, probe_id="others"))]
    assert "no point is called the warmest" in _choice(points, settings)
    assert "2 probes" in legend(settings, [found for _, found in points])
    other = dataclasses.replace(settings, instrument="SocioT")
    assert _choice(points, other).endswith(": a")
    assert "probe" not in legend(other, [found for _, found in points])


def _gap():
    told = {"variant": "styled", "reference": "control", "benchmark": "all", "context": "all", "belief": "all"}
    return Gap(**{one.name: 0 for one in dataclasses.fields(Gap)} | told)
