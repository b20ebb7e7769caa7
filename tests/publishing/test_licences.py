from dataclasses import replace

import pytest
import yaml

from warmtune.config.compose import config_root, load
from warmtune.publishing.licences import base_licence, data_sources

UNKNOWN = (
    "The licence of the base org/unknown is not known{}; look it up, and give its Hub id, such as mit: --license ID"
    " (in a recipe: publish.license)."
)


def _hubs():
    files = sorted((config_root() / "conf" / "model").glob("*.yaml"))
    found = [yaml.safe_load(file.read_text())["hub"] for file in files]
    return [hub for hub in found if hub != "???" and not hub.startswith("warmtune/")]


def test_the_licence_of_every_shipped_base_is_known():
    assert len(_hubs()) >= 15
    for hub in _hubs():
        found = base_licence(hub, None, None)
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
    card = tmp_path / "README.md"
    assert base_licence("org/unknown", None, None) == UNKNOWN.format("")
    assert base_licence("org/unknown", None, card) == UNKNOWN.format("")
    card.write_text("---\nlicense: other\nlicense_name: mine\nlicense_link: https://example.org\n---\nHi\n")
    found = base_licence("org/unknown", None, card)
    assert (found.id, found.name, found.link, found.asks) == ("other", "mine", "https://example.org", ())
    assert base_licence("org/mine", "llama3.1", None).begins == "Llama"
    card.write_text("---\nlicense: other\nlicense_name: mrl\n---\n")
    assert base_licence("org/unknown", None, card).title == "Mistral AI Research License"
    card.write_text("---\nlicense: other\nlicense_name: own\nlicense_link: LICENSE\n---\n")
    assert base_licence("org/unknown", None, card).link == "https://huggingface.co/org/unknown/blob/main/LICENSE"


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("license: [mit, apache-2.0]", " (its card names mit, apache-2.0)"),
        ("license: other", " (its card names other)"),
        ("license: free for all", " (its card names free for all)"),
        ("license: unknown", " (its card names unknown)"),
        ("license: []", ""),
        ("license: [", ""),
        ("- a", ""),
        ("no: licence", ""),
    ],
)
def test_a_card_that_names_no_one_licence_opens_nothing(tmp_path, head, why):
    card = tmp_path / "README.md"
    card.write_text(f"---\n{head}\n---\n")
    assert base_licence("org/unknown", None, card) == UNKNOWN.format(why)
    assert base_licence("org/unknown", "mit", card).id == "mit"


def test_a_list_of_one_licence_is_that_licence(tmp_path):
    (tmp_path / "README.md").write_text("---\nlicense: [MIT]\n---\n")
    assert base_licence("org/unknown", None, tmp_path / "README.md").id == "mit"


def test_a_card_that_is_no_text(tmp_path):
    (tmp_path / "README.md").write_bytes(b"\xff\xfe---\n")
    assert base_licence("org/unknown", None, tmp_path / "README.md") == UNKNOWN.format("")


def test_what_is_known_is_not_overruled(tmp_path):
    llama = "meta-llama/Llama-3.1-8B-Instruct"
    told = base_licence(llama, "mit", None)
    assert told == (
        f"The licence of the base {llama} is Llama 3.1 Community License (llama3.1), not mit; leave out --license (in a"
        " recipe: publish.license)."
    )
    assert base_licence(llama, "llama3.1", None).begins == "Llama"
    assert base_licence("Qwen/Qwen2.5-3B-Instruct", "qwen-research", None).name == "qwen-research"
    assert "not qwen;" in base_licence("Qwen/Qwen2.5-3B-Instruct", "qwen", None)
    (tmp_path / "README.md").write_text("---\nlicense: gemma\n---\n")
    assert "is Gemma Terms of Use (gemma), not mit" in base_licence("org/unknown", "mit", tmp_path / "README.md")


@pytest.mark.parametrize(
    "given", ["totally wrong", "apache2", "other", "other mine", "other mine LICENSE", "unknown", ""]
)
def test_a_text_that_is_no_licence_is_refused(given):
    assert f"'{given}' is no licence that the Hub knows." in base_licence("org/unknown", given, None)


def test_a_licence_without_an_id_is_given_by_name_and_link():
    found = base_licence("org/unknown", "other mine https://example.org/terms", None)
    assert (found.id, found.name, found.link) == ("other", "mine", "https://example.org/terms")
    assert base_licence("org/unknown", "CC-BY-4.0", None).id == "cc-by-4.0"
    assert "Did you mean 'apache-2.0'?" in base_licence("org/unknown", "apache-2", None)


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
