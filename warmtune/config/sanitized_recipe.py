"""The recipe as it was run, for others: every setting resolved, no path of the machine. `warmtune run` takes it."""

import json
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from warmtune import __version__
from warmtune.config.compose import benchmark_settings
from warmtune.config.evaluation_settings import BenchmarkSettings
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError, redacted

RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class SanitizedRecipe:
    """A recipe that names nothing of the machine it ran on."""

    text: str
    """YAML."""
    benchmarks: dict[str, str] = field(default_factory=dict)
    """The user's own benchmarks that the recipe names: YAML texts by file name."""
    redactions: dict[str, str] = field(default_factory=dict)
    """What stands for each path and address that was taken out of the settings."""

    def strip_paths(self, text: str) -> str:
        """Put what stands for a path in its place, in a text that may name one, such as a stage's note."""
        pattern = local_paths(self.redactions)
        return pattern.sub(lambda match: self.redactions[match[0]], text) if pattern else text


def sanitize_recipe(settings: Settings, commit: str | None) -> SanitizedRecipe:
    """Return a run's recipe as it can be shown to others.

    Args:
        settings: of the run.
        commit: of the base on the Hub that was tuned, where it is known; the recipe names it as the revision.
    """
    tree = _without_keys(json.loads(json.dumps(asdict(settings))))
    del tree["recipe"], tree["store"]
    redactions = Redactions()
    if settings.model.path is not None:
        redactions.add(
            settings.model.path,
            settings.model.hub,
            f"model.path: the base lay in a folder; this names it on the Hub ({settings.model.hub})",
        )
        tree["model"]["path"] = None
    if commit is not None:
        tree["model"]["revision"] = commit
    tree["launch"] |= {"node_rank": 0, "master_addr": "127.0.0.1"}
    to = tree["publish"]["to"]
    if _on_machine(to):
        redactions.add(to, "folder", "publish.to: a folder of the run's machine; this puts it beside the run")
        tree["publish"]["to"] = "folder"
    _strip_files(tree, redactions)
    _strip_addresses(tree, redactions)
    named, sources, own = _benchmarks(settings.eval.benchmarks, tree["eval"]["benchmarks"])
    tree["eval"] |= {"benchmarks": named, "sources": sources}
    return SanitizedRecipe(_yaml(settings.recipe, tree, redactions.notes), own, redactions.stand_ins)


def local_paths(known: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds these paths and addresses in a text; None where there is nothing to find.

    A relative path is not looked for: it may be as short as a point, and texts are full of those. A path within a
    longer name is not found: /srv/m is neither part of /srv/models nor of an address that ends in /srv/m.
    """
    named = {one for one in known if Path(one).is_absolute() or "://" in one or one.startswith("~/")}
    longest_first = sorted(named - {"/"}, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w-])")


class Redactions:
    """What was taken out of a recipe, what stands for it, and what is said of it."""

    def __init__(self) -> None:
        self.stand_ins: dict[str, str] = {}
        self.notes: list[str] = []

    def add(self, path: str, stand_in: str, note: str) -> None:
        """Remember what was taken out."""
        self.stand_ins[path.rstrip("/") or path] = stand_in
        self.notes.append(note)

    def strip_path(self, path: str, setting: str) -> str:
        """Return the name that stands for a file or folder of the machine."""
        name = _name(path)
        self.add(path, name, f"{setting}: {name}, a file of the run's machine, to be put beside this one")
        return name


def _strip_files(tree: dict[str, Any], redactions: Redactions) -> None:
    """Put names in the place of files and folders on the machine, wherever a setting may hold one."""
    for holder, key, setting in _files(tree):
        if _on_machine(holder[key]):
            holder[key] = redactions.strip_path(holder[key], setting)
    for holder, key, setting in _models(tree):
        provider, _, path = (holder[key] or "").partition("/")
        if _on_machine(path):  # Inspect's providers of local models take a folder: vllm//srv/models/mine
            holder[key] = f"{provider}/{redactions.strip_path(path, setting)}"
    for one in tree["eval"]["variants"]:
        mixed: dict[str, float] = {}
        for adapter, weight in (one["mix"] or {}).items():
            name = redactions.strip_path(adapter, f"eval.variants, {one['name']}") if _on_machine(adapter) else adapter
            mixed[_free(name, mixed)] = weight
        one["mix"] = mixed or one["mix"]


def _strip_addresses(tree: dict[str, Any], redactions: Redactions) -> None:
    """Leave out the addresses of servers, which name hosts and may hold keys."""
    for holder, key, setting in _addresses(tree):
        if holder[key] is not None:
            note = f"{setting}: left out, the address of a server that the run used"
            redactions.add(holder[key], "[address]", note)
            holder[key] = None


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


def _models(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield every setting that takes a model by Inspect's name."""
    yield from ((tree["rewriter"], key, f"rewriter.{key}") for key in ("model", "judge"))
    yield from ((tree["judge"], key, f"judge.{key}") for key in ("model", "second"))
    yield from ((one, "model", f"eval.variants, {one['name']}") for one in tree["eval"]["variants"])


def _addresses(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield every setting that may hold a server's address."""
    yield tree["rewriter"], "base_url", "rewriter.base_url"
    yield from ((tree["judge"], key, f"judge.{key}") for key in ("base_url", "second_base_url"))
    if tree["train"]["service"] is not None:
        yield tree["train"]["service"], "base_url", "train.service.base_url"
    yield from ((one, "base_url", f"eval.variants, {one['name']}") for one in tree["eval"]["variants"])


def _on_machine(value: str | None) -> bool:
    return value is not None and (Path(value).is_absolute() or value.startswith(("~", "..")))


def _name(path: str) -> str:
    name = Path(path).name
    return name if name.strip(".~") else "unnamed"


def _free(name: str, taken: Container[str]) -> str:
    """Return a name, with a number where another file has it already."""
    numbered = (f"{name}-{n}" for n in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


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
            kept = {key: value for key, value in tree.items() if key != "name"}
            own[file] = yaml.safe_dump(kept, sort_keys=False, width=110, allow_unicode=True)
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


def _yaml(recipe: str, tree: dict[str, Any], notes: list[str]) -> str:
    lines = [
        "# @package _global_",
        f"# The recipe {recipe} as it was run by warmtune {__version__}, every setting resolved: warmtune run {RECIPE}",
        *(f"# {note}" for note in notes),
    ]
    body = yaml.safe_dump(_literal(tree), sort_keys=False, width=110, allow_unicode=True)
    return "\n".join(lines) + "\n" + body


def _without_keys(value: Any) -> Any:
    """Return settings without the keys that a text of theirs may hold."""
    if isinstance(value, dict):
        return {key: _without_keys(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_keys(one) for one in value]
    return redacted(value) if isinstance(value, str) else value


def _literal(value: Any) -> Any:
    """Keep texts with `${` from being read as OmegaConf's interpolations."""
    if isinstance(value, dict):
        return {key: _literal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_literal(one) for one in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value
