import pytest
from jinja2 import UndefinedError

from warmtune.presentation.templates import environment


def test_html_is_escaped_and_markdown_is_not():
    text = "{{ name }}"
    assert environment("warmtune.reporting", html=True).from_string(text).render(name="<b>") == "&lt;b&gt;"
    assert environment("warmtune.reporting", html=False).from_string(text).render(name="<b>") == "<b>"


def test_a_name_that_nobody_gave_raises():
    with pytest.raises(UndefinedError, match="nobody"):
        environment("warmtune.reporting", html=True).from_string("{{ nobody }}").render()


@pytest.mark.parametrize("stage", ["comparison", "publishing", "reporting"])
def test_every_template_is_well_formed(stage):
    found = environment(f"warmtune.{stage}", html=True)
    found.filters["md"] = str
    names = found.list_templates(extensions=["j2"])
    assert names
    for name in names:
        found.get_template(name)
