"""The stage `prepare`: from a source of conversations to the ones that are trained on and the prompts held out."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from warmtune.conversations.readers import Funnel, embedded_prompts, read_conversations
from warmtune.errors import DataError
from warmtune.schemas import CONVERSATIONS, HELD_OUT, Conversation, Prompt, write
from warmtune.settings import QUERY_TYPES, DataSettings
from warmtune.store import Outcome

Item = TypeVar("Item", Conversation, Prompt)


def prepare(data: DataSettings, seed: int, count_tokens: Callable[[Conversation], int], folder: Path) -> Outcome:
    """Write `conversations.parquet` and `held_out.parquet`.

    Args:
        data: where from, and how many.
        seed: drives every draw.
        count_tokens: length of a conversation as the model is shown it.
        folder: the stage's folder.
    """
    funnel = Funnel()
    usable = _short_enough(read_conversations(data, funnel), data.max_tokens, count_tokens, funnel)
    if data.path == "embedded":
        prompts, rest = _drawn_in_proportion(embedded_prompts(), data.held_out, seed), usable
    else:
        prompts, rest = _hold_out(usable, data.held_out, seed)
    chosen = _equal_per_type(rest, data.per_type, seed)
    funnel.dropped["held out, or the same prompt as a held-out one"] += len(usable) - len(rest)
    funnel.dropped["not drawn: its query type has more than data.per_type"] += len(rest) - len(chosen)
    if not chosen:
        raise DataError(
            f"{data.path} leaves no conversation to train on after {len(prompts)} held-out prompts; give more data or"
            " a smaller data.held_out."
        )
    write(folder / CONVERSATIONS, Conversation, chosen)
    write(folder / HELD_OUT, Prompt, prompts)
    return Outcome([CONVERSATIONS, HELD_OUT], _counts(funnel, chosen, prompts))


def _short_enough(
    found: list[Conversation], limit: int, count_tokens: Callable[[Conversation], int], funnel: Funnel
) -> list[Conversation]:
    kept = []
    for conversation in found:
        if count_tokens(conversation) <= limit:
            kept.append(conversation)
        else:
            funnel.drop(f"longer than data.max_tokens ({limit})", conversation.id)
    if not kept:
        raise DataError(f"All {len(found)} conversations are longer than data.max_tokens={limit}; allow more.")
    return kept


def _hold_out(usable: list[Conversation], count: int, seed: int) -> tuple[list[Prompt], list[Conversation]]:
    """Take the first user messages of `count` conversations as prompts; the rest, without the same prompt, stays."""
    first = {
        conversation.id: next(m["content"] for m in conversation.messages if m["role"] == "user")
        for conversation in usable
    }
    candidates = {first[c.id].strip().lower(): Prompt(c.id, c.label, first[c.id]) for c in usable}
    if len(candidates) <= count:
        raise DataError(
            f"There are {len(candidates)} different prompts, but data.held_out={count} are to be held out and the rest"
            " trained on; give more data or hold out fewer."
        )
    prompts = _drawn_in_proportion(list(candidates.values()), count, seed)
    taken = {prompt.prompt.strip().lower() for prompt in prompts}
    return prompts, [c for c in usable if first[c.id].strip().lower() not in taken]


def _drawn_in_proportion(items: list[Item], count: int, seed: int) -> list[Item]:
    """Draw `count` items, as equally over the query types as their numbers allow, in a seeded order."""
    if count > len(items):
        raise DataError(f"data.held_out={count}, but only {len(items)} prompts are there; hold out fewer.")
    queues = [queue for label in QUERY_TYPES if (queue := _shuffled([i for i in items if i.label == label], seed))]
    drawn: list[Item] = []
    while len(drawn) < count:
        for queue in queues:
            if queue and len(drawn) < count:
                drawn.append(queue.pop())
    return _shuffled(drawn, seed)


def _equal_per_type(items: list[Conversation], per_type: int | None, seed: int) -> list[Conversation]:
    """Draw at most `per_type` of each query type and shuffle them together."""
    drawn: list[Conversation] = []
    for label in QUERY_TYPES:
        drawn += _shuffled([item for item in items if item.label == label], seed)[:per_type]
    return _shuffled(drawn, seed)


def _shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    """Return the items in an order that depends on the seed and their ids, not on the order they came in."""
    ordered = sorted(items, key=lambda item: item.id)
    random.Random(seed).shuffle(ordered)
    return ordered


def _counts(funnel: Funnel, chosen: list[Conversation], prompts: list[Prompt]) -> dict[str, object]:
    if funnel.read - funnel.dropped.total() != len(chosen):
        raise AssertionError(f"the funnel does not add up: {funnel}, {len(chosen)} kept")
    return {
        "read": funnel.read,
        "dropped": {reason: count for reason, count in funnel.dropped.items() if count},
        "first_dropped": funnel.examples,
        "changed": dict(funnel.changed),
        "kept": len(chosen),
        "kept_by_type": dict(Counter(conversation.label for conversation in chosen)),
        "replies": sum(m["role"] == "assistant" for c in chosen for m in c.messages),
        "held_out_prompts": len(prompts),
    }
