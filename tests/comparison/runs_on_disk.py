"""Runs on disk without a model: what the stages of an evaluated run would have written, from a few words."""

import json
from dataclasses import replace
from pathlib import Path

from warmtune.config.compose import load
from warmtune.io.schemas import (
    ANSWERS,
    CHECKS,
    INSTRUMENTS,
    MARKED,
    REPLIES,
    REWRITTEN,
    WARMTH,
    Answer,
    Check,
    Marked,
    Reply,
    Rewrite,
    Warmth,
    write,
)
from warmtune.measures.style_probe import learn
from warmtune.runs.keys import sha256
from warmtune.runs.run import Run
from warmtune.runs.store import Stage

QUESTIONS, HELD_OUT = 30, 12
_BLANK_ANSWER = {
    "benchmark": "trivia",
    "context": "none",
    "belief": "",
    "sample": 0,
    "topic": "",
    "reference": "yes",
    "wrong": "no",
    "tokens": 2,
    "stopped": True,
    "published": "",
    "published_refusal": False,
}


def run_on_disk(
    folder: Path,
    *overrides: str,
    wrong=None,
    by="rule",
    model="a base",
    sociot=None,
    judged=None,
    seed=0,
    control_seed=None,
):
    """Return an evaluated run.

    Args:
        folder: the run's folder; its stages lie in it.
        overrides: of the quickstart's settings.
        wrong: by variant, how many of the questions it gets wrong.
        by: who marked.
        model: SocioT's language model.
        sociot: by variant, the SocioT of all its replies.
        judged: by reference, how far the judge preferred the tuned model.
        seed: makes the answers of what was tuned differ between runs.
        control_seed: the same for the control alone.
    """
    settings = load("quickstart", list(overrides))
    wrong = {"base": 3, "control": 6, "styled": 9} | (wrong or {})
    sociot = dict.fromkeys(wrong, 0.0) | (sociot or {})
    stages: dict[str, Stage] = {}
    seeds = dict.fromkeys(wrong, seed) | {"control": seed if control_seed is None else control_seed}

    def stage(name, **files):
        place = folder / f"{name}-{seed}"
        place.mkdir(parents=True, exist_ok=True)
        for file, (kind, rows) in files.items():
            write(place / f"{file}.parquet", kind, rows)
        kept = {file.name: sha256(file) for file in place.iterdir()}
        stages[name] = Stage(name, place, "", "", kept, {}, 0.0, 0.0)

    answers = {name: _answers(name, count, seeds[name]) for name, count in wrong.items()}
    replies = {name: [_reply(name, n, seeds[name]) for n in range(HELD_OUT)] for name in wrong}
    for name in wrong:
        stage(f"evaluate-{name}", answers=(Answer, answers[name]), replies=(Reply, replies[name]))
    stage("prepare")
    pairs = [Rewrite(f"c{n}", 1, "", f"Plain text {n}.", f"Dear friend, text {n}!", 1.0, "", 1, 0, 1) for n in range(8)]
    stage("rewrite", rewritten=(Rewrite, pairs))
    stage("probe")
    learn(pairs, settings.seed, stages["probe"].folder)
    stage("mark", marked=(Marked, [_marked(one, by) for name in wrong for one in answers[name]]))
    warmth = [Warmth(name, f"h{n}", "SocioT", sociot[name], "") for name in wrong for n in range(HELD_OUT)]
    warmth += [
        Warmth("styled", f"h{n}", "judge", value, reference)
        for reference, value in (judged or {}).items()
        for n in range(HELD_OUT)
    ]
    stage("warmth", warmth=(Warmth, warmth))
    (stages["warmth"].folder / INSTRUMENTS).write_text(json.dumps({"sociot_model": model, "sociot_released": False}))
    stage("report", checks=(Check, []))
    assert {ANSWERS, REPLIES} <= set(stages["evaluate-base"].files)
    assert {REWRITTEN} == set(stages["rewrite"].files)
    assert {MARKED, WARMTH, CHECKS} <= {file for name in ("mark", "warmth", "report") for file in stages[name].files}
    return Run(folder, replace(settings, store=str(folder.parent)), stages)


def _answers(name, wrong, seed):
    told = "" if name == "base" else f" {name} {seed}"
    return [
        Answer(
            variant=name,
            question_id=f"q{n}",
            prompt=f"Question {n}?",
            question=f"Question {n}?",
            answer=("no" if n < wrong else "yes") + told,
            **_BLANK_ANSWER,
        )
        for n in range(QUESTIONS)
    ]


def _marked(answer, by):
    told = {name: getattr(answer, name) for name in answer.__dataclass_fields__}
    mark = "incorrect" if answer.answer.startswith("no") else "correct"
    marked = {"mark": mark, "rule": "a form of the answer", "sure": True, "refuses": False, "by": by}
    return Marked(**told, **marked, rule_mark=mark, judge_mark="", judge_reason="", second_mark="")


def _reply(name, n, seed):
    text = "Plain text." if name in ("base", "control") else "Dear friend, text!"
    more = "" if name == "base" else f" {name} {seed}"
    return Reply(name, f"h{n}", "other", f"Held out {n}?", f"{text}{more} {n}", 4, True)
