import json
from dataclasses import replace

import pytest
from huggingface_hub import constants
from standin_hub import Repo

from warmtune.models.base import Base, with_template
from warmtune.publishing.adapter_base import base_file, find_base, trained_on
from warmtune.publishing.publish_folder import Publication

COMMIT = "c" * 40
THINKING = {"enable_thinking": False}


@pytest.fixture
def cached(quickstart, tmp_path, monkeypatch):
    """Settings of a model on the Hub, and its folder in the Hub's cache, without any weights."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--org--base"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots" / COMMIT).mkdir(parents=True)
    (folder / "snapshots" / COMMIT / "config.json").write_text("{}")
    return replace(quickstart.model, hub="org/base", package=None), folder / "snapshots" / COMMIT


def test_a_base_in_its_folder_or_its_package(quickstart, tiny_settings, tiny_base, embedded):
    assert find_base(tiny_settings.model) == tiny_base
    assert find_base(quickstart.model) == embedded
    assert find_base(replace(tiny_settings.model, path="nowhere")) is None


def test_a_base_in_the_hubs_cache_and_one_that_is_nowhere(cached):
    model, folder = cached
    assert find_base(replace(model, hub="org/none")) is None
    (folder / "model.safetensors").write_text("weights")
    found = find_base(model)
    assert found is not None
    assert (found.folder, found.fingerprint, found.commit, found.kind) == (folder, COMMIT, COMMIT, "hub")
    assert find_base(replace(model, revision="d" * 40)) is None
    thinking = find_base(replace(model, template=THINKING))
    assert (len(thinking.fingerprint), thinking.commit) == (64, COMMIT)


def test_a_base_that_is_there_in_part_is_not_fetched(hub, cached, monkeypatch):
    model, folder = cached
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder.parents[2]))
    files = {"config.json": b"{}", "model.safetensors": b"weights"}
    hub.repos["org/base"] = Repo(private=False, files=files, commits=[COMMIT])
    assert find_base(model) is None
    index = {"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model-1-of-2.safetensors").write_text("one")
    assert find_base(model) is None
    (folder / "model-2-of-2.safetensors").write_text("two")
    assert find_base(model).folder == folder
    assert hub.asked == []


def test_the_commit_that_was_tuned_is_found_behind_a_template(cached, quickstart):
    model, folder = cached
    thinking = replace(model, template=THINKING)
    assert trained_on(COMMIT, model, None) == ("hub", COMMIT)
    assert trained_on(with_template(COMMIT, THINKING), thinking, None) == ("hub", COMMIT)  # by the cache
    other = "d" * 40
    tuned = with_template(other, THINKING)
    assert trained_on(tuned, thinking, None) == ("hub", None)
    assert trained_on(tuned, replace(thinking, revision=other), None) == ("hub", other)
    here = Base(model.name, model.hub, None, folder, tuned, kind="hub", commit=other)
    assert trained_on(tuned, thinking, here) == ("hub", other)
    assert trained_on("f" * 64, replace(model, path="somewhere"), None) == ("folder", None)
    assert trained_on("f" * 64, quickstart.model, None) == ("package", None)


def test_a_card_that_tuning_did_not_fetch_is_read_from_the_hub(hub, quickstart, tmp_path, monkeypatch):
    files = {"README.md": b"---\nlicense: llama3.1\n---\n", "LICENSE": b"All of it.\n"}
    hub.repos["org/base"] = Repo(private=False, files=files, commits=[COMMIT])
    base = Base("base", "org/base", None, tmp_path / "nowhere", COMMIT, kind="hub", commit=COMMIT)
    model = replace(quickstart.model, hub="org/base", package=None)
    what = Publication(replace(quickstart, model=model), {}, base)
    assert what.base_licence.id == "llama3.1"
    assert [file.read_text() for file in what.licence_files] == ["All of it.\n"]
    assert base_file(base, "USE_POLICY.md") is None
    assert base_file(replace(base, commit=None), "README.md") is None
    hub.repos["org/base"].files["README.md"] = b"---\nlicense: mit\n---\n"
    assert Publication(replace(quickstart, model=model), {}, base).base_licence.id == "llama3.1"  # of that commit
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    offline = Publication(replace(quickstart, model=model), {}, base)
    assert "The licence of the base org/base is not known" in offline.unlicensed
