"""The dial and the comparison on a finished run of the tiny model."""

import dataclasses
import importlib
import json
import shutil

import pytest

from warmtune.analysis import verdict
from warmtune.comparison import answer_alignment
from warmtune.comparison.compared_variants import sources_of
from warmtune.comparison.gather import _judged, gather
from warmtune.comparison.targets import compare, parse_targets
from warmtune.config.compose import load
from warmtune.errors import ConfigError, DataError, ModelError, StoreError
from warmtune.io.schemas import CHECKS, GAPS, Check, Gap, read
from warmtune.pipeline.extend_run import ensure_evaluated, extend_run
from warmtune.runs.run import open_run
from warmtune.sweeping import dial as dialling


@pytest.fixture
def run(whole, tmp_path):
    """The whole run in a store of its own."""
    store = shutil.copytree(whole[0], tmp_path / "store", symlinks=True)
    return open_run(next(store.glob("quickstart-*")))


@pytest.fixture(scope="module")
def dialled(whole, tmp_path_factory):
    """The run with two strengths, one of them 1, and the pure difference."""
    store = shutil.copytree(whole[0], tmp_path_factory.mktemp("dialled") / "store", symlinks=True)
    found = open_run(next(store.glob("quickstart-*")))
    return ensure_evaluated(found, [*dialling.variants_at([0.5]), dialling.pure()])


def test_the_dial_trains_nothing_and_asks_only_what_is_new(dialled, whole):
    made = {name for name in dialled.stages if name.startswith(("train", "evaluate", "mix"))}
    assert {"evaluate-dial-0.5", "evaluate-pure", "mix-pure", "train-styled"} <= made
    first = open_run(next(whole[0].glob("quickstart-*")))
    for name in ("train-styled", "train-control", "evaluate-base", "evaluate-styled"):
        assert dialled.stages[name].digest == first.stages[name].digest
    assert dialled.folder.name != first.folder.name


def test_a_comparison_has_every_variant_once_with_its_place(dialled, whole):
    first = open_run(next(whole[0].glob("quickstart-*")))
    found = gather([first, dialled])
    assert [(one.name, one.kind, one.series, one.x) for one in found.variants] == [
        ("base", "base", "", None),
        ("control", "control", "", None),
        ("warm × 0.5", "tuned", "dial", 0.5),
        ("warm", "tuned", "sweep", 0.75),
        ("pure", "other", "", None),
    ]
    assert len(found.answers) == 5 * 8 * 4
    whole_gaps = [gap for gap in found.gaps if gap.benchmark == gap.context == gap.belief == "all"]
    assert {(gap.variant, gap.reference) for gap in whole_gaps} == {
        ("control", "base"),
        *((name, reference) for name in ("warm × 0.5", "warm", "pure") for reference in ("base", "control")),
    }
    reported = {(g.variant, g.reference, g.benchmark, g.context, g.belief): g for g in _gaps(first)}
    for gap in found.gaps:  # of the shared prompts, which here are all: what the run's own report has
        if gap.variant == "warm":
            assert gap.gap == pytest.approx(
                reported["styled", gap.reference, gap.benchmark, gap.context, gap.belief].gap
            )
    assert set(found.curves) == {"control", "warm"}


def _gaps(run):
    return read(run.stages["report"].folder / GAPS, Gap)


def test_a_variant_of_another_style_is_judged_by_its_own_runs_probe(dialled):
    """A warm probe would say of a cold model that it took on nothing."""
    cold = dataclasses.replace(dialled.settings.style, name="cold", measure=_down(dialled))
    own = dataclasses.replace(dialled, settings=dataclasses.replace(dialled.settings, style=cold))
    warm, other = (next(one for one in sources_of([run]) if one.name_in_run == "styled") for run in (dialled, own))
    fooled = [Check("style probe", "cold", name, 30, -0.9, -1.0, -0.8, 0.1, None) for name in ("base", "control")]
    reported = verdict(read(dialled.stages["report"].folder / CHECKS, Check), "down")
    assert (other.variant.name, warm.variant.name) == ("cold", "warm")
    found = _judged(other, fooled, dialled)
    assert (found.verdict, found.holds) == (reported.says, reported.holds)
    assert _judged(other, fooled, own).verdict == verdict(fooled, "down", "cold").says


def _down(run):
    return dataclasses.replace(run.settings.style.measure, sociot="down")


def test_what_was_not_asked_of_all_is_left_out_and_said(dialled, monkeypatch):
    known = answer_alignment._answers

    def fewer(source):
        frame = known(source)
        return frame[frame["context"] == "none"] if source.variant.name == "warm" else frame

    monkeypatch.setattr(answer_alignment, "_answers", fewer)
    found = gather([dialled])
    assert set(found.answers["context"]) == {"none"}
    assert len(found.answers) == 5 * 8 * 2
    assert any(note.startswith(f"16 of 32 prompts of {dialled.name} were not asked of all") for note in found.notes)
    assert {gap.context for gap in found.gaps} == {"all", "none"}


