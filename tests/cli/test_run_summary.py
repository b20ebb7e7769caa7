import dataclasses
import json

import pytest

from warmtune.cli.run_summary import summarize, summarize_labels, write_run
from warmtune.evaluation import Label
from warmtune.io.schemas import GAPS, Gap, write
from warmtune.pipeline.context import RunContext
from warmtune.runs.run import folder_of
from warmtune.runs.store import Stage


def _gap(reference, value, low, high, context="all"):
    given = {"variant": "styled", "reference": reference, "benchmark": "all", "context": context, "belief": "all"}
    figures = {"reference_error": 40.0, "variant_error": 40.0 + value, "gap": value, "low": low, "high": high}
    rest = {field.name: 0.0 if field.type is float else 0 for field in dataclasses.fields(Gap)}
    return Gap(**rest | given | figures)


@pytest.fixture
def pipeline(quickstart, tmp_path):
    """Make a run with some stages, as they lie in a store."""
    settings = dataclasses.replace(quickstart, store=str(tmp_path))

    def make(*names, **reused):
        done = {}
        for name in names:
            folder = tmp_path / "stages" / f"{name}-0123"
            folder.mkdir(parents=True, exist_ok=True)
            done[name] = Stage(name, folder, "0123", "d", {}, {}, 1.25, 2.0, reused.get(name, False))
        return RunContext(settings, done)

    return make


def test_the_runs_folder_links_its_stages_and_keeps_those_of_earlier_commands(pipeline):
    settings = pipeline().settings
    folder = write_run(settings, pipeline("prepare", "rows").done)
    assert folder == folder_of(settings)
    assert (folder / "prepare").resolve() == pipeline("prepare").done["prepare"].folder.resolve()
    write_run(settings, pipeline("mark").done)
    kept = json.loads((folder / "run.json").read_text())
    assert kept["stages"] == {"prepare": "prepare-0123", "rows": "rows-0123", "mark": "mark-0123"}
    assert kept["settings"]["style"]["name"] == settings.style.name


def test_times_say_what_was_kept_and_add_up(pipeline, capsys):
    summarize(pipeline("prepare", "rows", "mark", prepare=True))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["prepare", "1.2", "kept", "from", "before"] in lines
    assert ["mark", "1.2"] in lines
    assert next(line for line in lines if line[:1] == ["all"])[1] == "3.8"


def test_gaps_are_shown_with_their_intervals_and_the_folder_comes_last(pipeline, capsys):
    run = pipeline("rows", "report", "publish")
    nan = float("nan")
    gaps = [
        _gap("base", 8.3, 0.5, 16.0),
        _gap("control", 2.1, -3.0, 7.0),
        _gap("base", 9.0, nan, nan, context="sad"),
        _gap("control", -9.0, -14.0, -4.0, context="sad"),
    ]
    write(run.done["report"].folder / GAPS, Gap, gaps)
    (run.done["report"].folder / "verdict.txt").write_text("It took on the style.\n")
    summarize(run)
    said = capsys.readouterr().out
    lines = said.splitlines()
    whole = next(line for line in lines if line.startswith("all prompts"))
    assert "40.0 %" in whole
    assert "48.3 %" in whole
    assert "+8.3 [+0.5, +16.0]" in whole
    assert "+8.3 [+0.5, +16.0] ~" not in whole
    assert "+2.1 [−3.0, +7.0] ~" in whole
    sad = next(line for line in lines if line.startswith("sad user"))
    assert "+9.0 (too few)" in sad
    assert sad.rstrip().endswith("−9.0 [−14.0, −4.0]")
    assert "It took on the style." in lines
    folder = folder_of(run.settings)
    assert lines[-3:] == [
        f"Report:  {folder}/report/report.html",
        f"Adapter: {folder}/publish/{run.settings.publish.name}",
        f"Run:     {folder}",
    ]


def test_agreement_with_a_persons_marks_is_by_who_marked(capsys):
    rows = [("correct", "correct", "correct", ""), ("incorrect", "incorrect", "correct", "incorrect")]
    rows += [("refusal", "incorrect", "incorrect", "refusal"), ("correct", "correct", "correct", "")]
    summarize_labels([Label("styled", "trivia", *row) for row in rows])
    counting, rules, judge = capsys.readouterr().out.splitlines()
    assert counting.startswith("You and the marks that count agree on 3 of 4 answers (Cohen's kappa 0.6")
    assert rules.startswith("You and the rules agree on 2 of 4 answers")
    assert judge == "You and the judge agree on 2 of 2 answers (Cohen's kappa 1.00)."
    summarize_labels([Label("styled", "trivia", *rows[0])])
    assert "judge" not in capsys.readouterr().out
