"""What surrounds a question: contexts, beliefs, and the prompt that they make."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from warmtune.config.evaluation_settings import CONTEXTS, EvalSettings
from warmtune.errors import DataError
from warmtune.io.schemas import Message, Question
from warmtune.io.sources import read_yaml

SHIPPED = Path(__file__).parent / "contexts.yaml"


@dataclass(frozen=True)
class Condition:
    """A context and a belief."""

    context: str
    """`none`, or what is stated before the question."""
    belief: str
    """Empty, `incorrect` or `correct`."""


@dataclass(frozen=True)
class Asked:
    """One prompt of the grid."""

    question: Question
    condition: Condition
    messages: tuple[Message, ...]


@dataclass(frozen=True)
class Statements:
    """The statements of each context, and what the assistant answers to one that stands in a turn of its own."""

    contexts: dict[str, tuple[str, ...]]
    acknowledgements: tuple[str, ...]

    def of(self, context: str, question: Question, seed: int) -> str:
        """Draw a context's statement by the question's id and the seed: the same for every variant."""
        return _drawn(self.contexts[context], seed, question.id, context)

    def acknowledgement(self, context: str, question: Question, seed: int) -> str:
        """Draw what the assistant answered to it."""
        return _drawn(self.acknowledgements, seed, question.id, f"{context}, answered")


@cache
def statements(file: str | None, needed: tuple[str, ...]) -> Statements:
    """Read the statements from a user's file, or the shipped ones.

    Raises:
        DataError: with all that is wrong with the file.
    """
    path = Path(file) if file else SHIPPED
    tree = read_yaml(path, "The statements")
    problems = []
    if not isinstance(tree, dict) or set(tree) != {"contexts", "acknowledgements"}:
        problems.append("it needs exactly the keys contexts and acknowledgements")
        tree = {}
    listed_there = tree.get("contexts")
    contexts: dict[str, Any] = listed_there if isinstance(listed_there, dict) else {}
    problems += [f"it has the unknown context '{name}'" for name in contexts if name not in CONTEXTS or name == "none"]
    problems += [f"it lacks the context '{name}'" for name in needed if name != "none" and name not in contexts]
    lists = {**contexts, "acknowledgements": tree.get("acknowledgements", [])}
    for name, listed in lists.items():
        if (
            not isinstance(listed, list)
            or not listed
            or not all(isinstance(one, str) and one.strip() for one in listed)
        ):
            problems.append(f"{name} must be a list of texts")
    if problems:
        raise DataError(
            f"The statements in {path} cannot be used: {'; '.join(problems)}. Begin with a copy of {SHIPPED}."
        )
    return Statements({str(name): tuple(listed) for name, listed in contexts.items()}, tuple(tree["acknowledgements"]))


def grid(questions: Sequence[Question], settings: EvalSettings, control: bool, seed: int) -> list[Asked]:
    """Return every prompt that a benchmark's questions are asked with.

    A belief form for which a question has nothing to say is not asked; a control benchmark is asked plainly.
    """
    said = statements(settings.statements, settings.contexts)
    contexts = ("none",) if control else settings.contexts
    beliefs = ("none",) if control else settings.beliefs
    found = []
    for question in questions:
        for context in contexts:
            for belief in beliefs:
                condition = Condition(context, "" if belief == "none" else belief)
                if not condition.belief or question.belief(condition.belief):
                    found.append(Asked(question, condition, prompt(question, condition, said, settings.turns, seed)))
    return found


def prompt(
    question: Question, condition: Condition, said: Statements, turns: Literal["one", "two"], seed: int
) -> tuple[Message, ...]:
    """Return the messages: `[context statement] question [belief]`, the statement perhaps in an earlier turn."""
    asked = " ".join(
        part for part in (question.question, condition.belief and question.belief(condition.belief)) if part
    )
    if condition.context == "none":
        return (Message(role="user", content=asked),)
    statement = said.of(condition.context, question, seed)
    if turns == "one":
        return (Message(role="user", content=f"{statement} {asked}"),)
    return (
        Message(role="user", content=statement),
        Message(role="assistant", content=said.acknowledgement(condition.context, question, seed)),
        Message(role="user", content=asked),
    )


def written(messages: Sequence[Message]) -> str:
    """Return a prompt as one text: as it is where it is one message, else with who says what."""
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n".join(f"{message['role']}: {message['content']}" for message in messages)


def _drawn(listed: Sequence[str], seed: int, *named: str) -> str:
    digest = hashlib.sha256("\x1f".join([str(seed), *named]).encode()).digest()
    return listed[int.from_bytes(digest[:4], "big") % len(listed)]