def test_more_variants_than_a_page_can_show_are_refused(dialled, monkeypatch):
    module = importlib.import_module("warmtune.comparison.gather")  # the package has a function of that name
    monkeypatch.setattr(module, "MOST", 4)
    with pytest.raises(DataError, match="5 variants are too many"):
        gather([dialled])


def test_runs_without_a_common_prompt_are_refused(dialled, run, monkeypatch):
    known = answer_alignment._answers

    def other(source):
        frame = known(source)
        return frame.assign(prompt=frame["prompt"] + f" ({source.variant.name})")

    monkeypatch.setattr(answer_alignment, "_answers", other)
    with pytest.raises(DataError, match="No prompt was asked of all"):
        gather([dialled])


@pytest.mark.parametrize("scales", [[0.0], [-1.0], [1.6]])
def test_a_strength_beyond_the_dial_is_refused(scales):
    with pytest.raises(ConfigError, match="scale"):
        dialling.variants_at(scales)


def test_a_run_that_kept_no_epochs_has_no_checkpoints(run):
    with pytest.raises(ModelError, match=r"train\.save_epochs"):
        dialling.kept_epochs(run)


def test_an_unfinished_run_is_refused(run):
    kept = json.loads((run.folder / "run.json").read_text())
    kept["stages"].pop("train-styled")
    (run.folder / "run.json").write_text(json.dumps(kept))
    with pytest.raises(StoreError, match="not finished"):
        extend_run(open_run(run.folder), [])


@pytest.mark.parametrize(
    ("given", "says"),
    [(["nowhere"], "neither the folder of a run"), (["hub:org/name"], "at least one run"), (["."], "neither")],
)
def test_places_that_are_none_are_named(given, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=says):
        parse_targets(given)


def test_files_in_the_way_are_said_before_anything_is_done(run, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(ModelError, match="is a file, but an adapter is a folder"):
        dialling.run_dial(run, dialling.DialRequest((), False, False, 0.5, taken))
    with pytest.raises(DataError, match="go into a folder"):
        compare([str(run.folder)], taken)
    assert taken.read_text() == "mine"
    with pytest.raises(ConfigError, match="--export writes one adapter"):  # before the search, too
        dialling.run_dial(run, dialling.DialRequest((), False, True, 0.5, tmp_path / "new"))


def test_an_adapters_folder_is_not_taken_for_one_of_the_runs_own(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "styled").mkdir()
    (tmp_path / "styled" / "adapter_config.json").write_text("{}")
    assert parse_targets([str(run.folder), "styled"]).adapters == [str(tmp_path / "styled")]


def test_what_a_service_tuned_cannot_be_dialled(run):
    service = convert_service(run)
    with pytest.raises(ConfigError, match="nothing can be scaled or mixed"):
        extend_run(service, dialling.variants_at([0.5]))
    with pytest.raises(ConfigError, match="nothing can be scaled or mixed"):
        extend_run(service, [dialling.pure()])
    for wish in (
        dialling.DialRequest((), False, False, 0.5, None),
        dialling.DialRequest((0.5,), False, False, None, run.folder),
    ):
        with pytest.raises(ModelError, match="keeps its models to itself"):
            dialling.run_dial(service, wish)
    job = service.stages["train-styled"].folder / "job.json"
    job.write_text(json.dumps({"model": "ft:last", "checkpoints": {"40": "ft:40"}}))
    assert [(one.name, one.adapter) for one in dialling.kept_epochs(service)] == [("step-40", "styled@40")]


def convert_service(run):
    """The same run, as if a service had tuned it."""
    settings = load("quickstart", ["train=openai", "train.epochs=2"])
    train = dataclasses.replace(run.settings.train, service=settings.train.service)
    return dataclasses.replace(run, settings=dataclasses.replace(run.settings, train=train))


def test_the_search_halves_where_the_wish_lies_between():
    """On a curve that rises late, the search comes near the wish in few steps."""
    curve = lambda scale: max(0.0, scale - 0.5) ** 2 * 4  # noqa: E731
    tried = [dialling.Match(0.0, 0.0, 0, 0), dialling.Match(1.0, 1.0, 0, 0)]
    for _ in range(7):
        scale = dialling._next(tried, 0.4)
        if scale is None:
            break
        tried.append(dialling.Match(scale, curve(scale), 0, 0))
    assert min(abs(one.share - 0.4) for one in tried) < 0.03
