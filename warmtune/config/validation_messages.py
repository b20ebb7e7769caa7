"""pydantic's errors as sentences: the setting, the value, what is allowed, and the nearest known name."""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from warmtune.config.evaluation_settings import EvalSettings
from warmtune.config.habits import hint
from warmtune.config.settings import Settings
from warmtune.errors import nearest

if TYPE_CHECKING:
    from pydantic import ValidationError


def sentences(error: "ValidationError") -> list[str]:
    """Return one sentence for each wrong setting, in pydantic's order."""
    return _merged(_sentence(dict(detail)) for detail in error.errors())


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    """Return the names of all settings in the group where the last part of `location` stands."""
    group: Any = Settings
    for part in location[:-1]:
        group = get_type_hints(group).get(part) if is_dataclass(group) else None
    only_composed = ["statements", "sources"] if group is EvalSettings else []
    return [field.name for field in fields(group)] + only_composed if is_dataclass(group) else []


_ALLOWED = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list, such as [a, b]",
    "none_required": "null",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "a short name in lower-case letters, digits and - _ .",
}


def _sentence(detail: dict[str, Any]) -> str:
    """Return one of pydantic's errors as a sentence with the setting, the value and what is allowed."""
    location = tuple(part for part in detail["loc"] if isinstance(part, int) or _is_key(str(part)))
    key = ".".join(str(part) for part in location)
    if detail["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        names = _known_keys(location)
        habit = hint(str(location[-1]))
        if habit and not habit.endswith(f" {key}."):
            return f"There is no setting '{key}'.{habit}"
        rest = "" if nearest(str(location[-1]), names) else f" Known here: {', '.join(names)}."
        return f"There is no setting '{key}'.{nearest(str(location[-1]), names)}{rest}"
    if detail["type"] in ("missing", "missing_argument"):
        return f"{key} has no value; give one with {key}=…"
    if detail["type"] in ("dataclass_type", "dataclass_exact_type"):
        return (
            f"{key} is {detail['input']!r}, but it is a group of settings: {', '.join(_known_keys((*location, '')))}."
        )
    allowed = _ALLOWED.get(
        detail["type"], detail["msg"].removeprefix("Value error, ").replace("{", "{{").replace("}", "}}")
    )
    allowed = allowed.format(**detail.get("ctx", {}))
    close = nearest(str(detail["input"]), _choices(allowed)) if detail["type"] == "literal_error" else ""
    return f"{key} is {detail['input']!r}, but it must be {allowed}.{close}"


def _choices(expected: str) -> list[str]:
    """Return the quoted choices of pydantic's phrase `'a', 'b' or 'c'`."""
    return [part.strip("' ") for part in expected.replace(" or ", ",").split(",")]


def _is_key(part: str) -> bool:
    """Return whether a part of an error's location is a setting's name, not pydantic's tag of a union member."""
    return part.isidentifier() and part not in ("int", "float", "str", "tuple", "none")


def _merged(sentences: Iterable[str]) -> list[str]:
    """Merge the errors of each union-typed setting into one sentence, in the given order."""
    merged: dict[str, str] = {}
    for sentence in sentences:
        key, has_bounds, rest = sentence.partition(", but it must be ")
        if has_bounds and key in merged:
            merged[key] = merged[key].rstrip(".") + " or " + rest
        else:
            merged[key] = sentence
    return list(merged.values())
