"""The files that others read about the repository agree with it."""

import re
from pathlib import Path

import pytest
import yaml

from warmtune import __version__

ROOT = Path(__file__).parent.parent


def _yaml(name):
    return yaml.safe_load((ROOT / name).read_text())


def test_the_workflow_calls_the_readmes_two_commands_and_nothing_else():
    commands = [
        step["run"].split("#")[0].strip()
        for job in _yaml(".github/workflows/ci.yml")["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert commands == [".ci/run", "make quickstart"]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
    readme = re.findall(r"^(make \w+) ", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert readme == ["make quickstart", "make test"]


@pytest.mark.parametrize("name", ["bug", "idea"])
def test_an_issue_form_has_what_github_asks_for(name):
    form = _yaml(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids))
    assert all(part["attributes"]["label"] for part in form["body"])


def test_the_citation_is_of_this_version_and_of_the_study_that_the_docs_name():
    citation = _yaml("CITATION.cff")
    assert citation["version"] == __version__
    (study,) = citation["references"]
    method = (ROOT / "docs" / "method.md").read_text()
    names = ", ".join(one["family-names"] for one in study["authors"])
    assert f"{names}, {study['journal']} {study['volume']}, {study['start']}-{study['end']} ({study['year']})" in method
    assert study["doi"] in method
