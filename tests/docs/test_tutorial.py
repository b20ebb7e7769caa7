"""The notebook of docs/ runs from its first cell to its last, and the outputs kept in it are what it puts out."""

import pytest

from . import tutorial


def _code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    return tutorial.executed(tmp_path_factory.mktemp("tutorial"))


@pytest.mark.slow
def test_every_cell_runs_inside_the_kernels_event_loop(executed):
    assert [cell.execution_count for cell in _code(executed)] == list(range(1, len(_code(executed)) + 1))


@pytest.mark.slow
def test_the_outputs_kept_are_those_of_a_run(executed):
    kept, made = _code(tutorial.read()), _code(executed)
    assert [[one.output_type for one in cell.outputs] for cell in kept] == [
        [one.output_type for one in cell.outputs] for cell in made
    ]
    exact = [n for n, cell in enumerate(kept) if "exact" in cell.metadata.get("tags", ())]
    assert len(exact) == 4
    assert [kept[n].outputs for n in exact] == [made[n].outputs for n in exact]


def test_the_file_is_small_and_names_no_place_of_a_machine():
    text = tutorial.FILE.read_text(encoding="utf-8")
    assert len(text) < 60_000
    assert not any(place in text for place in ("/tmp", "/home", "/root", "site-packages"))


def test_it_says_what_its_numbers_are_and_which_line_to_change():
    book = tutorial.read()
    assert "**The numbers of `debug` mean nothing.**" in book.cells[0].source
    assert _code(book)[0].source.startswith('RECIPE = "debug"')
