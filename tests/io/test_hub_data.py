"""Hub datasets at a commit, against a stand-in for the Hub: `datasets` and `huggingface_hub` ask it over HTTP."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("dataset_hub", Path(__file__).parent / "dataset_hub.py")
dataset_hub = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dataset_hub)

READ = """
import dataclasses, json, sys
from warmtune.config.compose import load
from warmtune.errors import UserError
from warmtune.io.hub_data import pin
from warmtune.io.sources import parsed, rows
try:
    settings = pin(load("quickstart", ["data.path=hub:org/chats", *sys.argv[1:]]))
    (source,) = settings.data.sources
    read = [parsed(row)["q"] for row in rows(source, lambda _: True, "data.path")]
    print(json.dumps({"revision": source.revision, "rows": read}))
except UserError as error:
    print(json.dumps({"error": str(error)}))
"""
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def hub():
    server = dataset_hub.DatasetHub()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def read(tmp_path):
    def read(endpoint, *overrides, offline=False):
        own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": str(int(offline))}
        done = subprocess.run(
            [sys.executable, "-c", READ, *overrides], env=os.environ | own, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) | {"said": done.stderr}

    return read


def _lines(*questions):
    return "".join(json.dumps({"q": one}) + "\n" for one in questions)


@pytest.mark.slow
@pytest.mark.parametrize("streaming", ["true", "false"])
def test_changed_data_is_read_anew_and_a_pinned_commit_stays(hub, read, streaming):
    more = f"data.streaming={streaming}"
    first = hub.commit("org/chats", train_jsonl=_lines("one", "two"))
    assert read(hub.url, more) | {"said": ""} == {"revision": first, "rows": ["one", "two"], "said": ""}
    second = hub.commit("org/chats", train_jsonl=_lines("three"))
    assert read(hub.url, more) | {"said": ""} == {"revision": second, "rows": ["three"], "said": ""}
    assert read(hub.url, more, f"data.revision={first}")["rows"] == ["one", "two"]


@pytest.mark.slow
@pytest.mark.parametrize("offline", [True, False])
def test_out_of_reach_the_cached_commit_is_used_and_named(hub, read, offline):
    first = hub.commit("org/chats", train_jsonl=_lines("one", "two"))
    second = hub.commit("org/chats", train_jsonl=_lines("three"))
    assert read(hub.url)["revision"] == second
    kept = read(NOWHERE, offline=offline)
    assert kept["rows"] == ["three"]
    assert kept["revision"] == second
    assert f"read from the cache, at commit {second[:12]}" in kept["said"]
    other = read(NOWHERE, f"data.revision={first}", offline=offline)
    assert "the copy on this machine is of another commit" in other["error"]


@pytest.mark.slow
def test_what_was_never_read_cannot_be_had_out_of_reach(read):
    assert "not in the Hub's cache and the Hub cannot be reached" in read(NOWHERE)["error"]


@pytest.mark.slow
def test_a_name_or_revision_that_is_not_there_ends_in_a_sentence(hub, read):
    assert "org/chats (data, revision main) cannot be had" in read(hub.url)["error"]
    hub.commit("org/chats", train_jsonl=_lines("one"))
    assert "revision v9) cannot be had" in read(hub.url, "data.revision=v9")["error"]
