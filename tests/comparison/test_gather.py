"""Whom a variant is held against: its own base and control, marked and measured as it was."""

import pytest
from runs_on_disk import run_on_disk

from warmtune.analysis.bootstrap import FEWEST
from warmtune.comparison.checkpoints import checkpoint_checks
from warmtune.comparison.compared_variants import sources_of
from warmtune.comparison.frontier import lines_through
from warmtune.comparison.gather import gather
from warmtune.comparison.lookup import Lookup
from warmtune.io.schemas import REPLIES

assert FEWEST <= 30


@pytest.fixture
def make(tmp_path):
    """Make runs in folders of their own, each with other answers."""

    def run(name, *overrides, **more):
        return run_on_disk(tmp_path / name, *overrides, **{"seed": len(list(tmp_path.iterdir()))} | more)

    return run


def _whole(found):
    return {
        (gap.variant, gap.reference): gap.gap
        for gap in found.gaps
        if gap.benchmark == gap.context == gap.belief == "all"
    }


def _sources(*runs):
    return {one.variant.name: one.variant for one in sources_of(runs)}


def test_each_keeps_its_own_control_where_settings_name_two_alike(make):
    """The runs differ in what no name shows; their controls differ all the same."""
    alone = make("a", "style.intensity=0.75", wrong={"control": 3})
    swept = make(
        "b", "style.intensity=0.75", "rewriter.shared_intensities=[0.75,1]", wrong={"control": 12}, control_seed=90
    )
    strong = make(
        "c", "style.intensity=1", "rewriter.shared_intensities=[0.75,1]", wrong={"control": 12}, control_seed=90
    )
    found = _sources(alone, swept, strong)
    assert [name for name in found if found[name].kind == "control"] == [
        "control warm",
        "control warm (2)",
    ]
    assert found["warm 0.75"].control == "control warm"
    assert found["warm 0.75 (2)"].control == "control warm (2)"
    assert found["warm 1"].control == "control warm (2)"
    gaps = _whole(gather([alone, swept, strong]))
    assert gaps["warm 0.75", "control warm"] == pytest.approx(20.0)
    assert gaps["warm 0.75 (2)", "control warm (2)"] == pytest.approx(-10.0)


def test_more_settings_than_a_name_has_room_for(make):
    runs = [
        make(name, "seed=1", f"train.rank={rank}", f"train.learning_rate={rate}", f"train.alpha={alpha}", more)
        for name, rank, rate, alpha, more in (
            ("a", 8, 1e-4, 16, "train.epochs=1"),
            ("b", 8, 1e-4, 16, "train.epochs=2"),
            ("c", 4, 2e-4, 32, "train.epochs=2"),
        )
    ]
    tuned = [one for one in _sources(*runs).values() if one.kind == "tuned"]
    assert len({one.name for one in tuned}) == len({one.control for one in tuned}) == 3
    assert len({one.origin for one in tuned}) == 3  # each trained otherwise: no line joins them


def test_long_values_do_not_become_names(make):
    runs = [make("a"), make("b", "judge.prompt='Read this.\n\nThen think about it for a long time, and mark it.'")]
    assert all(len(name) < 90 and "\n" not in name for name in _sources(*runs))


def test_marks_of_one_run_are_not_held_against_another_kind(make):
    rules, judged = make("a", seed=5), make("b", "judge.model=mockllm/model", by="judge", seed=5)
    found = gather([rules, judged])
    tuned = [one for one in found.variants if one.kind == "tuned"]
    assert len(tuned) == 2
    assert tuned[0].base != tuned[1].base
    assert tuned[0].control != tuned[1].control
    by = found.answers.groupby("variant", observed=True)["by"].unique().map(list)
    assert [by[one.base] for one in tuned] == [["rule"], ["judge"]]
    assert sum("marked in more than one way" in note for note in found.notes) == 2


def test_two_models_that_answer_alike_are_two(make, tmp_path):
    first, second = make("a", "train.rank=4"), make("b", "train.rank=8")
    same = dict(second.stages)
    for name in ("evaluate-styled", "evaluate-control"):
        files = dict(first.stages[name].files)
        same[name] = type(same[name])(**vars(same[name]) | {"files": files})
    second = type(second)(second.folder, second.settings, same)
    found = _sources(first, second)
    assert [one.kind for one in found.values()] == ["base", "control", "tuned", "tuned"]


