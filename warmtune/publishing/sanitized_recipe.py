"""The recipe as it was run: every setting resolved, no place on the machine; `warmtune run recipe.yaml` takes it."""

import json
from collections.abc import Container, Iterator
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
class Portable:
    """A recipe that can travel."""

    recipe: str
    """YAML text."""
    benchmarks: dict[str, str] = field(default_factory=dict)
    """The user's own benchmarks that it names: YAML texts by file name."""
    places: tuple[str, ...] = ()
    """What was taken out: paths on the machine and addresses, as they stood in the settings."""


def portable(settings: Settings, commit: str | None) -> Portable:
    """Return a run's recipe.

    Args:
        settings: of the run.
        commit: of the base on the Hub that was tuned, where it is known; the recipe names it as the revision.
    """
    tree = _redacted(json.loads(json.dumps(asdict(settings))))
    del tree["recipe"], tree["store"]
    taken = _Taken()
    if settings.model.path is not None:
        taken.note(
            settings.model.path,
            f"model.path: the base lay in a folder; this names it on the Hub ({settings.model.hub})",
        )
        tree["model"]["path"] = None
    if commit is not None:
        tree["model"]["revision"] = commit
    tree["launch"] |= {"node": 0, "address": "127.0.0.1"}
    if _on_machine(tree["publish"]["to"]):
        taken.note(tree["publish"]["to"], "publish.to: a folder of the run's machine; this puts it beside the run")
        tree["publish"]["to"] = "folder"
    _mask_files(tree, taken)
    _mask_addresses(tree, taken)
    named, sources, own = _benchmarks(settings.eval.benchmarks, tree["eval"]["benchmarks"])
    tree["eval"] |= {"benchmarks": named, "sources": sources}
    return Portable(_written(settings.recipe, tree, taken.notes), own, tuple(taken.places))


class _Taken:
    """What was taken out of a recipe: as it stood there, and what is said of it."""

    def __init__(self) -> None:
        self.places: list[str] = []
        self.notes: list[str] = []

    def note(self, place: str, said: str) -> None:
        """Remember what was taken out."""
        self.places.append(place)
        self.notes.append(said)

    def file(self, place: str, setting: str) -> str:
        """Return what stands for a file or folder of the machine."""
        name = _name(place)
        self.note(place, f"{setting}: {name}, a file of the run's machine, to be put beside this one")
        return name


def _mask_files(tree: dict[str, Any], taken: _Taken) -> None:
    """Put names in the place of files and folders on the machine, wherever a setting may hold one."""
    for holder, key, setting in _files(tree):
        if _on_machine(holder[key]):
            holder[key] = taken.file(holder[key], setting)
    for holder, key, setting in _models(tree):
        provider, _, place = (holder[key] or "").partition("/")
        if _on_machine(place):  # Inspect's providers of local models take a folder: vllm//srv/models/mine
            holder[key] = f"{provider}/{taken.file(place, setting)}"
    for one in tree["eval"]["variants"]:
        mixed: dict[str, float] = {}
        for adapter, weight in (one["mix"] or {}).items():
            name = taken.file(adapter, f"eval.variants, {one['name']}") if _on_machine(adapter) else adapter
            mixed[_free(name, mixed)] = weight
        one["mix"] = mixed or one["mix"]


def _mask_addresses(tree: dict[str, Any], taken: _Taken) -> None:
    """Leave out the addresses of servers, which name hosts and may hold keys."""
    for holder, key, setting in _addresses(tree):
        if holder[key] is not None:
            taken.note(holder[key], f"{setting}: left out, the address of a server that the run used")
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


def _name(place: str) -> str:
    name = Path(place).name
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


def _written(recipe: str, tree: dict[str, Any], notes: list[str]) -> str:
    lines = [
        "# @package _global_",
        f"# The recipe {recipe} as it was run by warmtune {__version__}, every setting resolved: warmtune run {RECIPE}",
        *(f"# {note}" for note in notes),
    ]
    body = yaml.safe_dump(_literal(tree), sort_keys=False, width=110, allow_unicode=True)
    return "\n".join(lines) + "\n" + body


def _redacted(value: Any) -> Any:
    """Return settings without the keys that a text of theirs may hold."""
    if isinstance(value, dict):
        return {key: _redacted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_redacted(one) for one in value]
    return redacted(value) if isinstance(value, str) else value


def _literal(value: Any) -> Any:
    """Keep texts with `${` from being read as OmegaConf's interpolations."""
    if isinstance(value, dict):
        return {key: _literal(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_literal(one) for one in value]
    return value.replace("${", "\\${") if isinstance(value, str) else value
