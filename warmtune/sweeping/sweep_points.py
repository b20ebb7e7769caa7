"""Parse a sweep's command: settings with several values, settings with one value, and Hydra's own overrides."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warmtune.config.compose import hydra_arguments, load, override_for_hydra
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError


@dataclass(frozen=True)
class SweepRequest:
    """A sweep as the command line gave it; each point's process starts from it."""

    recipe: str
    until: str
    """The last stage of each point."""
    fixed: list[str]
    """Overrides of all points, as given."""
    swept: list[str]
    """Names of the settings that differ between points."""
    own: dict[str, str]
    """Overrides with a user's own files, by Hydra's name for each."""


@dataclass(frozen=True)
class _SweptSetting:
    """One setting with several values, or with an interval for a sweeper such as Optuna's."""

    key: str
    text: str
    """The override as given."""
    values: list[str]
    """Every value, or both ends of an interval."""
    drawn: bool = False
    """True for an interval, from which a sweeper draws values."""
    ends: tuple[str, str] | None = None
    """Both ends of a range. Hydra's basic sweeper excludes the upper end; search sweepers include it."""


def parse_sweep(recipe: str, overrides: list[str], until: str, own: Path) -> tuple[SweepRequest, Settings, list[str]]:
    """Check a sweep before the first run; return it with the first point's settings and Hydra's arguments.

    The check loads every value of every swept setting, with the other settings at their first value. So a typo in the
    fifth point is reported before the first point runs.

    Args:
        recipe: a shipped name or a path to a YAML file.
        overrides: the overrides as given; those of `hydra` go to Hydra unchanged.
        until: the last stage of each point.
        own: folder for a user's own entries; it must exist until the sweep ends.

    Raises:
        ConfigError: the sweep is wrong; names every problem.
    """
    hydra = [text for text in overrides if text.lstrip("+~").startswith(("hydra.", "hydra/"))]
    rest = [text for text in overrides if text not in hydra]
    swept_settings, fixed, problems = [], [], list[str]()
    for text in rest:
        swept = _swept(text, problems)
        if swept is None:
            fixed.append(text)
        else:
            swept_settings.append(swept)
    if problems:
        raise ConfigError(problems)
    load(recipe, fixed)  # after this, only the swept settings can be wrong in what Hydra composes
    _, arguments = hydra_arguments(recipe, own)
    searches, params = _in_recipe(arguments, hydra)
    _check_together(params, fixed, searches, until)
    given = {swept.key for swept in swept_settings}
    swept_settings += [swept for swept in params if swept.key not in given]
    if searches:
        swept_settings = [_drawn(swept) for swept in swept_settings]
    if not swept_settings:
        raise ConfigError(
            [
                f"-m sweeps, but no setting has several values, neither here nor in the recipe '{recipe}'; give one,"
                " such as style.intensity=0,0.5,1."
            ]
        )
    first = _check(recipe, fixed, swept_settings)
    fixed += _common(swept_settings, fixed)
    own_files, texts = _hydra_texts([swept for swept in swept_settings if swept.key in given], own)
    request = SweepRequest(recipe, until, fixed, [swept.key for swept in swept_settings], own_files)
    forced = [checked for text in fixed if (checked := override_for_hydra(text, own, problems))]
    return request, first, [*arguments, *hydra, *forced, *texts]


def _common(swept_settings: list[_SweptSetting], fixed: list[str]) -> list[str]:
    """Return the override that makes points of several intensities share their conversations, and so their control.

    The list is empty where the user gives this setting, and where a sweeper draws the intensities, because then the
    other points are not known.
    """
    intensities = [swept for swept in swept_settings if swept.key == "style.intensity" and not swept.drawn]
    if not intensities or any(text.lstrip("+~").startswith("rewriter.shared_intensities") for text in fixed):
        return []
    above = [value for value in intensities[0].values if float(value) > 0]  # at 0 nothing is rewritten
    return [f"rewriter.shared_intensities=[{','.join(above)}]"]


def _swept(text: str, problems: list[str]) -> _SweptSetting | None:
    """Return a setting with several values; None for a single value, and for text that `load` will refuse."""
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
        return _SweptSetting(key, text, [str(value.start), str(value.end)], drawn=True)
    ends = (str(value.start), str(value.stop)) if isinstance(value, RangeSweep) else None
    return _SweptSetting(key, text, list(parsed.sweep_string_iterator()), ends=ends)


def _drawn(swept: _SweptSetting) -> _SweptSetting:
    """Return a setting in the form for a search sweeper, which draws from a range with both ends included."""
    return swept if swept.ends is None else replace(swept, values=list(swept.ends), drawn=True)


def _check_together(params: list[_SweptSetting], fixed: list[str], searches: bool, until: str) -> None:
    """Raise where the command contradicts the recipe's own sweep."""
    single = {text.lstrip("+~").partition("=")[0]: text for text in fixed}
    problems = [
        f"'{single[swept.key]}' gives one value, but the recipe sweeps {swept.key} ({swept.text}); give several"
        " values, or run the recipe that it builds on."
        for swept in params
        if swept.key in single
    ]
    if searches and until not in ("report", "publish"):
        problems.append(
            f"`{until} -m` stops before there is an error gap, but the sweeper looks for the best by it; use `run -m`,"
            " or leave hydra/sweeper as it is and name every value."
        )
    if problems:
        raise ConfigError(problems)


def _in_recipe(arguments: list[str], hydra: list[str]) -> tuple[bool, list[_SweptSetting]]:
    """Return whether the sweeper searches, and the settings that the recipe sweeps (`hydra.sweeper.params`)."""
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
    swept_settings = [_swept(f"{key}={value}", problems) for key, value in params.items()]
    if problems:
        raise ConfigError(problems)
    return searches, [swept for swept in swept_settings if swept is not None]


def _check(recipe: str, fixed: list[str], swept_settings: list[_SweptSetting]) -> Settings:
    """Check every value, and return the settings of the first point."""
    first_values = {swept.key: swept.values[0] for swept in swept_settings}
    first: Settings | None = None
    problems: list[str] = []
    for swept in swept_settings:
        for value in swept.values:
            point = [f"{key}={text}" for key, text in {**first_values, swept.key: value}.items()]
            try:
                settings = load(recipe, [*fixed, *point])
            except ConfigError as error:
                problems += error.problems
            else:
                first = first or settings
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    assert first is not None
    return first


def _hydra_texts(swept_settings: list[_SweptSetting], own: Path) -> tuple[dict[str, str], list[str]]:
    """Return the overrides with a user's own files by Hydra's name, and the swept settings as texts for Hydra."""
    own_files: dict[str, str] = {}
    texts = []
    for swept in swept_settings:
        files = [value for value in swept.values if value.endswith((".yaml", ".yml"))]
        for value in files:
            entry = override_for_hydra(f"{swept.key}={value}", own, [])
            assert entry is not None
            own_files[entry] = f"{swept.key}={value}"
        names = {text.partition("=")[2]: entry.partition("=")[2] for entry, text in own_files.items()}
        values = ",".join(names.get(value, value) for value in swept.values)
        texts.append(f"{swept.key}={values}" if files else swept.text)
    return own_files, texts


def _sentence(error: Exception) -> str:
    """Return Hydra's error as a sentence; for a missing launcher or sweeper, add how to install it."""
    sentence = " ".join(str(error).partition("Config search path")[0].split()).rstrip(".") + "."
    if "hydra/sweeper" in sentence or "hydra/launcher" in sentence:
        sentence += " Launchers and sweepers beyond Hydra's basic ones come with pip install 'warmtune[launchers]'."
    return sentence
