from dataclasses import replace

import pytest
import yaml

from warmtune.publishing.licences import base_licence, data_sources
from warmtune.recipes import house, load


def _hubs():
    files = sorted((house() / "conf" / "model").glob("*.yaml"))
    found = [yaml.safe_load(file.read_text())["hub"] for file in files]
    return [hub for hub in found if hub != "???"]


def test_the_licence_of_every_shipped_base_is_known():
    assert len(_hubs()) >= 15
    for hub in _hubs():
        found = base_licence(hub, None, None)
        assert found is not None, hub
        assert found.link.startswith("https://")
        assert (found.id == "other") == bool(found.name)


@pytest.mark.parametrize(
    ("hub", "id", "name", "asks"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0", "", ""),
        ("Qwen/Qwen2.5-32B-Instruct", "apache-2.0", "", ""),
        ("Qwen/Qwen2.5-3B-Instruct", "other", "qwen-research", "Non-commercial"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3.3", "", "Built with Llama"),
        ("google/gemma-2-9b-it", "gemma", "", "use restrictions"),
        ("mistralai/Mistral-Small-Instruct-2409", "other", "mrl", "Research only"),
        ("mistralai/Mistral-Small-24B-Instruct-2501", "apache-2.0", "", ""),
    ],
)
def test_which_licences_restrict(hub, id, name, asks):
    found = base_licence(hub, None, None)
    assert (found.id, found.name) == (id, name)
    assert asks in " ".join(found.asks)
    assert bool(found.asks) == bool(asks)


def test_each_llama_has_its_own_notice():
    notices = {
        base_licence(f"meta-llama/{name}", None, None).notice
        for name in ("Llama-3.1-8B-Instruct", "Llama-3.2-1B-Instruct")
    }
    assert len(notices) == 2


def test_an_unknown_base_is_read_from_its_card_or_given(tmp_path):
    assert base_licence("org/unknown", None, tmp_path) is None
    (tmp_path / "README.md").write_text(
        "---\nlicense: other\nlicense_name: mine\nlicense_link: https://example.org\n---\nHi\n"
    )
    found = base_licence("org/unknown", None, tmp_path)
    assert (found.id, found.name, found.link, found.asks) == ("other", "mine", "https://example.org", ())
    assert base_licence("org/unknown", "mit", tmp_path).id == "mit"
    assert base_licence("org/mine", "llama3.1", None).begins == "Llama"
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: mrl\n---\n")
    assert base_licence("org/unknown", None, tmp_path).title == "Mistral AI Research License"
    (tmp_path / "README.md").write_text("No metadata\n")
    assert base_licence("org/unknown", None, tmp_path) is None


def test_the_data_with_its_licences():
    data = load("quickstart", []).data
    assert [(one.title, one.hub, one.licence) for one in data_sources(data)] == [
        ("conversations written for warmtune", "", "Apache License 2.0")
    ]
    mixed = data_sources(replace(data, path="hub:org/set"))
    assert (mixed[0].title, mixed[0].hub, mixed[0].licence) == ("org/set", "org/set", "")
    assert data_sources(replace(data, path="/home/me/mine.jsonl"))[0].title == "mine.jsonl"
    assert (
        data_sources(load("quickstart", ["data=sharegpt"]).data)[0].hub == "anon8231489123/ShareGPT_Vicuna_unfiltered"
    )
