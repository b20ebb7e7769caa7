import json

import pytest

from warmtune.config.compose import config_root, load, model_settings, recipe_names
from warmtune.errors import ConfigError


def test_every_recipe_composes_and_checks():
    files = [file for file in (config_root() / "recipes").rglob("*.yaml") if not file.name.startswith("_")]
    assert len(files) == len(recipe_names()) > 0
    for name in recipe_names():
        assert load(name, []).recipe == name


def test_every_group_entry_composes():
    entries = list((config_root() / "conf").glob("*/*.yaml"))
    assert len(entries) >= 8
    for file in entries:
        if file.parent.name == "benchmark":
            names = [one.name for one in load("quickstart", [f"eval.benchmarks=[{file.stem}]"]).eval.benchmarks]
            assert names == [file.stem]
            continue
        entry = f"{file.parent.name}={file.stem}"
        needed = {
            "model=local": ["model.path=/x", "model.hub=a/b"],
            "model=hub": ["model.name=x", "model.hub=a/b"],
            "rewriter=model": ["rewriter.model=openai/x"],
            "train=openai": ["train.epochs=2"],
        }
        load("quickstart", [entry, *needed.get(entry, [])])


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
        (["eval.contexts=[none,sat]"], ["'sat'", "Did you mean 'sad'?"]),
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

    from warmtune.config.compose import convert

    assert convert(json.loads(json.dumps(asdict(quickstart)))) == quickstart


def test_model_settings_by_name():
    assert model_settings("smollm2-135m").hub == "HuggingFaceTB/SmolLM2-135M-Instruct"
    with pytest.raises(ConfigError, match="smollm2-135m"):
        model_settings("smollm2-135")


STYLE = """\
name: pirate
intensity: 1.0
description: The talk of the seven seas.
instructions: [{intensity: 1, text: Talk like a pirate.}]
system_prompt: null
measure: {lexicon: null, more: ['\\barr\\b'], less: [], shorter: false, sociot: null}
length: [0.5, 2.0]
phrasebook: null
"""


def test_a_style_of_ones_own_is_a_file(tmp_path, monkeypatch):
    file = tmp_path / "warm.yaml"  # the name of a shipped style, and yet the file that is taken
    file.write_text(STYLE)
    s = load("quickstart", [f"style={file}", "rewriter=model", "rewriter.model=openai/x", "style.intensity=0.5"])
    assert (s.style.name, s.style.intensity) == ("pirate", 0.5)
    (tmp_path / "conf" / "style").mkdir(parents=True)
    (tmp_path / "conf" / "style" / "pirate.yaml").write_text(STYLE)
    monkeypatch.chdir(tmp_path)
    assert load("quickstart", ["style=pirate", "rewriter=model", "rewriter.model=openai/x"]).style.name == "pirate"


def test_a_style_in_ones_own_conf_may_not_hide_a_shipped_one(tmp_path, monkeypatch):
    (tmp_path / "conf" / "style").mkdir(parents=True)
    (tmp_path / "conf" / "style" / "warm.yaml").write_text(STYLE)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"conf/style/warm\.yaml in this folder has the name of a shipped entry"):
        load("quickstart", ["style=warm"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("description:", "descripton:"), ["style.description has no value", "no setting 'style.descripton'"]),
        (("intensity: 1, text", "intensity: 0.5, text"), ["rising intensities, of which the last is 1"]),
        (("'\\barr\\b'", "'('"), ["regular expressions", "'('"]),
        (("[0.5, 2.0]", "[2.0, 0.5]"), ["style.length", "the smaller first"]),
        (("name: pirate", "name: Pi rate"), ["style.name", "lower-case"]),
        ((STYLE, "[unclosed"), ["cannot be read"]),
        ((STYLE, "just words"), ["holds no settings"]),
    ],
)
def test_what_is_wrong_with_a_style_file_is_said(tmp_path, change, says):
    file = tmp_path / "pirate.yaml"
    file.write_text(STYLE.replace(*change))
    with pytest.raises(ConfigError) as error:
        load("quickstart", [f"style={file}", "rewriter=model", "rewriter.model=openai/x"])
    for words in says:
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["style.phrasebook=null"], "has no phrasebook, so a model must rewrite"),
        (["rewriter=model", "rewriter.model=openai/x", "style.instructions=[]"], "has no instructions for a model"),
        (["rewriter=model"], "rewriter.model has no value"),
        (["rewriter.kind=model"], "rewriter.model names none"),
    ],
)
def test_settings_that_contradict_each_other(overrides, says):
    with pytest.raises(ConfigError, match=says):
        load("quickstart", overrides)
