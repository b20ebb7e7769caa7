"""Every example of docs/python.md gives what the page shows."""

import doctest
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_examples_of_the_api_give_what_the_page_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[2] / "docs" / "python.md"
    failed, tried = doctest.testfile(str(page), module_relative=False)
    assert failed == 0, capsys.readouterr().out
    assert tried > 20
