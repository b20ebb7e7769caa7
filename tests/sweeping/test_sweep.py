"""A sweep on the tiny model, through the command line: a point that fails, and one at intensity 0."""

import json
import shutil
from pathlib import Path

import pytest

from warmtune.sweeping.point import read_points


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
    assert gap.split("|")[5].split()[0] == "+0.0"  # to base and to control: nothing was rewritten
    assert gap.split("|")[6].split()[0] == "+0.0"


def test_the_same_command_keeps_what_is_done(swept, warmtune):
    store, arguments, _ = swept
    before = {file: file.stat().st_mtime_ns for file in store.glob("stages/*/manifest.json")}
    again = warmtune(*arguments)
    assert again.returncode == 2
    assert before == {file: file.stat().st_mtime_ns for file in store.glob("stages/*/manifest.json")}
