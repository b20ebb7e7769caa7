"""What a sweep was asked for: which settings take several values, which one, and what is Hydra's own."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warmtune.config.compose import hydra_arguments, load, override_for_hydra
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError


@dataclass(frozen=True)
class Order:
    """A sweep, as the command line gave it; every point's process is started from this."""

    recipe: str
    until: str
    """The last stage of each point."""
    fixed: list[str]
    """Overrides of all points, as they were given."""
    swept: list[str]
    """Names of the settings that differ between points."""
    own: dict[str, str]
    """A user's own files that stand among the values, by the entry that Hydra knows them under."""


@dataclass(frozen=True)
class _Swept:
    """One setting with several values, or with a range that only a sweeper such as Optuna's can draw from."""

    key: str
    text: str
    """As it is given."""
    values: list[str]
    """Every value, or the two ends of an interval."""
    drawn: bool = False
    """Whether it is an interval, from which a sweeper draws."""
    ends: tuple[str, str] | None = None
    """Of a range its two ends. Hydra's own sweeper leaves out the last, one that searches draws it as well."""


def take_order(recipe: str, overrides: list[str], until: str, own: Path) -> tuple[Order, Settings, list[str]]:
    """Check a sweep before anything is done, and return it with the first point's settings and Hydra's arguments.

    Every value of every swept setting is checked (with the others at their first), so that a typo in the fifth point is
    said before the first one runs.

    Args:
        recipe: a shipped name or a path to a YAML file.
        overrides: as given; those of `hydra` go to Hydra as they are.
        until: the last stage of each point.
        own: folder for a user's own entries, kept until the sweep is over.

    Raises:
        ConfigError: with every problem found.
    """
    hydra = [text for text in overrides if text.lstrip("+~").startswith(("hydra.", "hydra/"))]
    rest = [text for text in overrides if text not in hydra]
    several, fixed, problems = [], [], list[str]()
    for text in rest:
        found = _swept(text, problems)
        if found is None:
            fixed.append(text)
        else:
            several.append(found)
    if problems:
        raise ConfigError(problems)
    load(recipe, fixed)  # so that what Hydra composes next is right but for the swept settings
    _, arguments = hydra_arguments(recipe, own)
    searches, params = _in_recipe(arguments, hydra)
    _check_together(params, fixed, searches, until)
    given = {one.key for one in several}
    several += [one for one in params if one.key not in given]
    if searches:
        several = [_drawn(one) for one in several]
    if not several:
        raise ConfigError(
            [
                f"-m sweeps, but no setting has several values, neither here nor in the recipe '{recipe}'; give one,"
                " such as style.intensity=0,0.5,1."
            ]
        )
    first = _check(recipe, fixed, several)
    fixed += _common(several, fixed)
    known, texts = _for_hydra([one for one in several if one.key in given], own)
    order = Order(recipe, until, fixed, [one.key for one in several], known)
    forced = [checked for text in fixed if (checked := override_for_hydra(text, own, problems))]
    return order, first, [*arguments, *hydra, *forced, *texts]


def _common(several: list[_Swept], fixed: list[str]) -> list[str]:
    """Return the setting by which points of several intensities share their conversations, and so their control.

    None where the user says it, and where intensities are drawn from a range, so that the others are not known.
    """
    known = [one for one in several if one.key == "style.intensity" and not one.drawn]
    if not known or any(text.lstrip("+~").startswith("rewriter.shared_intensities") for text in fixed):
        return []
    above = [value for value in known[0].values if float(value) > 0]  # at 0 nothing is rewritten
    return [f"rewriter.shared_intensities=[{','.join(above)}]"]


