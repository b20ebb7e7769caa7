"""Label conversations with query types, by the rules of a file that users can replace."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmtune.errors import DataError
from warmtune.io.schemas import Message
from warmtune.io.sources import read_yaml

SHIPPED = Path(__file__).parent / "query_types.yaml"
_READ = 2000
"""Characters of a message that a rule reads."""


@dataclass(frozen=True)
class QueryTypes:
    """The query types and their rules; the first rule that fits decides."""

    rules: tuple[tuple[str, str, re.Pattern[str]], ...]
    """Type, message to search (`prompt` or `reply`), regular expression."""
    otherwise: str
    """The type of a conversation that no rule fits."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every type once, in the order of the file."""
        return tuple(dict.fromkeys([name for name, _, _ in self.rules] + [self.otherwise]))

    def of(self, messages: Sequence[Message]) -> str:
        """Return the type of a conversation."""
        first = {
            "prompt": next((m["content"] for m in messages if m["role"] == "user"), "")[:_READ],
            "reply": next((m["content"] for m in messages if m["role"] == "assistant"), "")[:_READ],
        }
        return next((name for name, part, rule in self.rules if rule.search(first[part])), self.otherwise)


def query_types(file: str | None = None) -> QueryTypes:
    """Read the rules from a user's file, or else the shipped rules.

    Raises:
        DataError: the file is wrong; names every problem.
    """
    path = Path(file) if file else SHIPPED
    tree = read_yaml(path, "The rules for query types")
    problems: list[str] = []
    listed = tree.get("rules") if isinstance(tree, dict) else None
    listed = listed if isinstance(listed, list) else []
    rules = [_rule(number, rule, problems) for number, rule in enumerate(listed, start=1)]
    if not isinstance(tree, dict) or set(tree) != {"rules", "otherwise"} or not rules:
        problems.insert(0, "it must have the keys 'rules' (a list of type, in, pattern) and 'otherwise' (a type)")
    if problems:
        raise DataError(
            f"The rules for query types in {path} cannot be used: {'; '.join(problems)}. Begin with a copy of"
            f" {SHIPPED}."
        )
    return QueryTypes(tuple(rule for rule in rules if rule), str(tree["otherwise"]))


def _rule(number: int, rule: Any, problems: list[str]) -> tuple[str, str, re.Pattern[str]] | None:
    if not isinstance(rule, dict) or set(rule) != {"type", "in", "pattern"} or rule["in"] not in ("prompt", "reply"):
        problems.append(f"rule {number} needs exactly type, in (prompt or reply) and pattern")
        return None
    try:
        return str(rule["type"]), str(rule["in"]), re.compile(str(rule["pattern"]), re.IGNORECASE)
    except re.error as error:
        problems.append(f"the pattern of rule {number} is no regular expression ({error})")
        return None
