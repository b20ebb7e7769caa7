"""Write a run's recipe for other people: every setting resolved, no path of this machine. `warmtune run` takes it."""

import json
import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from warmtune import __version__
from warmtune.config import context_files
from warmtune.config.compose import benchmark_settings
from warmtune.config.evaluation_settings import BenchmarkSettings
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError, redacted

RECIPE = "recipe.yaml"
_CONTEXTS = "contexts.yaml"
OWN_FILES = ("benchmarks/", _CONTEXTS)
"""What the names of the user's own files begin with, which lie beside the recipe because it names them."""


@dataclass(frozen=True)
class SanitizedRecipe:
    """A recipe without paths and addresses of the machine it ran on."""

    text: str
    """YAML."""
    files: dict[str, str] = field(default_factory=dict)
    """The user's own benchmarks and contexts, which the recipe names: YAML texts by file name."""
    redactions: dict[str, str] = field(default_factory=dict)
    """The stand-in for each path and address that was taken out of the settings."""

    def strip_paths(self, text: str) -> str:
        """Replace paths and addresses by their stand-ins in another text, such as a stage's note."""
        pattern = local_paths(self.redactions)
        return pattern.sub(lambda match: self.redactions[match[0]], text) if pattern else text


def sanitize_recipe(settings: Settings, commit: str | None) -> SanitizedRecipe:
    """Return a run's recipe without paths and addresses of this machine.

    Args:
        settings: the run's settings.
        commit: the base's commit on the Hub, which becomes the recipe's revision; None if it is not known.
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
    tree["eval"] |= {"benchmarks": named, "sources": sources} | _contexts(tree["eval"], own)
    del tree["eval"]["acknowledgements"]
    return SanitizedRecipe(_yaml(settings.recipe, tree, redactions.notes), own, redactions.stand_ins)


def local_paths(paths: Iterable[str]) -> re.Pattern[str] | None:
    """Return a pattern that finds these paths and addresses in a text; None if there is nothing to find.

    The pattern leaves relative paths out: one may be as short as a full stop. It does not find a path within a longer
    name: /srv/m is neither part of /srv/models nor of an address that ends in /srv/m.
    """
    searched = {path for path in paths if Path(path).is_absolute() or "://" in path or path.startswith("~/")}
    longest_first = sorted(searched - {"/"}, key=len, reverse=True)
    if not longest_first:
        return None
    return re.compile(r"(?<![\w.-])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w-])")


class Redactions:
    """Paths and addresses taken out of a recipe, with a stand-in and a note for each."""

    def __init__(self) -> None:
        self.stand_ins: dict[str, str] = {}
        self.notes: list[str] = []

    def add(self, path: str, stand_in: str, note: str) -> None:
        """Record a path or address that was taken out."""
        self.stand_ins[path.rstrip("/") or path] = stand_in
        self.notes.append(note)

    def strip_path(self, path: str, setting: str) -> str:
        """Record a file or folder of the machine, and return its stand-in: its last name."""
        name = _name(path)
        self.add(path, name, f"{setting}: {name}, a file of the run's machine, to be put beside this one")
        return name


def _strip_files(tree: dict[str, Any], redactions: Redactions) -> None:
    """Replace files and folders of the machine by their stand-ins, in every setting that may hold one."""
    for holder, key, setting in _files(tree):
        if _on_machine(holder[key]):
            holder[key] = redactions.strip_path(holder[key], setting)
    for holder, key, setting in _models(tree):
        provider, _, path = (holder[key] or "").partition("/")
        if _on_machine(path):  # some of Inspect's providers take a folder: vllm//srv/models/mine
            holder[key] = f"{provider}/{redactions.strip_path(path, setting)}"
    for variant in tree["eval"]["variants"]:
        mix: dict[str, float] = {}
        for adapter, weight in (variant["mix"] or {}).items():
            name = (
                redactions.strip_path(adapter, f"eval.variants, {variant['name']}") if _on_machine(adapter) else adapter
            )
            mix[_free(name, mix)] = weight
        variant["mix"] = mix or variant["mix"]


def _strip_addresses(tree: dict[str, Any], redactions: Redactions) -> None:
    """Remove the addresses of servers: they name hosts and may hold keys."""
    for holder, key, setting in _addresses(tree):
        if holder[key] is not None:
            note = f"{setting}: left out, the address of a server that the run used"
            redactions.add(holder[key], "[address]", note)
            holder[key] = None


def _files(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield every setting that may name a file or folder: its dictionary, its key there, its full name."""
    data, evaluation = tree["data"], tree["eval"]
    yield from ((data, key, f"data.{key}") for key in ("path", "query_types", "unsafe_checkpoint"))
    yield from ((source, "path", "data.mix") for source in data["mix"] or [])
    yield tree["rewriter"], "prices", "rewriter.prices"
    yield tree["judge"], "prices", "judge.prices"
    yield from ((one, "path", f"eval.sources.{one['name']}") for one in evaluation["benchmarks"])
    for one in evaluation["variants"]:
        yield one, "adapter", f"eval.variants, {one['name']}"
        yield from ((one["answers"], key, f"eval.variants, {one['name']}") for key in list(one["answers"] or {}))


