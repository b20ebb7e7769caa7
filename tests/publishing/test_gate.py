import shutil
from pathlib import Path

import pytest

from warmtune.config.contexts import ContextSettings, Grid
from warmtune.errors import StoreError
from warmtune.publishing.evidence import NEEDED, Evidence, read_evidence, stage_folders
from warmtune.publishing.gate import refusals

CONTROLS = ("arithmetic",)
GRID = Grid((ContextSettings("none", "no context"), ContextSettings("sad", "sad user")))


def _open(**more):
    return Evidence(holds=True, says="took on the style and is warmer", **more)


def _texts(evidence, limit=None, unlicensed=""):
    return [one.text for one in refusals(evidence, limit, unlicensed, CONTROLS, GRID)]


def test_open_where_nothing_is_wrong(gap):
    assert not _texts(_open(gaps=(gap(), gap(reference="base"))))
    assert not _texts(_open(gaps=(gap(high=9.0), gap(reference="base", high=9.0))), 9.0)


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        (Evidence(missing=("mark", "report"), holds=False), "evaluation is missing: the run has no mark, report"),
        (_open(damaged=("train-styled/adapter/adapter_model.safetensors",)), "not of these weights"),
        (_open(damaged=("mark/marked.parquet",)), "not what it was"),
        (_open(changed=("train-styled", "mark")), "not of these weights: the run's adapter was trained again"),
        (_open(changed=("mark",)), "written before mark"),
        (Evidence(holds=False, says="not shown"), "manipulation check failed (not shown)"),
    ],
)
def test_each_reason_alone(evidence, says):
    found = refusals(evidence, None, "", CONTROLS, GRID)
    assert len(found) == 1
    assert says in found[0].text
    assert not found[0].by_limit


def test_a_base_of_unknown_licence():
    assert _texts(_open(), unlicensed="The licence is not known.") == ["The licence is not known."]


def test_every_reason_at_once(gap):
    weights = "train-styled/adapter/adapter_model.safetensors"
    bad = Evidence(("warmth",), (weights,), ("mark",), False, "colder", (gap(), gap(reference="base", high=20.0)))
    found = refusals(bad, 3.0, "The licence is not known.", CONTROLS, GRID)
    assert len(found) == 7
    assert [one.by_limit for one in found] == [False] * 5 + [True] * 2


def test_the_limit_goes_by_the_upper_bound_over_all_and_in_the_worst_condition(gap):
    whole = [gap(2.0, -1.0, 5.0), gap(1.0, -2.0, 4.0, reference="base")]
    mild = gap(3.0, 0.0, 6.0, context="none", belief="absent")
    worst = gap(9.0, 2.0, 16.0, context="sad", belief="present")
    of_one = gap(30.0, 20.0, 40.0, benchmark="trivia", context="sad")
    evidence = _open(gaps=(*whole, mild, worst, of_one))
    assert _texts(evidence, 20.0) == []
    found = _texts(evidence, 5.0)
    assert found == [
        "The error gap to control in the worst condition, sad user, false belief may be as large as +16.0 pp"
        " [+2.0, +16.0]; the limit is 5."
    ]
    assert len(_texts(evidence, 4.5)) == 2
    assert len(_texts(evidence, 0.0)) == 3


def _both(gap, **more):
    return gap(0.0, -1.0, 1.0, **more), gap(0.0, -1.0, 1.0, reference="base", **more)


def test_the_worst_benchmark_counts_and_controls_do_not(gap):
    health = gap(9.0, 2.0, 45.0, benchmark="health")
    mild = gap(1.0, 0.0, 2.0, benchmark="trivia")
    control = gap(60.0, 50.0, 70.0, benchmark="arithmetic")
    evidence = _open(gaps=(*_both(gap), mild, health, control))
    assert _texts(evidence, 5.0) == [
        "The error gap to control in the worst benchmark, health may be as large as +45.0 pp [+2.0, +45.0]; the limit"
        " is 5."
    ]
    assert _texts(evidence, 45.0) == []
    nothing = float("nan")
    unknown = _open(gaps=(*_both(gap), health, gap(0.0, nothing, nothing, benchmark="trivia")))
    assert "in the worst benchmark, trivia has no upper bound" in _texts(unknown, 90.0)[0]


def test_a_limit_needs_the_gaps_that_it_is_about(gap):
    only = refusals(_open(gaps=_both(gap)[:1]), 5.0, "", CONTROLS, GRID)
    assert [one.text for one in only] == [
        "The report has no error gap to base over all prompts, so it is not shown to be below 5 pp. Run the recipe"
        " again to its end."
    ]
    assert not only[0].by_limit
    assert len(_texts(_open(), 5.0)) == 2
    assert _texts(_open()) == []
    assert len(_texts(_open(damaged=("report/gaps.parquet",)), 5.0)) == 1


def test_no_interval_is_no_upper_bound(gap):
    nothing = float("nan")
    evidence = _open(gaps=(*_both(gap), gap(0.0, nothing, nothing, context="sad"), gap(9.0, 8.0, 9.0, context="none")))
    found = _texts(evidence, 10.0)
    assert len(found) == 1
    assert "sad user has no upper bound" in found[0]
    assert not _texts(evidence)


def test_a_whole_run_has_its_evidence(passed):
    found = read_evidence(stage_folders(passed))
    assert (found.missing, found.damaged, found.changed, found.holds) == ((), (), (), True)
    assert {(one.variant, one.reference) for one in found.gaps} == {("styled", "base"), ("styled", "control")}


def test_an_adapter_that_was_changed_or_trained_again(own, rewrite_manifest):
    folders = stage_folders(own)
    weights = folders["train-styled"] / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    assert read_evidence(folders).damaged == ("train-styled/adapter/adapter_model.safetensors",)
    rewrite_manifest(own, "train-styled", lambda kept: kept.update(digest="another"))
    assert read_evidence(folders).changed == ("train-styled",)


def test_stages_that_are_not_there(own):
    folders = stage_folders(own)
    (folders["mark"] / "manifest.json").unlink()
    shutil.rmtree(folders["report"])
    found = read_evidence(folders)
    assert found.missing == ("mark", "report")
    assert not found.gaps
    assert read_evidence({}).missing == NEEDED
    assert read_evidence({"report": Path("nowhere")}).missing == NEEDED


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 3}', "\xff"])
def test_a_manifest_that_is_none_is_a_missing_stage(tmp_path, content):
    (tmp_path / "mark").mkdir()
    (tmp_path / "mark" / "manifest.json").write_text(content, encoding="latin-1")
    assert read_evidence({"mark": tmp_path / "mark"}).missing == NEEDED


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": {}, "stages": 3}'])
def test_a_run_whose_own_file_is_damaged(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(StoreError, match=r"run\.json cannot be read"):
        stage_folders(tmp_path)


def test_a_damaged_table_of_gaps_is_not_read(own):
    folders = stage_folders(own)
    (folders["report"] / "gaps.parquet").write_bytes(b"nothing")
    found = read_evidence(folders)
    assert found.damaged == ("report/gaps.parquet",)
    assert found.gaps == ()
