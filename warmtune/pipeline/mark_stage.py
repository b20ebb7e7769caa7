"""The stage `mark`: the rules mark every answer, and a judge marks some if the recipe names one."""

from pathlib import Path

from warmtune.io.schemas import ANSWERS, QUESTIONS, Question, read
from warmtune.pipeline.context import RunContext
from warmtune.pipeline.evaluate_stage import answers_of
from warmtune.runs.keys import data_of, versions
from warmtune.runs.store import StageOutput

VERSION = 1
"""Raise it when the code gives the same answers, or the same verdicts of a judge, other marks."""


def mark(run: RunContext) -> None:
    """Carry out the stage. It reads stored answers and asks no variant."""
    from warmtune.evaluation.marking import rules, yes_no
    from warmtune.measures import stems

    s = run.settings
    refusal_is_correct = frozenset(benchmark.name for benchmark in s.eval.benchmarks if benchmark.refusal_is_correct)
    answered = [(variant.name, run.done[f"evaluate-{variant.name}"]) for variant in run.variants]
    inputs = {
        "version": VERSION,
        "answers": [(name, stage.files[ANSWERS], stage.files[QUESTIONS]) for name, stage in answered],
        "rules": data_of(rules, yes_no, stems),
        "judge": s.judge,
        "refusal_is_correct": sorted(refusal_is_correct),
        "seed": s.seed,
        "libraries": versions("snowballstemmer", *(["inspect-ai"] if s.judge.model else [])),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.evaluation import mark_answers

        questions: dict[tuple[str, str], Question] = {}
        for _, stage in answered:
            questions |= {(q.benchmark, q.id): q for q in read(stage.folder / QUESTIONS, Question)}
        return mark_answers(list(answers_of(run)), questions, refusal_is_correct, s.judge, s.seed, run.journals, folder)

    run.stage("mark", inputs, work, "evaluate: marks")
