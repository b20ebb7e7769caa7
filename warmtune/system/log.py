"""The log: what warmtune does behind the lines that it prints, for those who look for a cause.

Each module logs under its own name, by `logging.getLogger(__name__)`. The command line shows the log on standard error,
warnings alone unless more is asked for with -v, -vv or the variable `WARMTUNE_LOG`.
"""

import logging
import os

from warmtune.errors import ConfigError, nearest, redacted
from warmtune.system.console import CONSOLE

VARIABLE = "WARMTUNE_LOG"
LEVELS = ("warning", "info", "debug")
_INSPECT_RETRIES = 15
"""Inspect's level for requests that it sends again; between debug and info."""


class _ConsoleHandler(logging.Handler):
    """Prints records above any progress bar, and without the keys that a service may repeat."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        CONSOLE.print(redacted(self.format(record)), markup=False)


def configure(verbose: int = 0) -> None:
    """Show warmtune's log, in this process and in those that it starts.

    Args:
        verbose: 1 for stages, requests sent again and processes started, 2 for all; 0 leaves it to `WARMTUNE_LOG`.

    Raises:
        ConfigError: the variable has an unknown level.
    """
    level = LEVELS[min(verbose, 2)] if verbose else os.environ.get(VARIABLE, "").lower() or LEVELS[0]
    if level not in LEVELS:
        raise ConfigError([f"{VARIABLE} is '{level}', but it is one of {', '.join(LEVELS)}.{nearest(level, LEVELS)}"])
    os.environ[VARIABLE] = level
    handler = _ConsoleHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    for name, lowest in (("warmtune", level.upper()), ("inspect_ai.model", _INSPECT_RETRIES)):
        logger = logging.getLogger(name)
        if name == "warmtune" or level != "warning":
            logger.handlers = [handler]
            logger.setLevel(lowest)
    logging.getLogger("warmtune").propagate = False  # Inspect's handlers on the root logger would print it again
