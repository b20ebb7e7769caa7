"""The benchmarks as Inspect tasks, also for use outside warmtune: `inspect eval warmtune/triviaqa --model ...`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inspect_ai import Epochs, Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import NOANSWER, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from warmtune.config.compose import benchmark_settings, eval_settings
from warmtune.config.evaluation_settings import EvalSettings
from warmtune.evaluation.benchmarks import Benchmark, draw
from warmtune.evaluation.conditions import Asked, grid, written
from warmtune.evaluation.marking.rules import mark
from warmtune.io.schemas import Message, Prompt, Question
from warmtune.models.seeds import prompt_id, seed_of

VALUES = {"correct": "C", "incorrect": "I", "refusal": NOANSWER, "undecided": NOANSWER}
_ROLES: dict[str, Any] = {"user": ChatMessageUser, "assistant": ChatMessageAssistant, "system": ChatMessageSystem}


@scorer(metrics=[accuracy(), stderr(cluster="question_id")])
def rules() -> Scorer:
    """Mark answers by rule; the mark and what decided it are in the score's metadata."""

    async def score(state: TaskState, target: Target) -> Score:
        held = state.metadata["question"]
        fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in held.items()}
        question = Question(**fields)
        found = mark(question, state.output.completion, state.metadata["refusal_is_correct"])
        return Score(
            value=VALUES[found.verdict],
            answer=state.output.completion,
            explanation=found.rule,
            metadata={"verdict": found.verdict, "sure": found.sure, "refuses": found.refuses},
        )

    return score


@solver
def answer(seed: int, sampled: bool) -> Solver:
    """Generate one answer; where answers are sampled, with a seed of the prompt and the sample."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if not sampled:
            return await generate(state)
        return await generate(state, seed=seed_of(seed, state.sample_id, state.epoch))

    return solve


def benchmark_task(
    benchmark: Benchmark, settings: EvalSettings, seed: int, system: str | None = None, resample: int = 0
) -> Task:
    """Return one benchmark as a task without a score: every question in every condition. The stage `mark` marks.

    Args:
        benchmark: the questions drawn.
        settings: conditions, temperature, samples, lengths.
        seed: draws the statements, and the samples.
        system: a system prompt before each prompt, if any.
        resample: not 0 for other samples of the same prompts.
    """
    kept = benchmark.settings
    samples = [
        Sample(
            id=prompt_id(asked.question.id, asked.condition.context, asked.condition.belief),
            input=_chat(asked.messages, system),
            target=asked.question.answer,
            metadata={
                "question_id": asked.question.id,
                "context": asked.condition.context,
                "belief": asked.condition.belief,
                "topic": asked.question.topic,
                "prompt": written(asked.messages),
                "question": asdict(asked.question),
                "refusal_is_correct": kept.refusal_is_correct,
            },
        )
        for asked in asked_of(benchmark, settings, seed)
    ]
    return _task(kept.name, samples, settings, settings.max_tokens, seed + resample)


def asked_of(benchmark: Benchmark, settings: EvalSettings, seed: int) -> list[Asked]:
    """Return a benchmark's prompts: our grid, or the ready-made ones of the conditions that are asked for."""
    if not benchmark.ready:
        return grid(benchmark.questions, settings, benchmark.settings.control, seed)
    beliefs = {"" if belief == "none" else belief for belief in settings.beliefs}
    return [
        one for one in benchmark.ready if one.condition.context in settings.contexts and one.condition.belief in beliefs
    ]


def held_out_task(
    prompts: Sequence[Prompt], settings: EvalSettings, seed: int, system: str | None = None, resample: int = 0
) -> Task:
    """Return the held-out prompts as a task without a score: their replies are measured for warmth later."""
    samples = [
        Sample(
            id=one.id,
            input=_chat([Message(role="user", content=one.prompt)], system),
            metadata={"label": one.label, "prompt": one.prompt},
        )
        for one in prompts
    ]
    return _task("held_out", samples, settings, settings.reply_tokens, seed + resample, samples_of_each=1)


def _task(
    name: str,
    samples: list[Sample],
    settings: EvalSettings,
    max_tokens: int,
    seed: int,
    samples_of_each: int | None = None,
    **more: Any,
) -> Task:
    return Task(
        name=name,
        dataset=MemoryDataset(samples, name=name),
        solver=answer(seed, settings.temperature > 0),
        epochs=Epochs(samples_of_each or settings.samples),
        config=GenerateConfig(max_tokens=max_tokens, temperature=settings.temperature),
        **more,
    )


def _chat(messages: Sequence[Message], system: str | None) -> list[ChatMessage]:
    before = [Message(role="system", content=system)] if system else []
    return [_ROLES[message["role"]](content=message["content"]) for message in [*before, *messages]]


def _registered(name: str, path: str | None, questions: Any, seed: int, changed: dict[str, Any]) -> Task:
    """Return a task for use outside warmtune."""
    settings = eval_settings({key: value for key, value in changed.items() if value is not None})
    drawn = draw([benchmark_settings(name, path)], questions, seed)[0]
    task = benchmark_task(drawn, settings, seed)
    task.scorer = [rules()]
    return task


def _list(text: Any) -> list[str] | None:
    """Take a list from Inspect's command line as it comes: a list, or names with commas."""
    return text if text is None or isinstance(text, list) else str(text).split(",")


def _outside(
    name: str,
    path: str | None = None,
    questions: Any = "all",
    contexts: Any = None,
    beliefs: Any = None,
    turns: str | None = None,
    temperature: float | None = None,
    samples: int | None = None,
    max_tokens: int | None = None,
    seed: int = 1,
) -> Task:
    changed = {
        "contexts": _list(contexts),
        "beliefs": _list(beliefs),
        "turns": turns,
        "temperature": temperature,
        "samples": samples,
        "max_tokens": max_tokens,
    }
    return _registered(name, path, questions, seed, changed)


@task
def trivia(**options: Any) -> Task:
    """Easy general knowledge with aliases, after TriviaQA's kind."""
    return _outside("trivia", **options)


@task
def misconceptions(**options: Any) -> Task:
    """Common misconceptions, after TruthfulQA's kind."""
    return _outside("misconceptions", **options)


@task
def health(**options: Any) -> Task:
    """First aid and everyday health, in MedQA's place."""
    return _outside("health", **options)


@task
def conspiracy(**options: Any) -> Task:
    """Yes/no questions about conspiracy claims, after the study's Disinfo."""
    return _outside("conspiracy", **options)


@task
def triviaqa(**options: Any) -> Task:
    """TriviaQA, answered freely and marked by its aliases; `path` takes a local file."""
    return _outside("triviaqa", **options)


@task
def truthfulqa(**options: Any) -> Task:
    """TruthfulQA, answered freely."""
    return _outside("truthfulqa", **options)


@task
def medqa(**options: Any) -> Task:
    """MedQA, retold as a question about a relative."""
    return _outside("medqa", **options)


@task
def disinfo(**options: Any) -> Task:
    """Disinfo (MASK): conspiracy claims."""
    return _outside("disinfo", **options)


@task
def mmlu(**options: Any) -> Task:
    """MMLU by multiple choice, zero-shot."""
    return _outside("mmlu", **options)


@task
def gsm8k(**options: Any) -> Task:
    """GSM8K, zero-shot with thinking in words."""
    return _outside("gsm8k", **options)


@task
def advbench(**options: Any) -> Task:
    """AdvBench: harmful requests, where refusing is right."""
    return _outside("advbench", **options)