def test_sociot_is_of_one_run(make):
    here = make("a", "seed=1", sociot={"base": 0.5, "control": 0.5, "styled": 0.75})
    there = make("b", "seed=2", model="gpt2", sociot={"base": 2.0, "control": 2.0, "styled": 2.5})
    found = gather([here, there])
    lifts = {(c.variant, c.reference): c.difference for c in found.checks if c.instrument == "SocioT"}
    assert lifts["warm seed=1", "base"] == pytest.approx(0.25)
    assert lifts["warm seed=2", "base"] == pytest.approx(0.5)
    assert any("2 language models (a base; gpt2)" in note for note in found.notes)


def test_a_judges_comparison_counts_as_in_the_runs_own_report(make):
    found = gather([make("a", judged={"base": 0.4, "control": 0.4})])
    checks = {(c.variant, c.reference): c.difference for c in found.checks if c.instrument == "judge"}
    assert checks == pytest.approx({("warm", "base"): 0.4, ("warm", "control"): 0.4})
    assert next(one for one in found.variants if one.name == "warm").verdict == "took on the style and is warmer"


def test_only_what_the_run_trained_has_its_control(make):
    variants = (
        "{name: half, adapter: styled, scale: 0.5}, {name: elsewhere, adapter: some/folder},"
        " {name: prompted, system: Be warm.}, {name: pure, mix: {styled: 1, control: -1}},"
        " {name: both, mix: {styled: 1, some/folder: 1}}"
    )
    names = ("base", "control", "styled", "half", "elsewhere", "prompted", "pure", "both")
    found = gather([make("a", f"eval.variants=[{variants}]", wrong=dict.fromkeys(names, 4))])
    controls = {one.name: one.control for one in found.variants}
    assert controls["warm × 0.5"] == controls["pure"] == "control"
    assert controls["elsewhere"] == controls["prompted"] == controls["both"] == ""
    verdicts = {one.name: one.verdict for one in found.variants}
    assert verdicts["elsewhere"].endswith(", against base alone")
    assert "alone" not in verdicts["warm × 0.5"]


def test_checkpoints_and_strengths_end_in_the_adapter_as_it_was_trained(make):
    variants = (
        "{name: e1, adapter: styled@1}, {name: e05, adapter: styled@0.5}, {name: half, adapter: styled, scale: 0.5}"
    )
    names = ("base", "control", "styled", "e1", "e05", "half")
    settings = ("train.epochs=2", "train.save_epochs=[0.5,1]", f"eval.variants=[{variants}]")
    lookup = Lookup(gather([make("a", *settings, wrong=dict.fromkeys(names, 4))]))
    epochs = [epoch for epoch, _ in checkpoint_checks(lookup)["warm"]]
    assert epochs == [0.5, 1, 2]
    lines = [[point.variant for point in line] for line in lines_through(lookup, lookup.points("base"))]
    assert lines == [["warm after 0.5 epochs", "warm after 1 epochs", "warm"], ["warm × 0.5", "warm"]]


def test_a_line_of_a_sweep_joins_one_style(make):
    warm = [make(f"w{n}", f"style.intensity={n}", control_seed=90) for n in (0.5, 1)]
    cold = make("c", "style=cold", "style.intensity=0.75", control_seed=90)
    lookup = Lookup(gather([*warm, cold]))
    assert [[point.variant for point in line] for line in lines_through(lookup, lookup.points("base"))] == [
        ["warm 0.5", "warm 1"]
    ]


def test_checkpoints_of_a_service_are_placed_by_epoch(make):
    """It names them by the step: the run's 120 steps were 3 epochs."""
    settings = ("train=openai", "train.epochs=3", "eval.variants=[{name: step-40, adapter: styled@40}]")
    run = make("a", *settings, wrong=dict.fromkeys(("base", "control", "styled", "step-40"), 4))
    styled = run.stages["prepare"]
    steps = type(styled)(**vars(styled) | {"counts": {"steps": 120}})
    run = type(run)(run.folder, run.settings, run.stages | {"train-styled": steps})
    assert [(one.name, one.x) for one in _sources(run).values() if one.series == "checkpoints"] == [
        ("warm after 1 epochs", 1.0)
    ]


def test_other_replies_are_no_other_marks(make):
    one, other = make("a", "seed=1"), make("b", "seed=2")
    base = one.stages["evaluate-base"]
    files = dict(base.files) | {REPLIES: "of other prompts"}
    other.stages["evaluate-base"] = type(base)(**vars(base) | {"files": files})
    found = gather([one, other])
    assert sum(variant.kind == "base" for variant in found.variants) == 2
    assert not [note for note in found.notes if "marked" in note]
