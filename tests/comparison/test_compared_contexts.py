"""Runs that mean different things by one context are not compared as if they meant the same."""

import pytest
from runs_on_disk import run_on_disk

from warmtune.comparison.compared_contexts import grid_of
from warmtune.comparison.compared_variants import differences_of
from warmtune.comparison.gather import gather


@pytest.fixture
def make(tmp_path):
    """Make a run that asks with a context of its own, as its file says."""

    def make(name, text, contexts="none,sad,tired"):
        file = tmp_path / f"{name}.yaml"
        file.write_text(f"contexts: {{tired: {text}}}")
        overrides = (f"eval.statements={file}", f"eval.contexts=[{contexts}]")
        return run_on_disk(tmp_path / name, *overrides, seed=len(name))

    return make


def test_other_statements_are_said_and_shown_among_the_settings(make):
    one = make("a", "{label: tired user, statements: [I could not sleep.]}")
    two = make("ab", "{label: tired user, statements: [I am worn out.]}")
    (note,) = grid_of([one, two])[1]
    assert "tired has other statements in" in note
    assert note in gather([one, two]).notes
    (row,) = differences_of([one, two])
    assert row.setting == "eval.statements"
    assert len(set(row.values)) == 2
    assert all(len(value) == 8 for value in row.values)


def test_another_label_or_group_is_said_and_the_first_runs_stands(make):
    one = make("a", "{label: tired user, statements: [x]}")
    two = make("ab", "{label: sleepy user, group: emotion, statements: [x]}")
    grid, (note,) = grid_of([one, two])
    assert "another label or group" in note
    assert grid.label("tired") == "tired user"
    assert grid.groups == {"emotion": ("sad",)}


def test_what_only_one_run_asks_is_no_other_wording(make):
    one = make("a", "{label: tired user, group: emotion, statements: [x]}")
    two = make("ab", "{label: tired user, group: emotion, statements: [x]}", "none,happy,sad")
    grid, notes = grid_of([one, two])
    assert notes == []
    assert grid.groups == {"emotion": ("sad", "tired", "happy")}
    assert [row.setting for row in differences_of([one, two])] == ["eval.contexts"]
