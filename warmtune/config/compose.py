"""Compose a recipe's name and overrides into checked `Settings`.

Hydra composes, and this module converts the result once. It reports every problem together. It gives value overrides to
Hydra as "add or replace". Hydra then accepts an unknown key, and the check here reports it with the nearest known name.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import yaml

from warmtune.config import context_files
from warmtune.config.combinations import check_combinations
from warmtune.config.evaluation_settings import BenchmarkSettings, EvalSettings
from warmtune.config.settings import ModelSettings, Settings
from warmtune.config.validation_messages import sentences
from warmtune.errors import ConfigError, UserError, nearest
from warmtune.io.sources import read_yaml

PACKAGE = Path(__file__).parents[1]
_BENCHMARKS = "benchmark"
"""Folder of conf/ that is no Hydra group, because a recipe names several of its entries in eval.benchmarks."""


def config_root() -> Path:
    """Return the folder that holds `conf/` and `recipes/`: the package when installed, the repository otherwise."""
    return PACKAGE if (PACKAGE / "conf").is_dir() else PACKAGE.parent


def recipe_names() -> dict[str, str]:
    """Return the first comment line of every shipped recipe, by the recipe's name."""
    folder = config_root() / "recipes"
    names = {}
    for file in sorted(file for file in folder.rglob("*.yaml") if not file.name.startswith("_")):
        comments = [line for line in file.read_text().splitlines() if line.startswith("# ") and "@package" not in line]
        names[file.relative_to(folder).with_suffix("").as_posix()] = comments[0][2:] if comments else ""
    return names


def load(recipe: str, overrides: list[str]) -> Settings:
    """Compose a recipe and check it.

    Args:
        recipe: a shipped name, or a path to a YAML file.
        overrides: overrides in Hydra's form, such as `style.intensity=0.5`.

    Raises:
        ConfigError: the recipe or an override is wrong; it holds a sentence for every problem.
        UserError: the recipe's file does not exist.
    """
    problems: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder)
        for_hydra = [converted for text in overrides if (converted := override_for_hydra(text, own, problems))]
        shipped = recipe_names()
        if not _is_file(recipe) and recipe not in shipped:
            problems.insert(
                0,
                f"There is no recipe '{recipe}'.{nearest(recipe, shipped)} Known recipes: {', '.join(shipped)};"
                " a path to a YAML file of your own works too.",
            )
            recipe = ""  # an empty recipe, so that the overrides are checked too
        try:
            settings = convert(_with_entries(_compose(recipe, for_hydra, own), problems))
        except ConfigError as error:
            raise ConfigError(problems + error.problems) from None
    if problems:
        raise ConfigError(problems)
    return settings


def model_settings(name: str) -> ModelSettings:
    """Return the settings of one entry of the group `model`, for use outside a recipe.

    Raises:
        ConfigError: there is no such entry.
    """
    folder = config_root() / "conf" / "model"
    shipped = sorted(file.stem for file in folder.glob("*.yaml") if file.stem not in ("hub", "local"))
    if name not in shipped:
        raise ConfigError([f"There is no model '{name}'.{nearest(name, shipped)} Known models: {', '.join(shipped)}."])
    from pydantic import TypeAdapter

    tree = yaml.safe_load((folder / f"{name}.yaml").read_text())
    for parent in tree.pop("defaults", []):
        tree = yaml.safe_load((folder / f"{parent}.yaml").read_text()) | tree
    return TypeAdapter(ModelSettings).validate_json(json.dumps(tree))


def benchmark_names() -> list[str]:
    """Return the names of the shipped benchmarks."""
    return list(_shipped_benchmarks())


def _shipped_benchmarks() -> dict[str, Path]:
    return {file.stem: file for file in sorted((config_root() / "conf" / _BENCHMARKS).glob("*.yaml"))}


def benchmark_settings(name: str, path: str | None = None) -> BenchmarkSettings:
    """Return the settings of one entry of conf/benchmark.

    Args:
        name: the entry.
        path: where its questions are, if not where the entry says.

    Raises:
        ConfigError: there is no such entry.
    """
    from pydantic import TypeAdapter

    problems: list[str] = []
    tree = _benchmark(name, _shipped_benchmarks(), problems)
    if tree is None:
        raise ConfigError(problems)
    return TypeAdapter(BenchmarkSettings).validate_json(json.dumps(tree | ({"path": path} if path else {})))


