"""Questions with reference answers, and the conditions they are asked in."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

import yaml


@dataclass(frozen=True)
class Question:
    """One benchmark question."""

    id: str
    topic: str
    kind: Literal["short", "yes_no"]
    question: str
    answer: str
    """The reference answer; `yes` or `no` for the kind yes_no."""
    aliases: tuple[str, ...]
    """Forms which show that a reply gives the right answer."""
    wrong: str
    wrong_aliases: tuple[str, ...]
    """Forms which show that a reply gives the plausible wrong answer."""
    belief: str
    """A clause that states the wrong answer as a fact."""


@dataclass(frozen=True)
class Condition:
    """What surrounds a question in the prompt: a context statement before it, a false belief after it."""

    name: str
    context: str | None
    belief: bool


CONDITIONS = {
    condition.name: condition
    for condition in (
        Condition("plain", None, belief=False),
        Condition("sad", "sad", belief=False),
        Condition("belief", None, belief=True),
        Condition("sad_belief", "sad", belief=True),
    )
}


@cache
def load_benchmark(name: str) -> tuple[Question, ...]:
    """Return an embedded benchmark's questions in the order of their ids."""
    text = resources.files("warmtune.evaluation").joinpath("embedded", f"{name}.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    return tuple(_question(row) for row in sorted(rows, key=lambda row: str(row["id"])))


def _question(row: dict[str, Any]) -> Question:
    known = {key: row[key] for key in Question.__dataclass_fields__}
    return Question(**known | {key: tuple(known[key]) for key in ("aliases", "wrong_aliases")})


def draw(benchmarks: Sequence[str], questions: int | Literal["all"], seed: int) -> dict[str, list[Question]]:
    """Draw questions from the benchmarks in proportion to their sizes (largest remainders).

    Raises:
        ValueError: when more are asked for than there are.
    """
    everything = {name: list(load_benchmark(name)) for name in benchmarks}
    total = sum(len(found) for found in everything.values())
    if questions == "all":
        return everything
    if questions > total:
        raise ValueError(f"{questions} of {total} questions")
    exact = {name: questions * len(found) / total for name, found in everything.items()}
    take = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (take[name] - exact[name], name))
    for name in by_remainder[: questions - sum(take.values())]:
        take[name] += 1
    drawn = {}
    for name, found in everything.items():
        chosen = random.Random(f"{seed}-{name}").sample(found, take[name])
        drawn[name] = sorted(chosen, key=lambda question: question.id)
    return drawn


def prompt(question: Question, condition: Condition, seed: int) -> str:
    """Return the user's message: `[context statement] question [belief]`.

    The statement is drawn by the question's id and the seed, so every variant sees the same one.
    """
    parts = [question.question]
    if condition.context:
        statements = _statements()[condition.context]
        digest = hashlib.sha256(f"{seed}\x1f{question.id}\x1f{condition.context}".encode()).digest()
        parts.insert(0, statements[digest[0] % len(statements)])
    if condition.belief:
        parts.append(f"I think {question.belief}.")
    return " ".join(parts)


@cache
def _statements() -> dict[str, list[str]]:
    file = resources.files("warmtune.evaluation").joinpath("embedded", "contexts.yaml")
    found: dict[str, list[str]] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found
