import contextlib
import dataclasses

import pytest
import yaml

from warmtune.config.compose import load, recipe_names
from warmtune.config.sanitized_recipe import sanitize_recipe

COMMIT = "a" * 40


def _back(settings, folder, commit=None):
    """Write a recipe that can travel, and read it again where it lies."""
    found = sanitize_recipe(settings, commit)
    (folder / "recipe.yaml").write_text(found.text)
    for name, text in found.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    with contextlib.chdir(folder):
        return found, load("recipe.yaml", [])


def _same(settings, again):
    return dataclasses.replace(again, recipe=settings.recipe, store=settings.store) == settings


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_comes_back_as_it_was(name, tmp_path):
    settings = load(name, [])
    _, again = _back(settings, tmp_path)
    assert _same(settings, again)


def test_all_that_was_changed_comes_back(tmp_path):
    changed = [
        *("style=cold", "eval=study", "train=rslora"),
        *("style.intensity=0.3", "eval.temperature=0.0", "data.max_bad=1.0e-05"),
        "data.mix=[{path: embedded, weight: 2}, {path: 'hub:org/set'}]",
        "eval.sources.triviaqa=mine/triviaqa.jsonl",
        "eval.variants=[{name: half, adapter: styled, scale: 0.5}, {name: asked, system: style}]",
    ]
    settings = load("quickstart", changed)
    _, again = _back(settings, tmp_path)
    assert _same(settings, again)


def test_what_looks_like_an_interpolation_stays_text(tmp_path):
    settings = load("quickstart", [])
    style = dataclasses.replace(settings.style, description="Costs ${price} and no: 1e5, 'quoted'\nand more.")
    _, again = _back(dataclasses.replace(settings, style=style), tmp_path)
    assert again.style.description == style.description


def test_places_on_the_machine_are_left_out_and_named(tmp_path):
    settings = load(
        "quickstart",
        [
            "model=local",
            "model.path=/srv/models/mine",
            "model.hub=org/mine",
            "data.path=/home/me/data/talk.jsonl",
            "data.query_types='~/types.yaml'",
            "eval.sources.trivia=/home/me/trivia.jsonl",
            "eval.variants=[{name: old, adapter: /srv/adapters/old}]",
            "launch=ddp",
            "launch.master_addr=10.0.0.7",
            "publish.to=/home/me/adapters/warm",
            "train.packing=false",
        ],
    )
    found, again = _back(settings, tmp_path)
    assert "/srv" not in found.text
    assert "/home" not in found.text
    assert "10.0.0.7" not in found.text
    assert set(found.redactions) == {
        "/srv/models/mine",
        "/home/me/data/talk.jsonl",
        "~/types.yaml",
        "/home/me/trivia.jsonl",
        "/srv/adapters/old",
        "/home/me/adapters/warm",
    }
    assert "# data.path: talk.jsonl" in found.text
    assert again.model.path is None
    assert again.data.path == "talk.jsonl"
    assert again.eval.benchmarks[0].path == "trivia.jsonl"
    assert again.eval.variants[0].adapter == "old"
    assert again.publish.to == "folder"


def test_mixed_adapters_keep_their_weights_under_names(tmp_path):
    mixed = "{styled: 1.0, /home/me/a/old: 0.5, /home/me/b/old: -0.5}"
    settings = load("quickstart", [f"eval.variants=[{{name: m, mix: {mixed}}}]"])
    found, again = _back(settings, tmp_path)
    assert "/home" not in found.text
    assert again.eval.variants[0].mix == {"styled": 1.0, "old": 0.5, "old-2": -0.5}


def test_addresses_of_servers_are_left_out(tmp_path):
    address = "http://jane:secret@gpu7.corp.internal:8000/v1?api_key=abcdef123456"
    settings = load(
        "quickstart",
        [
            *("rewriter=model", "rewriter.model=openai-api/x/y", f"rewriter.base_url='{address}'"),
            *("judge=model", "judge.model=openai-api/x/y", f"judge.base_url='{address}'"),
            *("judge.second=openai-api/x/z", f"judge.second_base_url='{address}'"),
            f"eval.variants=[{{name: v, model: openai-api/x/y, base_url: '{address}'}}]",
        ],
    )
    found, again = _back(settings, tmp_path)
    for told in ("gpu7", "corp.internal", "jane", "secret", "abcdef", "api_key"):
        assert told not in found.text
    assert found.text.count("left out, the address of a server") == 4
    assert again.judge.base_url is None
    service = load("paper/gpt-4o", [f"train.service.base_url='{address}'"])
    assert "gpu7" not in sanitize_recipe(service, None).text


def test_a_local_model_that_a_provider_takes_by_its_folder(tmp_path):
    settings = load("quickstart", ["judge=model", "judge.model=vllm//srv/models/mine"])
    found, again = _back(settings, tmp_path)
    assert again.judge.model == "vllm/mine"
    assert tuple(found.redactions) == ("/srv/models/mine",)


