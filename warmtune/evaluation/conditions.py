"""What surrounds a question: contexts, beliefs, and the prompt that they make."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from warmtune.config.contexts import NO_CONTEXT
from warmtune.config.evaluation_settings import EvalSettings
from warmtune.io.schemas import Message, Question


@dataclass(frozen=True)
class Condition:
    """A context and a belief."""

    context: str
    """`none`, or what is stated before the question."""
    belief: str
    """Empty, `incorrect` or `correct`."""


@dataclass(frozen=True)
class PromptSample:
    """One question in one condition."""

    question: Question
    condition: Condition
    messages: tuple[Message, ...]


def build_prompts(
    questions: Sequence[Question], settings: EvalSettings, control: bool, seed: int
) -> list[PromptSample]:
    """Return every prompt that a benchmark's questions are asked with.

    A belief form for which a question has nothing to say is not asked. A control benchmark is asked plainly.
    """
    contexts = [NO_CONTEXT.name] if control else [one.name for one in settings.contexts]
    beliefs = ("none",) if control else settings.beliefs
    conditions = [Condition(context, "" if belief == "none" else belief) for context in contexts for belief in beliefs]
    return [
        PromptSample(question, condition, prompt(question, condition, settings, seed))
        for question in questions
        for condition in conditions
        if not condition.belief or question.belief(condition.belief)
    ]


def prompt(question: Question, condition: Condition, settings: EvalSettings, seed: int) -> tuple[Message, ...]:
    """Return the messages: `[statement] question [belief]`, or the statement in an earlier turn.

    The question's id and the seed draw the statement: every variant is asked the same.
    """
    stated = condition.belief and question.belief(condition.belief)
    asked = f"{question.question} {stated}" if stated else question.question
    name = condition.context
    if name == NO_CONTEXT.name:
        return (Message(role="user", content=asked),)
    context = next(one for one in settings.contexts if one.name == name)
    statement = _drawn(context.statements, seed, question.id, name)
    if settings.turns == "one":
        return (Message(role="user", content=f"{statement} {asked}"),)
    return (
        Message(role="user", content=statement),
        Message(role="assistant", content=_drawn(settings.acknowledgements, seed, question.id, f"{name}, answered")),
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
