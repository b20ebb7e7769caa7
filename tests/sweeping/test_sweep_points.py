"""A sweep is checked whole before its first run."""

import pytest

from warmtune.errors import ConfigError
from warmtune.sweeping.sweep_points import parse_sweep


def test_the_recipes_own_values_are_swept_and_the_command_line_wins(tmp_path):
    request, first, arguments = parse_sweep("sweep/intensity", ["seed=3"], "publish", tmp_path)
    assert request.swept == ["style.intensity"]
    assert request.fixed == ["seed=3", "rewriter.shared_intensities=[0.25,0.5,0.75,1]"]
    assert (first.style.intensity, first.seed, first.recipe) == (0, 3, "sweep/intensity")
    assert "++seed=3" in arguments
    assert not any(text.startswith("style.intensity") for text in arguments)  # Hydra has them from the recipe
    request, first, arguments = parse_sweep("sweep/intensity", ["style.intensity=0.5,1", "seed=1,2"], "train", tmp_path)
    assert request.swept == ["style.intensity", "seed"]
    assert first.style.intensity == 0.5
    assert request.fixed == ["rewriter.shared_intensities=[0.5,1]"]
    assert {"style.intensity=0.5,1", "seed=1,2"} <= set(arguments)


def test_a_user_may_say_which_intensities_share_their_data_and_drawn_ones_cannot(tmp_path):
    request, *_ = parse_sweep(
        "quickstart", ["style.intensity=0,1", "rewriter.shared_intensities=[]"], "publish", tmp_path
    )
    assert request.fixed == ["rewriter.shared_intensities=[]"]
    drawn = ["style.intensity=interval(0,1)", "hydra/sweeper=optuna"]
    assert parse_sweep("quickstart", drawn, "publish", tmp_path)[0].fixed == []


def test_every_value_is_checked_and_all_problems_are_said_at_once(tmp_path):
    with pytest.raises(ConfigError) as error:
        parse_sweep(
            "quickstart", ["style.intensity=0.5,1.5", "train.rank=4,eight", "style=warm,cool"], "publish", tmp_path
        )
    said = " ".join(error.value.problems)
    for words in ("style.intensity is 1.5", "train.rank is 'eight'", "no 'cool' in the group 'style'"):
        assert words in said
    assert len(error.value.problems) == 3


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ([], "no setting has several values"),
        (["style.intensity=glob(*)"], "instead of a glob"),
        (["style.intensty=0,1"], "no setting 'style.intensty'"),
        (["seed=1,2", "frobnicate=1"], "no setting 'frobnicate'"),
        (["seed=1,2", "hydra/launcher=slurmy"], "warmtune[launchers]"),
        (["seed=1,2", "hydra/sweeper=optunna"], "warmtune[launchers]"),
    ],
)
def test_what_cannot_be_swept_is_said_in_a_sentence(overrides, says, tmp_path):
    with pytest.raises(ConfigError) as error:
        parse_sweep("quickstart", overrides, "publish", tmp_path)
    assert says in str(error.value)


def test_own_files_are_swept_under_the_names_of_their_entries(tmp_path, monkeypatch):
    from warmtune.config.compose import config_root

    monkeypatch.chdir(tmp_path)
    (tmp_path / "own").mkdir()
    text = (config_root() / "conf" / "style" / "warm.yaml").read_text()
    (tmp_path / "pirate.yaml").write_text(text.replace("name: warm", "name: pirate"))
    request, first, arguments = parse_sweep("quickstart", ["style=pirate.yaml,cold"], "publish", tmp_path / "own")
    assert first.style.name == "pirate"
    assert request.own == {"style=own_pirate": "style=pirate.yaml"}
    assert "style=own_pirate,cold" in arguments


def test_one_value_for_what_the_recipe_sweeps_is_refused(tmp_path):
    """Hydra would run the recipe's values all the same, and name points by settings that they do not have."""
    with pytest.raises(ConfigError, match="gives one value, but the recipe sweeps"):
        parse_sweep("sweep/intensity", ["style.intensity=0.5", "seed=1,2"], "publish", tmp_path)


def test_a_sweeper_that_searches_needs_a_gap_and_draws_from_ranges(tmp_path):
    with pytest.raises(ConfigError, match="stops before there is an error gap"):
        parse_sweep("sweep/warmest", [], "train", tmp_path)
    request, first, _ = parse_sweep("sweep/warmest", [], "publish", tmp_path)
    assert request.fixed == ["rewriter.shared_intensities=[0.25,0.5,0.75,1]"]  # all that it can draw
    assert first.sweep.max_gap == 10
    ranged = "style.intensity=range(0.25,1,step=0.25)"
    assert parse_sweep("quickstart", [ranged, "hydra/sweeper=optuna"], "publish", tmp_path)[0].fixed == []
    assert parse_sweep("quickstart", [ranged], "publish", tmp_path)[0].fixed == [
        "rewriter.shared_intensities=[0.25,0.5,0.75]"
    ]
    with pytest.raises(ConfigError, match=r"style\.intensity is 1\.5"):  # Optuna draws the last one as well
        parse_sweep("quickstart", [ranged.replace("1,", "1.5,"), "hydra/sweeper=optuna"], "publish", tmp_path)
