"""The stage `evaluate`, one variant at a time: its answers to the questions and to the held-out prompts."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.errors import ConfigError, ModelError
from warmtune.generation.base import Base
from warmtune.progress import progress
from warmtune.schemas import ANSWERS, REPLIES, Answer, Prompt, Reply, write
from warmtune.settings import EvalSettings
from warmtune.store import Outcome

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.log import EvalLog, EvalSample

    from warmtune.generation.engine import Engine

LOGS = "logs"


def open_engine(base: Base) -> "Engine":
    """Load the base into an engine, once for all variants of a run."""
    from warmtune.generation.engine import Engine

    return Engine(base)


def answer(
    variant: str,
    engine: "Engine",
    adapter: Path | None,
    prompts: Sequence[Prompt],
    settings: EvalSettings,
    seed: int,
    folder: Path,
) -> Outcome:
    """Let one variant answer everything and write `answers.parquet` and `replies.parquet`.

    The answers pass through Inspect, whose logs stay in `logs/`; an interrupted stage goes on at the next sample.

    Raises:
        ModelError: when the evaluation ended with an error, or an answer is missing.
    """
    tasks = _tasks(settings, prompts, seed)
    total = sum(len(task.dataset) for task in tasks)
    done = _answered_before(folder / LOGS)
    with progress(f"Answering ({variant})", total) as report:
        logs = _evaluate(
            tasks, engine, adapter, settings.batch_size, folder / LOGS, total - done, _counter(report, done)
        )
    answers = [_answer(variant, log, sample) for log in logs if log.eval.task != "held_out" for sample in _samples(log)]
    replies = [_reply(variant, sample) for log in logs if log.eval.task == "held_out" for sample in _samples(log)]
    if len(answers) + len(replies) != total:
        raise ModelError(
            f"{total - len(answers) - len(replies)} of {total} answers of {variant} are missing from the logs in"
            f" {folder / LOGS}; run again, and they are asked for once more."
        )
    write(folder / ANSWERS, Answer, sorted(answers, key=lambda a: (a.benchmark, a.question_id, a.condition)))
    write(folder / REPLIES, Reply, sorted(replies, key=lambda r: r.id))
    return Outcome([ANSWERS, REPLIES], _counts(answers, replies))


def _tasks(settings: EvalSettings, prompts: Sequence[Prompt], seed: int) -> "list[Task]":
    from warmtune.evaluation.questions import draw
    from warmtune.evaluation.tasks import benchmark_task, held_out_task

    try:
        drawn = draw(settings.benchmarks, settings.questions, seed)
    except ValueError as error:
        raise ConfigError([f"eval.questions asks for {error}; ask for fewer, or for all."]) from None
    tasks = [
        benchmark_task(name, questions, settings.conditions, seed, settings.max_tokens)
        for name, questions in drawn.items()
        if questions
    ]
    return [*tasks, held_out_task(prompts, settings.reply_tokens)]


def _evaluate(
    tasks: "list[Task]",
    engine: "Engine",
    adapter: Path | None,
    batch_size: int,
    folder: Path,
    expected: int,
    answered: Callable[[int], None],
) -> "list[EvalLog]":
    from inspect_ai import eval_set
    from inspect_ai.log import read_eval_log
    from inspect_ai.model import get_model

    from warmtune.generation.provider import host

    name = host(engine, expected, answered)
    arguments: dict[str, Any] = {"batch_size": batch_size}
    if adapter is not None:
        name += f":{engine.add_adapter(adapter)}"
        arguments["adapter"] = str(adapter)
    os.environ.setdefault("INSPECT_DISABLE_MODEL_INFO_CACHE", "1")
    good, logs = eval_set(
        tasks,
        log_dir=str(folder),
        model=get_model(name, memoize=False, **arguments),
        retry_attempts=1,
        display="none",
        log_level="error",
        log_buffer=8,
        max_tasks=len(tasks),
        max_samples=sum(len(task.dataset) for task in tasks),
        max_connections=sum(len(task.dataset) for task in tasks),
        adaptive_connections=False,
        ctl_server=False,
    )
    if not good:
        problem = next((log.error.message for log in logs if log.error), "no reason was logged")
        raise ModelError(
            f"The evaluation ended with an error: {problem} The answers so far are kept in {folder}; run the same"
            " command again to go on."
        )
    return [read_eval_log(log.location) for log in logs]


def _samples(log: "EvalLog") -> "list[EvalSample]":
    return log.samples or []


def _answer(variant: str, log: "EvalLog", sample: "EvalSample") -> Answer:
    assert sample.scores is not None
    score = sample.scores["rules"]
    output = sample.output
    return Answer(
        variant=variant,
        benchmark=log.eval.task,
        question_id=sample.metadata["question_id"],
        condition=sample.metadata["condition"],
        topic=sample.metadata["topic"],
        prompt=_prompt(sample),
        answer=output.completion,
        mark=(score.metadata or {})["verdict"],
        rule=score.explanation or "",
        tokens=output.usage.output_tokens if output.usage else 0,
        stopped=output.stop_reason == "stop",
    )


def _reply(variant: str, sample: "EvalSample") -> Reply:
    output = sample.output
    return Reply(
        variant=variant,
        id=str(sample.id),
        label=sample.metadata["label"],
        prompt=_prompt(sample),
        reply=output.completion,
        tokens=output.usage.output_tokens if output.usage else 0,
        stopped=output.stop_reason == "stop",
    )


def _prompt(sample: "EvalSample") -> str:
    return sample.input if isinstance(sample.input, str) else sample.input[-1].text


def _answered_before(folder: Path) -> int:
    """Return how many answers the logs of an interrupted attempt hold."""
    from inspect_ai.log import read_eval_log_sample_summaries

    held = {
        (log.name.split("_")[1], summary.id)
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
        "marks": dict(Counter(answer.mark for answer in answers)),
        "tokens": sum(one.tokens for one in written),
        "cut": sum(not answer.stopped for answer in answers),
        "stopped_share": round(sum(one.stopped for one in written) / len(written), 3),
    }
