from dataclasses import replace

from warmtune.config.compose import load
from warmtune.reporting.build_report import _named


def test_a_note_names_a_file_and_not_its_place():
    settings = load("quickstart", ["data.path=/home/jane/data/talk.jsonl"])
    trivia = replace(settings.eval.benchmarks[0], path="/home/jane/data/talk.jsonl.old")
    settings = replace(settings, eval=replace(settings.eval, benchmarks=(trivia,)))
    notes = ["/home/jane/data/talk.jsonl has no chat.", "trivia: bad (/home/jane/data/talk.jsonl.old line 3)", "4.5 %"]
    assert _named(notes, settings) == ["talk.jsonl has no chat.", "trivia: bad (talk.jsonl.old line 3)", "4.5 %"]


def test_the_figures_count_as_the_reports_output(whole):
    manifest = next(whole[0].glob("stages/report-*/manifest.json")).read_text()
    for name in ("warmth", "gaps_by_condition", "gaps_by_benchmark", "curves"):
        assert f'"{name}.png"' in manifest
