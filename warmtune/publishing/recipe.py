"""The recipe as it was run: every setting resolved, no place on the machine; `warmtune run recipe.yaml` takes it."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from warmtune import __version__
from warmtune.errors import ConfigError
from warmtune.recipes import benchmark_settings
from warmtune.settings import Settings
from warmtune.settings_evaluation import BenchmarkSettings

RECIPE = "recipe.yaml"
COMMIT = re.compile(r"[0-9a-f]{40}")
"""The Hub's names of revisions that never change; a base's fingerprint is one where it came from there."""


@dataclass(frozen=True)
class Portable:
    """A recipe that can travel."""

    recipe: str
    """YAML text."""
    benchmarks: dict[str, str] = field(default_factory=dict)
    """The user's own benchmarks that it names: YAML texts by file name."""
    places: tuple[str, ...] = ()
    """What was taken out: paths on the machine, as they stood in the settings."""


def portable(settings: Settings, fingerprint: str) -> Portable:
    """Return a run's recipe.

    Args:
        settings: of the run.
        fingerprint: the base's; where it is a commit of the Hub, the recipe names that revision.
    """
    tree = json.loads(json.dumps(asdict(settings)))
    del tree["recipe"], tree["store"]
    notes, places = [], []
    if settings.model.path is not None:
        places.append(settings.model.path)
        notes.append(f"model.path: the base lay in a folder; this names it on the Hub ({settings.model.hub})")
        tree["model"]["path"] = None
    if COMMIT.fullmatch(fingerprint):
        tree["model"]["revision"] = fingerprint
    tree["launch"] |= {"node": 0, "address": "127.0.0.1"}
    for holder, key, name in _files(tree):
        if _on_machine(holder[key]):
            places.append(holder[key])
            notes.append(f"{name}: {Path(holder[key]).name}, a file of the run's machine, to be put beside this one")
            holder[key] = Path(holder[key]).name
    named, sources, own = _benchmarks(settings.eval.benchmarks, tree["eval"]["benchmarks"])
    tree["eval"] |= {"benchmarks": named, "sources": sources}
    return Portable(_written(settings.recipe, tree, notes), own, tuple(places))


def _files(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield every setting that may name a file or folder: its holder, its key there, and its whole name."""
    data, asked = tree["data"], tree["eval"]
    yield from ((data, key, f"data.{key}") for key in ("path", "query_types", "unsafe_checkpoint"))
    yield from ((source, "path", "data.mix") for source in data["mix"] or [])
    yield tree["rewriter"], "prices", "rewriter.prices"
    yield tree["judge"], "prices", "judge.prices"
    yield asked, "statements", "eval.statements"
    yield from ((one, "path", f"eval.sources.{one['name']}") for one in asked["benchmarks"])
    for one in asked["variants"]:
        yield one, "adapter", f"eval.variants, {one['name']}"
        yield from ((one["answers"], key, f"eval.variants, {one['name']}") for key in list(one["answers"] or {}))


def _on_machine(value: str | None) -> bool:
    return value is not None and (Path(value).is_absolute() or value.startswith(("~", "..")))


def _benchmarks(
    asked: tuple[BenchmarkSettings, ...], trees: list[dict[str, Any]]
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Name benchmarks as recipes do: shipped ones by name, perhaps with another source; others by their own files."""
    named, sources, own = [], {}, {}
    for settings, tree in zip(asked, trees, strict=True):
        shipped = _shipped(settings.name)
        if shipped is None or replace(shipped, path=settings.path) != settings:
            file = f"benchmarks/{settings.name}.yaml"
            named.append(file)
            own[file] = yaml.safe_dump({k: v for k, v in tree.items() if k != "name"}, sort_keys=False, width=110)
        else:
            named.append(settings.name)
            if shipped.path != settings.path:
                sources[settings.name] = tree["path"]
    return named, sources, own


def _shipped(name: str) -> BenchmarkSettings | None:
    try:
        return benchmark_settings(name)
    except ConfigError:
        return None


def _written(recipe: str, tree: dict[str, Any], notes: list[str]) -> str:
    lines = [
        "# @package _global_",
        f"# The recipe {recipe} as it was run by warmtune {__version__}, every setting resolved: warmtune run {RECIPE}",
        *(f"# {note}" for note in notes),
    ]
    body = yaml.safe_dump(_literal(tree), sort_keys=False, width=110, allow_unicode=True)
    return "\n".join(lines) + "\n" + body


def _literal(value: Any) -> Any:
    """Keep texts with `${` from being read as OmegaConf's interpolations."""
    if isinstance(value, dict):
        return {key: _literal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_literal(one) for one in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value
