"""Jinja's environment for every page and text that warmtune writes."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(package: str, html: bool) -> "Environment":
    """Return the environment of the templates in `package`'s folder `templates`; an unknown name in one raises.

    Args:
        package: such as `warmtune.reporting`.
        html: whether texts are escaped; Markdown's are not.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
