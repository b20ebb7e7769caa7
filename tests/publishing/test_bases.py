from dataclasses import replace

from huggingface_hub import constants

from warmtune.publishing.bases import base_here

COMMIT = "c" * 40


def test_a_base_in_its_folder_or_its_package(quickstart, tiny_settings, tiny_base, embedded):
    assert base_here(tiny_settings.model) == tiny_base
    assert base_here(quickstart.model) == embedded
    assert base_here(replace(tiny_settings.model, path="nowhere")) is None


def test_a_base_in_the_hubs_cache_and_one_that_is_nowhere(quickstart, tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = replace(quickstart.model, hub="org/base", package=None)
    assert base_here(model) is None
    folder = tmp_path / "models--org--base"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    (folder / "snapshots" / COMMIT).mkdir(parents=True)
    (folder / "snapshots" / COMMIT / "config.json").write_text("{}")
    found = base_here(model)
    assert found is not None
    assert (found.folder, found.fingerprint) == (folder / "snapshots" / COMMIT, COMMIT)
    assert base_here(replace(model, revision="d" * 40)) is None
    assert len(base_here(replace(model, template={"enable_thinking": False})).fingerprint) == 64
