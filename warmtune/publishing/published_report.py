"""A run's report as it is published: its settings are those of the recipe that travels, all else as it was written."""

from html import escape

from warmtune.errors import StoreError

_HTML = ("<details><summary>All settings</summary><pre>", "</pre></details>")
_MARKDOWN = ("\n```yaml\n", "```")
"""What stands before and after the settings; both are the report's last part, and nothing within can look like it."""


def with_recipe(name: str, text: str, recipe: str) -> str:
    """Return a report with `recipe` in the place of the settings at its end.

    Only that part is replaced, as a whole: a path may be as short as a point, and a report is full of those.

    Args:
        name: of the report's file; tells HTML from Markdown.
        text: the report.
        recipe: YAML text.

    Raises:
        StoreError: the report has no such part.
    """
    before, after = _HTML if name.endswith(".html") else _MARKDOWN
    start, end = text.rfind(before), text.rfind(after)
    if start < 0 or end < start + len(before):
        raise StoreError(
            f"{name} does not end with the run's settings, so they cannot be told from its text to be made fit for"
            " others; delete the folder of the stage `report` and run the recipe again."
        )
    shown = escape(recipe) if name.endswith(".html") else recipe
    return text[: start + len(before)] + shown + text[end:]
