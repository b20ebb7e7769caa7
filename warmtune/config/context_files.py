"""From the names in `eval.contexts` to their entries: the shipped file, and the user's own over it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmtune.config.contexts import NO_CONTEXT
from warmtune.errors import DataError, nearest
from warmtune.io.sources import read_yaml

SHIPPED = Path(__file__).parents[1] / "evaluation" / "contexts.yaml"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_LABEL = re.compile(r"\w[\w ,.;:'’()/+-]{0,39}")
_TAKEN = ("none", "all", "absent", "present", "length")
"""Names that mean something else in the tables."""
KEYS = ("label", "group", "statements")


@dataclass(frozen=True)
class ContextFile:
    """What a file says of contexts."""

    contexts: dict[str, dict[str, Any]]
    """Label, group and statements by name."""
    acknowledgements: list[str]
    """One of them is what the assistant answers to a context in a turn of its own."""


def shipped() -> ContextFile:
    """Return the entries that warmtune comes with."""
    return _read(SHIPPED, ContextFile({}, []), [])


def resolve(asked: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return the settings of the evaluation with the entries of contexts in the place of their names.

    Args:
        asked: the composed settings of `eval`.
        problems: what is wrong is appended here.
    """
    known, own = shipped(), asked.pop("statements", None)
    if isinstance(own, str):
        known = _read(Path(own), known, problems)
    elif own is not None:
        problems.append(f"eval.statements is {own!r}, but it must be the path of a YAML file, or null.")
    if "acknowledgements" in asked:
        problems.append(
            "There is no setting 'eval.acknowledgements'; they stand in the file that eval.statements names."
        )
    return asked | {
        "contexts": _chosen(asked.get("contexts"), known, problems),
        "acknowledgements": known.acknowledgements,
    }


def _chosen(names: Any, known: ContextFile, problems: list[str]) -> list[dict[str, Any]]:
    """Return the entries of these names. One that is unknown becomes `none`, so that other checks can go on."""
    none: dict[str, Any] = {"name": NO_CONTEXT.name, "label": NO_CONTEXT.label}
    if not isinstance(names, list) or not names:
        problems.append(f"eval.contexts is {names!r}, but it must be a list of contexts, such as [none, sad].")
        return [none]
    found = []
    for name in dict.fromkeys(str(one) for one in names):
        if names.count(name) > 1:
            problems.append(f"eval.contexts names '{name}' twice.")
        if name not in known.contexts and name != "none":
            problems.append(
                f"There is no context '{name}'.{nearest(name, ['none', *known.contexts])} Known contexts: none,"
                f" {', '.join(known.contexts)}; a file of your own in eval.statements may add some."
            )
        found.append({"name": name, **known.contexts[name]} if name in known.contexts else none)
    return found


def _read(file: Path, over: ContextFile, problems: list[str]) -> ContextFile:
    """Read a file of contexts. What it says of one replaces what is known of it, key by key."""
    try:
        tree = read_yaml(file, "The contexts for eval.statements")
    except DataError as error:
        problems.append(str(error))
        return over
    wrong: list[str] = []
    if not isinstance(tree, dict) or not tree or set(tree) - {"contexts", "acknowledgements"}:
        wrong.append("it needs the key contexts, and may have acknowledgements, and nothing else")
        tree = {}
    entries = tree.get("contexts") or {}
    if not isinstance(entries, dict):
        wrong.append("contexts must name each context with its label, group and statements")
        entries = {}
    contexts = dict(over.contexts)
    for name, entry in entries.items():
        contexts[str(name)] = _entry(str(name), entry, over.contexts.get(name, {}), wrong)
    groups = {one["group"] for one in contexts.values() if one.get("group")}
    wrong += [f"'{name}' is both a context and a group" for name in sorted(groups & set(contexts))]
    wrong += [f"'{name}' cannot be the name of a group" for name in sorted(groups & set(_TAKEN))]
    acknowledgements = tree.get("acknowledgements", over.acknowledgements)
    if not _texts(acknowledgements):
        wrong.append("acknowledgements must be a list of texts")
    if wrong:
        problems.append(f"eval.statements: the file {file} cannot be used: {'; '.join(wrong)}. Compare {SHIPPED}.")
        return ContextFile(contexts, over.acknowledgements)
    return ContextFile(contexts, acknowledgements)


def _entry(name: str, entry: Any, known: dict[str, Any], wrong: list[str]) -> dict[str, Any]:
    """Return what is known of one context, or an empty entry after noting what is wrong with it."""
    before = len(wrong)
    if name in _TAKEN or not _NAME.fullmatch(name):
        wrong.append(f"'{name}' cannot be the name of a context")
    if not isinstance(entry, dict) or set(entry) - set(KEYS):
        wrong.append(f"{name} must have label, group and statements, and nothing else")
        entry = {}
    found = known | entry
    if not isinstance(found.get("label"), str) or not _LABEL.fullmatch(found["label"]):
        wrong.append(f"{name} needs a label of at most 40 letters, such as 'sad user'")
    group = found.get("group")
    if group is not None and not (isinstance(group, str) and _NAME.fullmatch(group)):
        wrong.append(f"the group of {name} must be a short name in lower-case letters")
    if not _texts(found.get("statements")):
        wrong.append(f"the statements of {name} must be a list of texts")
    return found if len(wrong) == before else {"label": NO_CONTEXT.label}


def _texts(listed: Any) -> bool:
    return isinstance(listed, list) and bool(listed) and all(isinstance(one, str) and one.strip() for one in listed)
