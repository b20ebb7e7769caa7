import re

import pytest

from warmtune.config.compose import config_root, load
from warmtune.config.habits import HABITS
from warmtune.errors import ConfigError


@pytest.mark.parametrize("name", sorted(HABITS))
def test_a_habitual_name_is_answered_with_ours(name):
    for written in (name, f"train.{name}"):
        try:
            load("quickstart", [f"{written}=1"])
        except ConfigError as error:
            said = str(error)
            if f"There is no setting '{written}'" in said:
                assert HABITS[name] in said
            else:  # ours has that very name
                assert HABITS[name] == written


@pytest.mark.parametrize("ours", sorted(set(HABITS.values())))
def test_what_a_hint_names_is_there(ours):
    for part in re.split(r", or | or | ", ours):
        key, _, value = part.partition("=")
        if (config_root() / "conf" / key).is_dir():
            assert value.isupper() or (config_root() / "conf" / key / f"{value}.yaml").is_file()
            continue
        here = load("quickstart", [])
        for name in key.split("."):
            here = getattr(here, name)