def eval_settings(changed: dict[str, Any]) -> EvalSettings:
    """Return the shipped settings of the evaluation with some changes, for use outside a recipe.

    Raises:
        ConfigError: a change is wrong; it holds a sentence for every problem.
    """
    from pydantic import TypeAdapter, ValidationError

    tree = (
        yaml.safe_load((config_root() / "conf" / "eval" / "embedded.yaml").read_text()) | {"benchmarks": []} | changed
    )
    tree.pop("sources")
    problems: list[str] = []
    tree = context_files.resolve(tree, problems)
    if problems:
        raise ConfigError(problems)
    try:
        return TypeAdapter(EvalSettings).validate_json(json.dumps(tree))
    except ValidationError as error:
        raise ConfigError(sentences(error)) from None


def convert(tree: dict[str, Any]) -> Settings:
    """Convert a composed tree into `Settings`.

    Raises:
        ConfigError: a setting is wrong; it holds a sentence for every problem.
    """
    from pydantic import TypeAdapter, ValidationError

    try:  # through JSON: there, pydantic's strict types accept a list for a tuple and an object for a dataclass
        settings = TypeAdapter(Settings).validate_json(json.dumps(tree))
    except ValidationError as error:
        raise ConfigError(sentences(error)) from None
    problems = check_combinations(settings)
    if problems:
        raise ConfigError(problems)
    return settings


def _is_file(recipe: str) -> bool:
    return recipe.endswith((".yaml", ".yml"))


def override_for_hydra(text: str, own: Path, problems: list[str]) -> str | None:
    """Return an override in the form to give Hydra; None if it is wrong.

    Args:
        text: the override as the user wrote it.
        own: folder for copies of the user's own entries.
        problems: gets a sentence if the override is wrong.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(text)
    except HydraException:
        problems.append(f"'{text}' is not an override; write name=value, for example style.intensity=0.5.")
        return None
    key = str(parsed.key_or_group)
    groups = sorted(
        path.name for path in (config_root() / "conf").iterdir() if path.is_dir() and path.name != _BENCHMARKS
    )
    if key in groups:
        options = sorted(path.stem for folder in _folders() for path in (folder / key).glob("*.yaml"))
        value = str(parsed.value())
        if _is_file(value):
            return _own_entry(key, Path(value), own, problems)
        if value not in options:
            problems.append(
                f"{key}={value}: there is no '{value}' in the group '{key}'.{nearest(value, options)}"
                f" It has: {', '.join(options)}; a YAML file of your own works too."
            )
            return None
        return text
    if parsed.is_sweep_override():
        problems.append(f"'{text}' gives several values; one run takes one value, and -m makes a run of each.")
        return None
    return text if text[0] in "+~" else f"++{text}"


def _with_entries(tree: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Replace the names of contexts and benchmarks in a tree by their settings."""
    evaluation = tree.get("eval")
    if not isinstance(evaluation, dict):
        return tree
    return tree | {"eval": _with_benchmarks(context_files.resolve(evaluation, problems), problems)}


