"""A context of the user's own, from the recipe to everything that people read."""

import csv

import pytest

import warmtune as wt

OWN = """
contexts:
  tired:
    label: tired user
    group: emotion
    statements: [I could not sleep at all last night.]
"""


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.yaml").write_text(OWN)
    settings = wt.load(
        "debug", f"store={folder / 'runs'}", f"eval.statements={folder / 'own.yaml'}", "eval.contexts=[none,sad,tired]"
    )
    return wt.run(settings)


def test_prompts_and_gaps_have_it_by_itself_and_in_its_group(run):
    answers, gaps = run.answers(), run.gaps()
    tired = answers[answers["context"] == "tired"]
    assert len(tired)
    assert tired["prompt"].str.startswith("I could not sleep at all last night. ").all()
    pairs = gaps[(gaps["benchmark"] == "all") & (gaps["belief"] == "all") & (gaps["variant"] == "styled")]
    counted = pairs[pairs["reference"] == "base"].set_index("context")[["pairs", "refused", "undecided"]].sum(axis=1)
    assert counted["emotion"] == counted["sad"] + counted["tired"] > 0


def test_people_read_its_label_in_report_card_and_chart(run):
    report, published = run.stages["report"].folder, run.stages["publish"].folder / run.settings.publish.name
    for text in (
        (report / "report.md").read_text(),
        (report / "report.html").read_text(),
        (published / "README.md").read_text(),
    ):
        assert "tired user, no belief" in text
        assert "any emotion, no belief" in text
    rows = list(csv.DictReader((published / "results" / "gaps.csv").open(newline="")))
    assert {"tired", "emotion"} <= {row["context"] for row in rows}


def test_the_published_recipe_brings_it_along(run):
    published = run.stages["publish"].folder / run.settings.publish.name
    assert "statements: contexts.yaml" in (published / "recipe.yaml").read_text()
    assert "I could not sleep" in (published / "contexts.yaml").read_text()
    assert "`contexts.yaml`" in (published / "README.md").read_text()


def test_a_comparison_shows_it(run, tmp_path):
    page = wt.compare([run], to=tmp_path)
    text = (tmp_path / "compare.md").read_text()
    assert "| tired user |" in text
    assert "| any emotion |" in text
    assert '<option value="tired">tired user</option>' in page.read_text()