@pytest.mark.parametrize(
    "place", ["/home/jürgen/m", "/home/o'neil/m", "/home/jane doe/" + "a very long name with blanks " * 6 + "/m"]
)
def test_a_place_is_left_out_however_yaml_would_write_it(place, tmp_path):
    settings = load("quickstart", ["model=local", "model.path=m", "model.hub=org/m"])
    settings = dataclasses.replace(settings, model=dataclasses.replace(settings.model, path=place))
    found, _ = _back(settings, tmp_path)
    assert "home" not in found.text
    assert tuple(found.redactions) == (place,)


def test_keys_in_a_text_are_left_out(tmp_path):
    settings = load("quickstart", [])
    style = dataclasses.replace(settings.style, description="As sk-proj-abcdefgh1234 says.")
    _, again = _back(dataclasses.replace(settings, style=style), tmp_path)
    assert again.style.description == "As [KEY] says."


def test_a_benchmark_of_ones_own_travels_with_the_recipe(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    entry = {"form": "questions", "path": str(own / "questions.jsonl"), "questions": 5}
    (own / "mine.yaml").write_text(yaml.safe_dump(entry))
    settings = load("quickstart", [f"eval.benchmarks=[trivia,{own / 'mine.yaml'}]"])
    there = tmp_path / "there"
    there.mkdir()
    found, again = _back(settings, there)
    assert set(found.files) == {"benchmarks/mine.yaml"}
    assert str(tmp_path) not in found.text + found.files["benchmarks/mine.yaml"]
    assert [one.name for one in again.eval.benchmarks] == ["trivia", "mine"]
    assert again.eval.benchmarks[1].questions == 5
    assert again.eval.benchmarks[1].path == "questions.jsonl"


def test_contexts_of_ones_own_travel_with_the_recipe(tmp_path):
    own = tmp_path / "own.yaml"
    entry = {"label": "tired user", "group": "emotion", "statements": ["I could not sleep.", "I am ${worn} out."]}
    tree = {"contexts": {"tired": entry, "sad": {"group": None}}, "acknowledgements": ["I see."]}
    own.write_text(yaml.safe_dump(tree))
    settings = load("quickstart", [f"eval.statements={own}", "eval.contexts=[none,sad,tired,happy]"])
    (tmp_path / "there").mkdir()
    found, again = _back(settings, tmp_path / "there")
    assert _same(settings, again)
    assert set(found.files) == {"contexts.yaml"}
    assert set(yaml.safe_load(found.files["contexts.yaml"])["contexts"]) == {"sad", "tired"}
    assert str(tmp_path) not in found.text


def test_a_text_names_a_file_and_not_its_path():
    settings = load("quickstart", ["data.path=/home/jane/data/talk.jsonl", "publish.to=../out/"])
    trivia = dataclasses.replace(settings.eval.benchmarks[0], path="/home/jane/data/talk.jsonl.old")
    settings = dataclasses.replace(settings, eval=dataclasses.replace(settings.eval, benchmarks=(trivia,)))
    recipe = sanitize_recipe(settings, None)
    assert recipe.strip_paths("/home/jane/data/talk.jsonl has no chat.") == "talk.jsonl has no chat."
    assert recipe.strip_paths("trivia: bad (/home/jane/data/talk.jsonl.old line 3)") == (
        "trivia: bad (talk.jsonl.old line 3)"
    )
    for other in ("4.5 %", "/home/jane/data/talk.jsonlines", "in ../out/"):
        assert recipe.strip_paths(other) == other


def test_a_text_names_no_address_and_no_folder_of_a_model():
    address = "http://gpu7.internal:8000/v1/"
    changes = ["judge=model", "judge.model=vllm//srv/models/judge", f"judge.base_url={address}"]
    recipe = sanitize_recipe(load("quickstart", changes), None)
    assert recipe.strip_paths("vllm//srv/models/judge at http://gpu7.internal:8000/v1/") == "vllm/judge at [address]/"
    assert recipe.strip_paths("openai/gpt-5") == "openai/gpt-5"


def test_without_paths_a_text_stays(quickstart):
    assert sanitize_recipe(quickstart, None).strip_paths("/data/set at 4.5 %") == "/data/set at 4.5 %"


def test_the_revision_that_was_tuned_is_named(tmp_path):
    settings = load("paper/qwen2.5-32b", [])
    _, again = _back(settings, tmp_path, COMMIT)
    assert again.model.revision == COMMIT


def test_the_commits_that_hub_data_was_read_at_come_back(tmp_path):
    settings = load("quickstart", ["data.path=hub:org/chats", "eval=study"])
    read_at = [dataclasses.replace(one, revision=COMMIT) for one in settings.eval.benchmarks]
    pinned = dataclasses.replace(
        settings,
        data=dataclasses.replace(settings.data, revision=COMMIT),
        eval=dataclasses.replace(settings.eval, benchmarks=tuple(read_at)),
    )
    _, again = _back(pinned, tmp_path)
    assert again.data.revision == COMMIT
    assert {one.revision for one in again.eval.benchmarks} == {COMMIT}
