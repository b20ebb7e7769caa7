import json
from dataclasses import asdict

import pytest

from warmtune.config.compose import convert, load
from warmtune.config.context_files import SHIPPED, shipped
from warmtune.config.contexts import NO_CONTEXT
from warmtune.errors import ConfigError

TIRED = "tired: {label: tired user, group: emotion, statements: [I could not sleep.]}"


@pytest.fixture
def own(tmp_path):
    """Write a user's file of contexts and return the override that names it."""

    def write(text):
        (tmp_path / "own.yaml").write_text(text)
        return f"eval.statements={tmp_path / 'own.yaml'}"

    return write


def test_every_shipped_context_has_five_statements_and_none_twice():
    entries = shipped().contexts
    every = [text for entry in entries.values() for text in entry["statements"]]
    assert len(entries) == 9
    assert all(len(entry["statements"]) == 5 for entry in entries.values())
    assert len(set(every)) == len(every) == 45
    assert len(set(shipped().acknowledgements)) == 5


def test_the_studys_contexts_have_their_groups():
    grid = load("quickstart", ["eval=study"]).eval.grid
    assert grid.groups == {
        "emotion": ("happy", "sad", "anger"),
        "relation": ("close", "hierarchical_up", "hierarchical_down"),
        "stake": ("high_stakes", "low_stakes"),
    }
    assert grid.label("hierarchical_up") == "admired by the user"
    assert [grid.condition(*part) for part in (("all", "all"), ("stake", "all"), ("sad", "present"))] == [
        "all prompts",
        "any stake",
        "sad user, false belief",
    ]


def test_a_users_file_adds_contexts_and_replaces_what_it_says_of_the_shipped_ones(own):
    file = own(f"contexts: {{{TIRED}, sad: {{statements: [I am sad.]}}, happy: {{group: null}}}}")
    asked = load("quickstart", [file, "eval.contexts=[none,tired,sad,happy]"]).eval
    assert asked.contexts[0] == NO_CONTEXT
    assert [(one.name, one.label, one.group) for one in asked.contexts[1:]] == [
        ("tired", "tired user", "emotion"),
        ("sad", "sad user", "emotion"),
        ("happy", "happy user", None),
    ]
    assert asked.contexts[2].statements == ("I am sad.",)
    assert asked.grid.groups == {"emotion": ("tired", "sad")}
    assert asked.acknowledgements == tuple(shipped().acknowledgements)
    replaced = load("quickstart", [own("acknowledgements: [I see.]")]).eval
    assert replaced.acknowledgements == ("I see.",)


def test_settings_that_were_resolved_are_read_again_as_they_are(own):
    settings = load("quickstart", [own(f"contexts: {{{TIRED}}}"), "eval.contexts=[none,tired]"])
    assert convert(json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("contexts: {tired: {statements: [x]}}", "tired needs a label"),
        ("contexts: {tired: {label: 'a|b', statements: [x]}}", "tired needs a label"),
        ("contexts: {tired: {label: a, statements: []}}", "statements of tired must be a list of texts"),
        ("contexts: {sad: {statements: [' ']}}", "statements of sad must be a list of texts"),
        ("contexts: {sad: [x]}", "sad must have label, group and statements, and nothing else"),
        ("contexts: {sad: {statement: [x]}}", "sad must have label, group and statements, and nothing else"),
        ("contexts: {none: {label: a, statements: [x]}}", "'none' cannot be the name of a context"),
        ("contexts: {no: {label: a, statements: [x]}}", "'False' cannot be the name of a context"),
        ("contexts: {sad: {group: happy}}", "'happy' is both a context and a group"),
        ("contexts: {sad: {group: all}}", "'all' cannot be the name of a group"),
        ("contexts: {sad: {group: A b}}", "the group of sad must be a short name"),
        ("acknowledgements: x", "acknowledgements must be a list of texts"),
        ("context: {}", "it needs the key contexts"),
        ("contexts: [", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_users_file_is_said_among_all_other_problems(own, text, says):
    with pytest.raises(ConfigError) as error:
        load("quickstart", [own(text), "eval.contexts=[none,sat]", "train.rank=0"])
    named, unknown, rank = error.value.problems
    assert "own.yaml" in named
    assert says in named
    assert str(SHIPPED) in named or says == "cannot be read"
    assert unknown.startswith("There is no context 'sat'. Did you mean 'sad'? Known contexts: none, neutral, happy,")
    assert rank.startswith("train.rank is 0")


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["eval.contexts=sad"], "eval.contexts is 'sad', but it must be a list of contexts"),
        (["eval.contexts=[]"], "eval.contexts is [], but it must be a list of contexts"),
        (["eval.contexts=[none,sad,sad]"], "eval.contexts names 'sad' twice."),
        (["eval.contexts=[sad]"], "need 'none' among them"),
        (["eval.statements=3"], "eval.statements is 3, but it must be the path of a YAML file, or null."),
        (["eval.statements=nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["eval.statments=x"], "Did you mean 'statements'?"),
        (["eval.acknowledgements=[x]"], "There is no setting 'eval.acknowledgements'"),
    ],
)
def test_each_problem_is_one_sentence(overrides, says):
    with pytest.raises(ConfigError) as error:
        load("quickstart", overrides)
    (problem,) = error.value.problems
    assert says in problem
