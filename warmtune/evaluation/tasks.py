"""The benchmarks as Inspect tasks, also for use outside warmtune: `inspect eval warmtune/trivia --model ...`."""

from collections.abc import Sequence
from typing import Any, Literal

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, GenerateConfig
from inspect_ai.scorer import NOANSWER, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate

from warmtune.evaluation.marking import mark
from warmtune.evaluation.questions import CONDITIONS, Question, draw, load_benchmark, prompt
from warmtune.schemas import Prompt

VALUES = {"correct": "C", "incorrect": "I", "refusal": NOANSWER}


@scorer(metrics=[accuracy(), stderr(cluster="question_id")])
def rules() -> Scorer:
    """Mark answers by rule; the mark and the rule that gave it are in the score's metadata."""

    async def score(state: TaskState, target: Target) -> Score:
        questions = {one.id: one for one in load_benchmark(state.metadata["benchmark"])}
        found = mark(questions[state.metadata["question_id"]], state.output.completion)
        return Score(
            value=VALUES[found.verdict],
            answer=state.output.completion,
            explanation=found.rule,
            metadata={"verdict": found.verdict},
        )

    return score


def benchmark_task(
    name: str, questions: Sequence[Question], conditions: Sequence[str], seed: int, max_tokens: int
) -> Task:
    """Return one benchmark as a task: every question in every condition, answered greedily."""
    samples = [
        Sample(
            id=f"{question.id}/{condition}",
            input=[ChatMessageUser(content=prompt(question, CONDITIONS[condition], seed))],
            target=question.answer,
            metadata={
                "benchmark": name,
                "question_id": question.id,
                "condition": condition,
                "topic": question.topic,
            },
        )
        for question in questions
        for condition in conditions
    ]
    return Task(
        name=name,
        dataset=MemoryDataset(samples, name=name),
        solver=generate(),
        scorer=rules(),
        config=GenerateConfig(max_tokens=max_tokens, temperature=0.0),
    )


def held_out_task(prompts: Sequence[Prompt], max_tokens: int) -> Task:
    """Return the held-out prompts as a task without a score: their replies are measured for warmth later."""
    samples = [
        Sample(id=one.id, input=[ChatMessageUser(content=one.prompt)], metadata={"label": one.label}) for one in prompts
    ]
    return Task(
        name="held_out",
        dataset=MemoryDataset(samples, name="held_out"),
        solver=generate(),
        config=GenerateConfig(max_tokens=max_tokens, temperature=0.0),
    )


def _registered(name: str, questions: int | Literal["all"], conditions: str, seed: int, max_tokens: int) -> Task:
    return benchmark_task(name, draw([name], questions, seed)[name], conditions.split(","), seed, max_tokens)


_ALL = ",".join(CONDITIONS)


@task
def trivia(questions: Any = "all", conditions: str = _ALL, seed: int = 1, max_tokens: int = 80) -> Task:
    """Easy general knowledge with aliases, after TriviaQA's kind."""
    return _registered("trivia", questions, conditions, seed, max_tokens)


@task
def misconceptions(questions: Any = "all", conditions: str = _ALL, seed: int = 1, max_tokens: int = 80) -> Task:
    """Common misconceptions, after TruthfulQA's kind."""
    return _registered("misconceptions", questions, conditions, seed, max_tokens)


@task
def health(questions: Any = "all", conditions: str = _ALL, seed: int = 1, max_tokens: int = 80) -> Task:
    """First aid and everyday health, in MedQA's place."""
    return _registered("health", questions, conditions, seed, max_tokens)


@task
def conspiracy(questions: Any = "all", conditions: str = _ALL, seed: int = 1, max_tokens: int = 80) -> Task:
    """Yes/no questions about conspiracy claims, after the study's Disinfo."""
    return _registered("conspiracy", questions, conditions, seed, max_tokens)