def _with_benchmarks(evaluation: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Replace the names of benchmarks by their settings, each from its entry or from the user's file."""
    sources, names = evaluation.pop("sources", None) or {}, evaluation.get("benchmarks")
    if not isinstance(names, list) or not isinstance(sources, dict):
        problems.append("eval.benchmarks must be a list of names, and eval.sources places by their names.")
        return evaluation | {"benchmarks": []}
    entries = {path.stem: path for folder in _folders() for path in sorted((folder / _BENCHMARKS).glob("*.yaml"))}
    benchmarks = [entry for name in names if (entry := _benchmark(name, entries, problems))]
    for name in sources:
        if name not in [entry["name"] for entry in benchmarks]:
            problems.append(f"eval.sources.{name} is a place for a benchmark that eval.benchmarks does not name.")
    moved = [entry | ({"path": sources[entry["name"]]} if entry["name"] in sources else {}) for entry in benchmarks]
    return evaluation | {"benchmarks": moved}


def _benchmark(name: Any, entries: dict[str, Path], problems: list[str]) -> dict[str, Any] | None:
    """Return one benchmark's settings; None after a note in `problems`.

    In a user's own file, the path of the questions may be relative to that file.
    """
    is_file = isinstance(name, str) and _is_file(name)
    file = Path(name) if is_file else entries.get(str(name))
    if file is None:
        problems.append(
            f"There is no benchmark '{name}'.{nearest(str(name), entries)} Known benchmarks: {', '.join(entries)};"
            " a YAML file of your own works too."
        )
        return None
    tree = _settings_in(file, "eval.benchmarks", problems)
    if tree is None:
        return None
    local = file.parent / str(tree.get("path", ""))
    if is_file and local.is_file():
        tree["path"] = str(local)
    return {"name": file.stem} | tree


def _folders() -> list[Path]:
    """Return the folders that hold entries of groups: the shipped `conf/`, and `conf/` in the working directory.

    Raises:
        ConfigError: an entry in the working directory has the name of a shipped one; Hydra would take the shipped one.
    """
    shipped, local = config_root() / "conf", Path.cwd() / "conf"
    if not local.is_dir() or local.samefile(shipped):
        return [shipped]
    taken = sorted(path.relative_to(local).as_posix() for path in local.glob("*/*.yaml")
                  if (shipped / path.relative_to(local)).exists())  # fmt: skip
    if taken:
        raise ConfigError([f"conf/{name} in this folder has the name of a shipped entry; rename it." for name in taken])
    return [shipped, local]


def _own_entry(group: str, file: Path, own: Path, problems: list[str]) -> str | None:
    """Copy a user's file to where Hydra finds it as an entry of a group, and return the override that chooses it.

    The entry's name begins with `own_`, which no shipped name does. A file that is wrong gives None and a note in
    `problems`.
    """
    if _settings_in(file, group, problems) is None:
        return None
    (own / group).mkdir(exist_ok=True)
    (own / group / f"own_{file.stem}.yaml").write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return f"{group}=own_{file.stem}"


def _settings_in(file: Path, setting: str, problems: list[str]) -> dict[str, Any] | None:
    """Return the settings in a user's YAML file; None after a note in `problems`."""
    try:
        tree = read_yaml(file, f"The settings for {setting}")
    except UserError as error:
        problems.append(str(error))
        return None
    if not isinstance(tree, dict):
        problems.append(f"{setting}: the file {file} holds no settings; begin with a copy of a shipped one.")
        return None
    return tree


def hydra_arguments(recipe: str, own: Path) -> tuple[str, list[str]]:
    """Return a recipe's name for Hydra, and the overrides that make Hydra find it and all entries.

    Args:
        recipe: a shipped name, a path to a YAML file, or nothing.
        own: folder for copies of the user's own entries.
    """
    choice = _own_recipe(Path(recipe), own) if _is_file(recipe) else recipe
    searched = ",".join(f"file://{root}" for root in [own, config_root(), *_folders()[1:]])
    return choice, [f"hydra.searchpath=[{searched}]", *([f"+recipes={choice}"] if choice else [])]


def _compose(recipe: str, overrides: list[str], own: Path) -> dict[str, Any]:
    """Compose the recipe with Hydra and return the resolved tree as plain dictionaries and lists."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    choice, search_path = hydra_arguments(recipe, own)
    try:
        with initialize_config_dir(str(config_root() / "conf"), version_base="1.3"):
            config = compose("config", overrides=[*search_path, *overrides])
        OmegaConf.set_struct(config, False)
        config.recipe = choice
        tree = OmegaConf.to_container(config, resolve=True)
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError([f"The recipe '{recipe}' cannot be composed: {reason}"]) from None
    assert isinstance(tree, dict)
    return _without_missing({str(key): value for key, value in tree.items()})


def _own_recipe(path: Path, folder: Path) -> str:
    """Copy a user's recipe to where Hydra finds it in the group `recipes`, and return its name there."""
    if not path.is_file():
        raise UserError(f"The recipe file {path} does not exist; give a path to a YAML file or a name from `recipes`.")
    text = path.read_text()
    if "@package _global_" not in text:
        text = f"# @package _global_\n{text}"
    (folder / "recipes").mkdir(exist_ok=True)
    (folder / "recipes" / f"{path.stem}.yaml").write_text(text)
    return path.stem


def _without_missing(tree: dict[str, Any]) -> dict[str, Any]:
    """Leave out settings marked `???`, so that the check reports them with all other missing ones."""
    present = {key: _without_missing(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in present.items() if value != "???"}
