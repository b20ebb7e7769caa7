"""The benchmarks as Inspect tasks. `inspect_entry` registers them for `inspect eval warmtune/NAME`."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from inspect_ai import Epochs, Task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessage, ChatMessageAssistant, ChatMessageSystem, ChatMessageUser, GenerateConfig
from inspect_ai.scorer import NOANSWER, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from warmtune.config.compose import benchmark_settings, eval_settings
from warmtune.config.evaluation_settings import EvalSettings
from warmtune.evaluation.benchmarks import Benchmark, draw
from warmtune.evaluation.conditions import PromptSample, build_prompts, written
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
    samples = [
        Sample(
            id=prompt_id(one.question.id, one.condition.context, one.condition.belief),
            input=_chat(one.messages, system),
            target=one.question.answer,
            metadata={
                "question_id": one.question.id,
                "context": one.condition.context,
                "belief": one.condition.belief,
                "topic": one.question.topic,
                "prompt": written(one.messages),
                "question": asdict(one.question),
                "refusal_is_correct": benchmark.settings.refusal_is_correct,
            },
        )
        for one in prompt_samples(benchmark, settings, seed)
    ]
    return _task(benchmark.settings.name, samples, settings, settings.max_tokens, seed + resample)


def prompt_samples(benchmark: Benchmark, settings: EvalSettings, seed: int) -> list[PromptSample]:
    """Return a benchmark's prompts: built from its questions, or the prebuilt ones of the recipe's conditions."""
    if not benchmark.prebuilt:
        return build_prompts(benchmark.questions, settings, benchmark.settings.control, seed)
    contexts = {one.name for one in settings.contexts}
    beliefs = {"" if belief == "none" else belief for belief in settings.beliefs}
    return [one for one in benchmark.prebuilt if one.condition.context in contexts and one.condition.belief in beliefs]


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


def outside_task(
    name: str,
    path: str | None = None,
    questions: Any = "all",
    contexts: Any = None,
    beliefs: Any = None,
    statements: str | None = None,
    turns: str | None = None,
    temperature: float | None = None,
    samples: int | None = None,
    max_tokens: int | None = None,
    seed: int = 1,
) -> Task:
    """Return a shipped benchmark as a task with a score, for use outside warmtune.

    Args:
        name: of its entry in `conf/benchmark`.
        path: another place for its questions.
        questions: how many are drawn.
        contexts: names, as a list or with commas between them.
        beliefs: the same.
        statements: file with contexts of the user's own.
        turns: as in the settings of `eval`, like those that follow.
        temperature: 0 for greedy answers.
        samples: answers to each prompt.
        max_tokens: longest answer.
        seed: draws questions, statements and samples.
    """
    given = {
        "contexts": _list(contexts),
        "beliefs": _list(beliefs),
        "statements": statements,
        "turns": turns,
        "temperature": temperature,
        "samples": samples,
        "max_tokens": max_tokens,
    }
    settings = eval_settings({key: value for key, value in given.items() if value is not None})
    drawn = draw([benchmark_settings(name, path)], questions, seed)[0]
    task = benchmark_task(drawn, settings, seed)
    task.scorer = [rules()]
    return task


def _list(text: Any) -> list[str] | None:
    """Take a list from Inspect's command line as it comes: a list, or names with commas."""
    return text if text is None or isinstance(text, list) else str(text).split(",")
