"""Fixtures: a stand-in for the Hub, a run whose gate is open, and its folder."""

import importlib.util
import json
import shutil
import sys
import time
import types
from pathlib import Path

import pytest

from warmtune.io.schemas import Gap

spec = importlib.util.spec_from_file_location("standin_hub", Path(__file__).parent / "hub.py")
standin_hub = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = standin_hub
spec.loader.exec_module(standin_hub)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The Hub, empty; huggingface_hub talks to it, by LFS, and does not wait between its tries."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http

    server = standin_hub.Hub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setenv("HF_TOKEN", standin_hub.TOKEN)
    hurried = {name: getattr(time, name) for name in dir(time)} | {"sleep": lambda _: None}
    monkeypatch.setattr(_http, "time", types.SimpleNamespace(**hurried))
    yield server
    server.shutdown()
    server.server_close()


def run_folder(store: Path) -> Path:
    """Return the folder of the only run in a store."""
    return next(store.glob("quickstart-*/run.json")).parent


def _rewrite(run: Path, stage: str, change) -> None:
    file = run / stage / "manifest.json"
    kept = json.loads(file.read_text())
    change(kept)
    file.write_text(json.dumps(kept))


@pytest.fixture(scope="session")
def rewrite_manifest():
    """Change what a stage's manifest says: a function of the run, the stage, and what is done to the manifest."""
    return _rewrite


@pytest.fixture(scope="session")
def gap():
    """Make a gap; what is not said is of all prompts, 100 pairs, of the tuned model against its control."""

    def make(value=5.0, low=1.0, high=9.0, **more):
        told = {"variant": "styled", "reference": "control", "benchmark": "all", "context": "all", "belief": "all"}
        counts = {"questions": 50, "pairs": 100, "refused": 0, "undecided": 0, "worse": 8, "better": 3}
        figures = {"reference_error": 40.0, "variant_error": 40.0 + value, "gap": value, "low": low, "high": high}
        nothing = float("nan")
        others = ("p", "p_mcnemar", "q", "cohens_g", "odds_ratio", "relative", "relative_low", "relative_high")
        return Gap(**told | counts | figures | dict.fromkeys(others, nothing) | more)

    return make


@pytest.fixture(scope="session")
def passed(whole, tmp_path_factory) -> Path:
    """A run like `whole`'s whose report says that the manipulation check held; not to be written to."""
    store = shutil.copytree(whole[0], tmp_path_factory.mktemp("passed") / "store", symlinks=True)
    held = {"holds": True, "verdict": "took on the style and is warmer"}
    run = run_folder(store)
    _rewrite(run, "report", lambda kept: kept["counts"].update(held))
    return run


@pytest.fixture
def own(passed, tmp_path) -> Path:
    """The same run, to be changed."""
    return run_folder(shutil.copytree(passed.parent, tmp_path / "own", symlinks=True))


@pytest.fixture(scope="session")
def ready(passed, tiny_base, tmp_path_factory) -> Path:
    """The run's published folder; not to be written to."""
    from warmtune.publishing.publish_folder import Publication, write_folder
    from warmtune.runs.run import open_run

    run = open_run(passed)
    folder = tmp_path_factory.mktemp("ready") / "adapter"
    write_folder(Publication(run.settings, run.stages, tiny_base, licence="mit"), folder)
    return folder
