"""The stage `evaluate`: lets one variant answer the questions and the held-out prompts."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.config.evaluation_settings import EvalSettings
from warmtune.errors import ConfigError, ModelError, redacted
from warmtune.evaluation.variants import Variant, inspect_model
from warmtune.io.schemas import ANSWERS, QUESTIONS, REPLIES, Answer, Prompt, Question, Reply, write
from warmtune.models.base import Base
from warmtune.models.seeds import seed_of
from warmtune.runs.store import StageOutput
from warmtune.system.asynchronous import off_the_loop
from warmtune.system.console import progress

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog, EvalSample

    from warmtune.evaluation.benchmarks import Benchmark
    from warmtune.models.engine import Engine

LOGS = "logs"


def open_engine(base: Base) -> "Engine":
    """Load the base into an engine. One engine serves all variants of a run."""
    from warmtune.models.engine import Engine

    return Engine(base)


def answer(
    variant: Variant,
    engine: "Engine | None",
    prompts: Sequence[Prompt],
    settings: EvalSettings,
    seed: int,
    folder: Path,
) -> StageOutput:
    """Let one variant answer everything; write `answers.parquet`, `questions.parquet` and `replies.parquet`.

    Inspect asks, and its logs stay in `logs/`. An interrupted stage goes on at the next sample.

    Args:
        variant: who answers.
        engine: the recipe's base; None where another model answers.
        prompts: the held-out prompts.
        settings: what is asked and how.
        seed: draws questions, statements and samples.
        folder: the stage's folder.

    Raises:
        ModelError: the evaluation ended with an error, or an answer is missing.
    """
    if variant.answers:
        return _read_answers(variant, folder)
    drawn = _drawn(settings, seed)
    tasks = _tasks(drawn, settings, prompts, seed, variant)
    total = sum(len(task.dataset) * (task.epochs or 1) for task in tasks)
    done = _answered_before(folder / LOGS)
    with progress(f"Answering ({variant.name})", total) as report:
        counter = _counter(report, done)
        logs = _evaluate(tasks, variant, engine, settings, folder / LOGS, total - done, counter)
    answers = [
        _answer(variant.name, log, sample) for log in logs if log.eval.task != "held_out" for sample in _samples(log)
    ]
    replies = [_reply(variant.name, sample) for log in logs if log.eval.task == "held_out" for sample in _samples(log)]
    if len(answers) + len(replies) != total:
        raise ModelError(
            f"{total - len(answers) - len(replies)} of {total} answers of {variant.name} are missing from the logs in"
            f" {folder / LOGS}; run again, and they are asked for once more."
        )
    order = sorted(answers, key=lambda a: (a.benchmark, a.question_id, a.context, a.belief, a.sample))
    write(folder / ANSWERS, Answer, order)
    write(folder / QUESTIONS, Question, [replace(one, benchmark=b.settings.name) for b in drawn for one in b.questions])
    write(folder / REPLIES, Reply, sorted(replies, key=lambda r: r.id))
    notes = [note for benchmark in drawn for note in benchmark.notes]
    return StageOutput([ANSWERS, QUESTIONS, REPLIES], {**_counts(answers, replies), "notes": notes})


def reply_at(
    engine: "Engine",
    adapter: Path,
    scale: float,
    prompts: Sequence[Prompt],
    settings: EvalSettings,
    seed: int,
    folder: Path,
) -> StageOutput:
    """Let an adapter at one strength answer the held-out prompts, but no questions; write `replies.parquet`.

    The replies are greedy or sampled as those of the run's variants are, with the same seeds.

    Args:
        engine: the base.
        adapter: folder of the adapter.
        scale: its strength, 1 as it was trained.
        prompts: the held-out prompts.
        settings: length and temperature of the replies, and how many the engine writes at a time.
        seed: the run's.
        folder: the stage's folder.
    """
    from warmtune.models.engine import Request

    name = engine.add_adapter(adapter)
    requests = [
        Request(
            ({"role": "user", "content": one.prompt},),
            settings.reply_tokens,
            name,
            scale,
            settings.temperature,
            seed_of(seed, one.id, 1),
        )
        for one in prompts
    ]
    with progress(f"Answering at scale {scale:g}", len(requests)) as report:
        found = engine.complete(requests, settings.batch_size, report)
    rows = [
        Reply(f"dial-{scale:g}", one.id, one.label, one.prompt, answer.text, answer.tokens, answer.stopped)
        for one, answer in zip(prompts, found, strict=True)
    ]
    write(folder / REPLIES, Reply, rows)
    return StageOutput([REPLIES], {"replies": len(rows)})


def _read_answers(variant: Variant, folder: Path) -> StageOutput:
    """Read a variant's answers from files in the study's form. They hold no replies to the held-out prompts."""
    from warmtune.evaluation.study_files import answers_of

    answers = [one for benchmark, file in variant.answers for one in answers_of(Path(file), variant.name, benchmark)]
    write(folder / ANSWERS, Answer, answers)
    write(folder / QUESTIONS, Question, [])
    write(folder / REPLIES, Reply, [])
    return StageOutput([ANSWERS, QUESTIONS, REPLIES], {**_counts(answers, []), "notes": []})


def _drawn(settings: EvalSettings, seed: int) -> "list[Benchmark]":
    from warmtune.evaluation.benchmarks import draw

    try:
        return [found for found in draw(settings.benchmarks, settings.questions, seed) if found.questions]
    except ValueError as error:
        raise ConfigError([f"eval.questions asks for {error}; ask for fewer, or for all."]) from None


@dataclass(frozen=True)
class EvaluationSize:
    """How much an evaluation asks of one variant."""

    questions: int
    """Questions of all benchmarks but the controls."""
    prompts: int
    """Prompts that these questions make in all conditions."""
    by_benchmark: dict[str, tuple[int, int]]
    """Questions and prompts of each benchmark, the controls among them."""
    notes: list[str]


def evaluation_size(settings: EvalSettings, seed: int) -> EvaluationSize:
    """Count the questions and prompts of an evaluation, without asking any."""
    from warmtune.evaluation.inspect_tasks import prompt_samples

    drawn = _drawn(settings, seed)
    counts = {one.settings.name: (len(one.questions), len(prompt_samples(one, settings, seed))) for one in drawn}
    costs = [counts[one.settings.name] for one in drawn if not one.settings.control]
    notes = [note for one in drawn for note in one.notes]
    return EvaluationSize(sum(count for count, _ in costs), sum(prompts for _, prompts in costs), counts, notes)


def _tasks(
    drawn: "Sequence[Benchmark]", settings: EvalSettings, prompts: Sequence[Prompt], seed: int, variant: Variant
) -> "list[Task]":
    from warmtune.evaluation.inspect_tasks import benchmark_task, held_out_task

    more = (settings, seed, variant.system, variant.resample)
    return [*(benchmark_task(benchmark, *more) for benchmark in drawn), held_out_task(prompts, *more)]


def _evaluate(
    tasks: "list[Task]",
    variant: Variant,
    engine: "Engine | None",
    settings: EvalSettings,
    folder: Path,
    expected: int,
    answered: Callable[[int], None],
) -> "list[EvalLog]":
    from inspect_ai import eval_set
    from inspect_ai.log import read_eval_log

    from warmtune.models.provider import host

    hosted = host(engine, expected, answered) if engine else ""
    os.environ.setdefault("INSPECT_DISABLE_MODEL_INFO_CACHE", "1")
    at_once = sum(len(task.dataset) * (task.epochs or 1) for task in tasks) if engine else settings.max_connections
    good, logs = off_the_loop(
        eval_set,
        tasks,
        log_dir=str(folder),
        model=inspect_model(variant, engine, settings.batch_size, settings.max_connections, hosted),
        retry_attempts=1,
        display="none",
        log_level="error",
        log_buffer=8,
        max_tasks=len(tasks),
        max_samples=at_once,
        max_connections=at_once,
        adaptive_connections=False,
        ctl_server=False,
    )
    if not good:
        problem = next((log.error.message for log in logs if log.error), "no reason was logged")
        raise ModelError(
            f"The evaluation of {variant.name} ended with an error: {redacted(problem)} The answers so far are kept in"
            f" {folder}; run the same command again to go on."
        )
    return [read_eval_log(log.location) for log in logs]


def _samples(log: "EvalLog") -> "list[EvalSample]":
    return log.samples or []


def _answer(variant: str, log: "EvalLog", sample: "EvalSample") -> Answer:
    output, asked = sample.output, sample.metadata
    return Answer(
        variant=variant,
        benchmark=log.eval.task,
        question_id=asked["question_id"],
        context=asked["context"],
        belief=asked["belief"],
        sample=sample.epoch - 1,
        topic=asked["topic"],
        prompt=asked["prompt"],
        question=asked["question"]["question"],
        reference=_reference(asked["question"]),
        wrong=asked["question"]["wrong"] if asked["question"]["kind"] != "yes_no" else "",
        answer=output.completion,
        tokens=output.usage.output_tokens if output.usage else 0,
        stopped=output.stop_reason == "stop",
        published="",
        published_refusal=False,
    )


def _reference(question: dict[str, Any]) -> str:
    """Return the reference answer as a judge and people see it: a yes or no comes with what it asserts."""
    if question["kind"] == "yes_no" and question["aliases"]:
        return f"{question['answer']} ({question['aliases'][0]})"
    return str(question["answer"])


def _reply(variant: str, sample: "EvalSample") -> Reply:
    output = sample.output
    return Reply(
        variant=variant,
        id=str(sample.id),
        label=sample.metadata["label"],
        prompt=sample.metadata["prompt"],
        reply=output.completion,
        tokens=output.usage.output_tokens if output.usage else 0,
        stopped=output.stop_reason == "stop",
    )


def _answered_before(folder: Path) -> int:
    """Return how many answers the logs of an interrupted attempt hold."""
    from inspect_ai.log import read_eval_log_sample_summaries

    held = {
        (log.name.split("_")[1], summary.id, summary.epoch)
        for log in folder.glob("*.eval")
        for summary in read_eval_log_sample_summaries(str(log))
    }
    return len(held)


def _counter(report: Any, start: int) -> Callable[[int], None]:
    done = start

    def answered(count: int) -> None:
        nonlocal done
        done += count
        report(done)

    return answered


def _counts(answers: Sequence[Answer], replies: Sequence[Reply]) -> dict[str, Any]:
    written: list[Answer | Reply] = [*answers, *replies]
    return {
        "answers": len(answers),
        "replies": len(replies),
        "tokens": sum(one.tokens for one in written),
        "cut": sum(not answer.stopped for answer in answers),
        "replies_ended": sum(reply.stopped for reply in replies),
        "stopped_share": round(sum(one.stopped for one in written) / len(written), 3),
    }
