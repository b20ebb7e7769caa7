import html

import pytest

from warmtune.errors import StoreError
from warmtune.publishing.published_report import with_recipe

SETTINGS = 'model:\n  path: .\n  prompt: "Say:\\n\\n  ```yaml\\n  a: 1"\n'
RECIPE = "# Every setting\nmodel:\n  path: null\n  says: <b> & 'that'\n"
BODY = "60.6 % [0.7, 14.3]\n\n> ```yaml\n> a: 1\n> ```\n\nfingerprint 0.1.\n\n"


def test_only_the_settings_of_a_report_are_replaced():
    report = f"{BODY}\n```yaml\n{SETTINGS}```"
    assert with_recipe("report.md", report, RECIPE) == f"{BODY}\n```yaml\n{RECIPE}```"


def test_the_page_shows_them_as_text():
    head, tail = "<p>60.6 %</p><pre>.</pre><details><summary>All settings</summary><pre>", "</pre></details>\n</body>\n"
    report = f"{head}{html.escape(SETTINGS)}{tail}"
    assert with_recipe("report.html", report, RECIPE) == f"{head}{html.escape(RECIPE)}{tail}"


@pytest.mark.parametrize(("name", "text"), [("report.md", "No settings."), ("report.html", "<p>No settings.</p>")])
def test_a_report_without_its_settings_is_not_published(name, text):
    with pytest.raises(StoreError, match="does not end with the run's settings"):
        with_recipe(name, text, RECIPE)