def _models(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield, in the same form, every setting that takes Inspect's name of a model."""
    yield from ((tree["rewriter"], key, f"rewriter.{key}") for key in ("model", "judge"))
    yield from ((tree["judge"], key, f"judge.{key}") for key in ("model", "second"))
    yield from ((variant, "model", f"eval.variants, {variant['name']}") for variant in tree["eval"]["variants"])


def _addresses(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield, in the same form, every setting that may hold a server's address."""
    yield tree["rewriter"], "base_url", "rewriter.base_url"
    yield from ((tree["judge"], key, f"judge.{key}") for key in ("base_url", "second_base_url"))
    if tree["train"]["service"] is not None:
        yield tree["train"]["service"], "base_url", "train.service.base_url"
    yield from ((variant, "base_url", f"eval.variants, {variant['name']}") for variant in tree["eval"]["variants"])


def _on_machine(value: str | None) -> bool:
    return value is not None and (Path(value).is_absolute() or value.startswith(("~", "..")))


def _name(path: str) -> str:
    name = Path(path).name
    return name if name.strip(".~") else "unnamed"


def _free(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: the given one, or the given one with a number."""
    numbered = (f"{name}-{n}" for n in count(2))
    return name if name not in taken else next(candidate for candidate in numbered if candidate not in taken)


def _benchmarks(
    benchmarks: tuple[BenchmarkSettings, ...], trees: list[dict[str, Any]]
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Return benchmarks as a recipe names them: names, sources, and texts of files.

    A shipped benchmark goes by its name, with a source if its questions lie elsewhere. Any other gets a file.
    """
    names, sources, files = [], {}, {}
    for settings, tree in zip(benchmarks, trees, strict=True):
        shipped = _shipped(settings.name)
        if shipped is None or replace(shipped, path=settings.path) != settings:
            path = f"benchmarks/{settings.name}.yaml"
            names.append(path)
            unnamed = {key: value for key, value in tree.items() if key != "name"}
            files[path] = yaml.safe_dump(unnamed, sort_keys=False, width=110, allow_unicode=True)
        else:
            names.append(settings.name)
            if shipped.path != settings.path:
                sources[settings.name] = tree["path"]
    return names, sources, files


def _contexts(asked: dict[str, Any], own: dict[str, str]) -> dict[str, Any]:
    """Name contexts as recipes do. Those that are not the shipped ones go into a file of their own."""
    shipped, names = context_files.shipped(), [one["name"] for one in asked["contexts"]]
    entries = {
        one["name"]: {key: one[key] for key in context_files.KEYS} for one in asked["contexts"] if one["statements"]
    }
    known = {name: {"group": None} | entry for name, entry in shipped.contexts.items()}
    tree: dict[str, Any] = {"contexts": {name: entry for name, entry in entries.items() if entry != known.get(name)}}
    if asked["acknowledgements"] != shipped.acknowledgements:
        tree["acknowledgements"] = asked["acknowledgements"]
    if tree == {"contexts": {}}:
        return {"contexts": names, "statements": None}
    own[_CONTEXTS] = yaml.safe_dump(tree, sort_keys=False, width=110, allow_unicode=True)
    return {"contexts": names, "statements": _CONTEXTS}


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
    """Return settings with access keys in their texts replaced."""
    if isinstance(value, dict):
        return {key: _without_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_keys(item) for item in value]
    return redacted(value) if isinstance(value, str) else value


def _literal(value: Any) -> Any:
    """Return settings with `${` escaped, so that OmegaConf reads no interpolation in them."""
    if isinstance(value, dict):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value
