"""The errors that a user can cause.

A `UserError` carries one paragraph: what was given, why it cannot work, what to do. The command line prints it without
a traceback and exits with 2. Any other exception is a defect of warmtune and keeps its traceback.
"""

import difflib
import os
import re
from collections.abc import Iterable


class UserError(Exception):
    """Something that the user gave cannot work. The message is one paragraph that says what to do."""


class ConfigError(UserError):
    """The recipe or its overrides are wrong. `problems` holds a sentence for every problem, not only the first."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"The configuration has {count}:\n" + "\n".join(f"  - {problem}" for problem in problems))


class DataError(UserError):
    """Data cannot be used: a file is missing or empty, or a row of it is wrong."""


class ModelError(UserError):
    """A model, tokenizer or adapter cannot be found, or cannot be used for the request."""


class LaunchError(UserError):
    """The processes of a training did not all start, or one of them ended early."""


class BudgetError(UserError):
    """The next request could exceed the budget. Finished work is kept. Amounts are in dollars."""

    def __init__(self, spent: float, budget: float) -> None:
        self.spent, self.budget = spent, budget
        super().__init__(f"The budget of ${budget:g} is reached: ${spent:.4f} are spent.")


class StoreError(UserError):
    """A folder of the store cannot be written, is damaged, or holds something that warmtune did not make."""


def nearest(given: str, known: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?` for the closest of `known`, or an empty string if none is close.

    >>> nearest("intensty", ["intensity", "name"])
    " Did you mean 'intensity'?"
    """
    closest = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" Did you mean '{closest[0]}'?" if closest else ""


_SECRET = re.compile(r"\b(?:[spr]k|hf|gh[pousr]|xox[abprs]|AIza)[-_][-\w*]{8,}|\bBearer\s+\S+|//[^/\s:@]+:[^/\s@]+@")


def redacted(text: str) -> str:
    """Return a text without access keys: neither those of the environment nor anything that looks like one.

    >>> redacted("Incorrect API key provided: sk-proj-abcdefgh1234.")
    'Incorrect API key provided: [KEY].'
    """
    for name, value in os.environ.items():
        if name.upper().endswith(("KEY", "TOKEN", "SECRET", "PASSWORD")) and len(value) >= 6:
            text = text.replace(value, "[KEY]")
    return _SECRET.sub("[KEY]", text)