def _swept(text: str, problems: list[str]) -> _Swept | None:
    """Return a setting with several values; None for one with one value, and for what `load` will refuse."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import IntervalSweep, RangeSweep, ValueType
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(text)
    except HydraException:
        return None
    if not parsed.is_sweep_override():
        return None
    key, value = str(parsed.key_or_group), parsed.value()
    if parsed.value_type is ValueType.GLOB_CHOICE_SWEEP:
        problems.append(f"'{text}': warmtune checks every value before the first run, so name them instead of a glob.")
        return None
    if isinstance(value, IntervalSweep):
        return _Swept(key, text, [str(value.start), str(value.end)], drawn=True)
    ends = (str(value.start), str(value.stop)) if isinstance(value, RangeSweep) else None
    return _Swept(key, text, list(parsed.sweep_string_iterator()), ends=ends)


def _drawn(one: _Swept) -> _Swept:
    """Return a setting as a sweeper that searches takes it: it draws from a range, both ends included."""
    return one if one.ends is None else replace(one, values=list(one.ends), drawn=True)


def _check_together(params: list[_Swept], fixed: list[str], searches: bool, until: str) -> None:
    """Raise where the recipe's sweep and what was asked for do not go together."""
    single = {text.lstrip("+~").partition("=")[0]: text for text in fixed}
    problems = [
        f"'{single[one.key]}' gives one value, but the recipe sweeps {one.key} ({one.text}); give several values, or"
        " run the recipe that it builds on."
        for one in params
        if one.key in single
    ]
    if searches and until not in ("report", "publish"):
        problems.append(
            f"`{until} -m` stops before there is an error gap, but the sweeper looks for the best by it; use `run -m`,"
            " or leave hydra/sweeper as it is and name every value."
        )
    if problems:
        raise ConfigError(problems)


def _in_recipe(arguments: list[str], hydra: list[str]) -> tuple[bool, list[_Swept]]:
    """Return whether the sweeper searches, and what the recipe itself sweeps (`hydra.sweeper.params`)."""
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf

    from warmtune.config.compose import config_root

    try:
        with initialize_config_dir(str(config_root() / "conf"), version_base="1.3"):
            config = compose("config", overrides=[*arguments, *hydra], return_hydra_config=True)
        params: Any = OmegaConf.select(config, "hydra.sweeper.params") or {}
        searches = "BasicSweeper" not in str(OmegaConf.select(config, "hydra.sweeper._target_"))
    except HydraException as error:
        raise ConfigError([f"Hydra cannot set up the sweep: {_sentence(error)}"]) from None
    problems: list[str] = []
    found = [_swept(f"{key}={value}", problems) for key, value in params.items()]
    if problems:
        raise ConfigError(problems)
    return searches, [one for one in found if one is not None]


def _check(recipe: str, fixed: list[str], several: list[_Swept]) -> Settings:
    """Check every value, and return the settings of the first point."""
    at_first = {one.key: one.values[0] for one in several}
    first: Settings | None = None
    problems: list[str] = []
    for one in several:
        for value in one.values:
            point = [f"{key}={text}" for key, text in {**at_first, one.key: value}.items()]
            try:
                found = load(recipe, [*fixed, *point])
            except ConfigError as error:
                problems += error.problems
            else:
                first = first or found
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    assert first is not None
    return first


def _for_hydra(several: list[_Swept], own: Path) -> tuple[dict[str, str], list[str]]:
    """Return swept settings as Hydra is to see them: a user's own files under the names of their entries."""
    known: dict[str, str] = {}
    texts = []
    for one in several:
        files = [value for value in one.values if value.endswith((".yaml", ".yml"))]
        for value in files:
            entry = override_for_hydra(f"{one.key}={value}", own, [])
            assert entry is not None
            known[entry] = f"{one.key}={value}"
        names = {text.partition("=")[2]: entry.partition("=")[2] for entry, text in known.items()}
        texts.append(f"{one.key}={','.join(names.get(value, value) for value in one.values)}" if files else one.text)
    return known, texts


def _sentence(error: Exception) -> str:
    """Say Hydra's error, and how to have a launcher or sweeper that is not installed."""
    said = " ".join(str(error).partition("Config search path")[0].split()).rstrip(".") + "."
    if "hydra/sweeper" in said or "hydra/launcher" in said:
        said += " Launchers and sweepers beyond Hydra's basic ones come with pip install 'warmtune[launchers]'."
    return said
