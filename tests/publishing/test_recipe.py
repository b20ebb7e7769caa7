import contextlib
import dataclasses

import pytest
import yaml

from warmtune.publishing.recipe import portable
from warmtune.recipes import load, recipe_names

COMMIT = "a" * 40


def _back(settings, folder, fingerprint="f" * 64):
    """Write a recipe that can travel, and read it again where it lies."""
    found = portable(settings, fingerprint)
    (folder / "recipe.yaml").write_text(found.recipe)
    for name, text in found.benchmarks.items():
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
            "launch.address=10.0.0.7",
            "train.packing=false",
        ],
    )
    found, again = _back(settings, tmp_path)
    assert "/srv" not in found.recipe
    assert "/home" not in found.recipe
    assert "10.0.0.7" not in found.recipe
    assert set(found.places) == {
        "/srv/models/mine",
        "/home/me/data/talk.jsonl",
        "~/types.yaml",
        "/home/me/trivia.jsonl",
        "/srv/adapters/old",
    }
    assert "# data.path: talk.jsonl" in found.recipe
    assert again.model.path is None
    assert again.data.path == "talk.jsonl"
    assert again.eval.benchmarks[0].path == "trivia.jsonl"
    assert again.eval.variants[0].adapter == "old"


def test_a_benchmark_of_ones_own_travels_with_the_recipe(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    entry = {"form": "questions", "path": str(own / "questions.jsonl"), "questions": 5}
    (own / "mine.yaml").write_text(yaml.safe_dump(entry))
    settings = load("quickstart", [f"eval.benchmarks=[trivia,{own / 'mine.yaml'}]"])
    there = tmp_path / "there"
    there.mkdir()
    found, again = _back(settings, there)
    assert set(found.benchmarks) == {"benchmarks/mine.yaml"}
    assert str(tmp_path) not in found.recipe + found.benchmarks["benchmarks/mine.yaml"]
    assert [one.name for one in again.eval.benchmarks] == ["trivia", "mine"]
    assert again.eval.benchmarks[1].questions == 5
    assert again.eval.benchmarks[1].path == "questions.jsonl"


def test_the_revision_that_was_tuned_is_named(tmp_path):
    settings = load("paper/qwen2.5-32b", [])
    _, again = _back(settings, tmp_path, COMMIT)
    assert again.model.revision == COMMIT
