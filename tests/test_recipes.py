import json

import pytest

from warmtune.errors import ConfigError
from warmtune.recipes import house, load, model_settings, recipe_names


def test_every_recipe_composes_and_checks():
    files = list((house() / "recipes").rglob("*.yaml"))
    assert len(files) == len(recipe_names()) > 0
    for name in recipe_names():
        assert load(name, []).recipe == name


def test_every_group_entry_composes():
    entries = list((house() / "conf").glob("*/*.yaml"))
    assert len(entries) >= 8
    for file in entries:
        needed = ["model.path=/x", "model.hub=a/b"] if file.stem == "local" else []
        load("quickstart", [f"{file.parent.name}={file.stem}", *needed])


def test_overrides_win():
    settings = load("quickstart", ["style.intensity=0.25", "train.epochs=3", "eval.questions=all"])
    assert settings.style.intensity == 0.25
    assert settings.train.epochs == 3
    assert settings.eval.questions == "all"


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["style.intensty=1"], ["no setting 'style.intensty'", "'intensity'"]),
        (["style.intensity=1.5"], ["style.intensity is 1.5", "at most 1"]),
        (["style.intensity=-0.1"], ["style.intensity is -0.1", "at least 0"]),
        (["train.rank=eight"], ["train.rank is 'eight'", "a whole number"]),
        (["train.rank=8.5"], ["train.rank is 8.5"]),
        (["style=wram"], ["no 'wram' in the group 'style'", "'warm'"]),
        (["eval.conditions=[plane]"], ["'plane'", "Did you mean 'plain'?"]),
        (["frobnicate=1"], ["no setting 'frobnicate'"]),
        (["model=local"], ["model.path has no value", "model.hub has no value"]),
        (["seed=1,2"], ["several values"]),
        (["train.rank"], ["not an override"]),
    ],
)
def test_a_wrong_override_is_said_in_a_sentence(overrides, says):
    with pytest.raises(ConfigError) as error:
        load("quickstart", overrides)
    for words in says:
        assert words in str(error.value)


def test_all_problems_are_reported_at_once():
    with pytest.raises(ConfigError) as error:
        load("quickstrat", ["style.intensity=2", "train.rnak=1", "data=nope", "seed=x"])
    text = str(error.value)
    assert len(error.value.problems) == 5
    for words in ("Did you mean 'quickstart'?", "style.intensity is 2", "'rank'", "group 'data'", "seed is 'x'"):
        assert words in text


def test_a_recipe_file_of_ones_own(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("style:\n  intensity: 0.5\n")
    settings = load(str(file), ["seed=3"])
    assert (settings.recipe, settings.style.intensity, settings.seed) == ("mine", 0.5, 3)


def test_a_recipe_file_that_is_missing_or_broken(tmp_path):
    with pytest.raises(Exception, match=r"does not exist"):
        load(str(tmp_path / "none.yaml"), [])
    broken = tmp_path / "broken.yaml"
    broken.write_text("style: [unclosed\n")
    with pytest.raises(ConfigError, match="cannot be composed"):
        load(str(broken), [])


def test_settings_survive_json(quickstart):
    from dataclasses import asdict

    from warmtune.recipes import convert

    assert convert(json.loads(json.dumps(asdict(quickstart)))) == quickstart


def test_model_settings_by_name():
    assert model_settings("smollm2-135m").hub == "HuggingFaceTB/SmolLM2-135M-Instruct"
    with pytest.raises(ConfigError, match="smollm2-135m"):
        model_settings("smollm2-135")
