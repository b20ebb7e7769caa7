import html

import pytest
import yaml

from warmtune.runs.run import open_run


@pytest.fixture
def reported(whole):
    store, _, _ = whole
    return open_run(next(store.glob("quickstart-*/run.json")).parent).stages["report"]


def test_the_figures_count_as_the_reports_output(reported):
    for name in ("warmth", "gaps_by_condition", "gaps_by_benchmark", "curves"):
        assert f"{name}.png" in reported.files


def test_the_settings_shown_are_the_recipe_without_paths(reported, tiny_folder):
    recipe = (reported.folder / "recipe.yaml").read_text()
    assert "recipe.yaml" in reported.files
    assert yaml.safe_load(recipe)["model"]["path"] is None
    assert "every setting resolved" in recipe
    markdown, page = ((reported.folder / name).read_text() for name in ("report.md", "report.html"))
    assert markdown.endswith(f"```yaml\n{recipe}```\n")
    assert recipe in html.unescape(page)
    for text in (recipe, markdown, html.unescape(page)):
        assert str(tiny_folder) not in text


def test_answers_and_replies_are_marked_as_quoted(reported):
    for name, heading in (("report.md", "## "), ("report.html", "<h2>")):
        before, quoted = (reported.folder / name).read_text().split("<!-- quoted -->")
        quoted, after = quoted.split("<!-- end of quoted -->")
        assert quoted.strip().startswith(f"{heading}3. Answers side by side")
        assert after.strip().startswith(f"{heading}4. What was run")
        assert before.count(f"\n{heading}") == 2
