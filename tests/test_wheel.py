"""An installed wheel runs from any folder, with its own conf and recipes."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, unpacked where nothing of the repository is."""
    folder = tmp_path_factory.mktemp("wheel")
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    made = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True, check=True)
    wheel = folder / made.stdout.strip().splitlines()[-1]
    site = folder / "site"
    zipfile.ZipFile(wheel).extractall(site)
    return site


def _run(installed, folder, *arguments):
    command = [sys.executable, "-m", "warmtune", *arguments]
    environment = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=400)


def test_it_is_the_installed_one_that_runs(installed, tmp_path):
    code = "import warmtune, warmtune.config.compose as r; print(warmtune.__file__); print(r.config_root())"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(line.startswith(str(installed)) for line in found.stdout.splitlines())
    assert "quickstart" in _run(installed, tmp_path, "recipes").stdout


def test_it_runs_every_stage_from_another_folder(installed, tmp_path, tiny_overrides):
    done = _run(installed, tmp_path, "run", "quickstart", *tiny_overrides)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("runs/quickstart-*/report/report.html"))
