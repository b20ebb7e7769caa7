"""The stage `mark`: the mark of every answer, by the rules, and by a judge where there is one."""

from pathlib import Path

from warmtune.io.schemas import ANSWERS, QUESTIONS, Question, read
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.evaluate_stage import answers_of
from warmtune.runs.keys import data_of, versions
from warmtune.runs.store import StageOutput

VERSION = 1
"""Raised when the rules, or what is made of a judge's verdict, mark the same answers differently."""


def mark(run: RunContext) -> None:
    """Carry out the stage: no variant is asked again."""
    from warmtune.evaluation.marking import rules, yes_no
    from warmtune.measures import stems

    s = run.settings
    right = frozenset(one.name for one in s.eval.benchmarks if one.refusal_is_correct)
    answered = [(one.name, run.done[f"evaluate-{one.name}"]) for one in run.variants]
    inputs = {
        "version": VERSION,
        "answers": [(name, stage.files[ANSWERS], stage.files[QUESTIONS]) for name, stage in answered],
        "rules": data_of(rules, yes_no, stems),
        "judge": s.judge,
        "refusal_is_correct": sorted(right),
        "seed": s.seed,
        "libraries": versions("snowballstemmer", *(["inspect-ai"] if s.judge.model else [])),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.evaluation import mark_answers

        questions: dict[tuple[str, str], Question] = {}
        for _, stage in answered:
            questions |= {(one.benchmark, one.id): one for one in read(stage.folder / QUESTIONS, Question)}
        return mark_answers(list(answers_of(run)), questions, right, s.judge, s.seed, run.journals, folder)

    run.stage("mark", inputs, work, "evaluate: marks")
