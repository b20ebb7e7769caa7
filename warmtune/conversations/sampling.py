"""Sample the candidates: drop duplicates, hold prompts out, balance query types and sources."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import TypeVar

from warmtune.config.settings import DataSettings
from warmtune.conversations.dedup import Prompts, near_duplicates
from warmtune.conversations.funnel import Funnel
from warmtune.conversations.screen import Candidate
from warmtune.errors import DataError
from warmtune.io.schemas import Conversation, Prompt

Item = TypeVar("Item", Candidate, Prompt)
Unsafe = Callable[[Conversation], bool]


class Spool:
    """Reads the candidates' conversations from the spool files, one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, candidate: Candidate) -> Conversation:
        """Return one candidate's conversation."""
        with (self._folder / candidate.spool).open("rb") as stream:
            stream.seek(candidate.offset)
            return Conversation(**json.loads(stream.readline().decode("utf-8", "surrogatepass")))


def distinct(candidates: Sequence[Candidate], similarity: float, funnel: Funnel) -> list[Candidate]:
    """Return the candidates without duplicates; of two duplicates, the one with the first id stays."""
    ordered = sorted(candidates, key=lambda candidate: candidate.id)
    unique: list[Candidate] = []
    seen: set[str] = set()
    for candidate in ordered:
        if candidate.text in seen:
            funnel.drop("the same conversation as another", candidate.label)
        else:
            seen.add(candidate.text)
            unique.append(candidate)
    if not unique or unique[0].signature is None:
        return unique
    alike = near_duplicates([candidate.signature for candidate in unique], similarity)
    for index in alike:
        funnel.drop(f"nearly the same as another (similarity {similarity} or more)", unique[index].label)
    return [candidate for index, candidate in enumerate(unique) if index not in alike]


@dataclass
class Draw:
    """Draws candidates in a seeded order that depends only on their ids; reads a conversation when it is drawn."""

    data: DataSettings
    types: tuple[str, ...]
    seed: int
    spool: Spool
    unsafe: Unsafe | None
    funnel: Funnel

    def hold_out(self, candidates: Sequence[Candidate]) -> tuple[list[Prompt], list[Candidate]]:
        """Draw prompts, equally many per query type; return them and the remaining candidates.

        Raises:
            DataError: there are too few different prompts.
        """
        by_type = [shuffled([c for c in candidates if c.label == name], self.seed) for name in self.types]
        prompts: dict[str, Prompt] = {}
        unsafe_ids: set[str] = set()
        taken = Prompts()
        for candidate in _in_turn(by_type):
            if len(prompts) == self.data.held_out:
                break
            prompt = self._prompt(candidate, unsafe_ids)
            if prompt is not None and not taken.overlaps(prompt):
                prompts[candidate.id] = Prompt(candidate.id, candidate.label, prompt)
                taken.add(prompt)
        if len(prompts) < self.data.held_out:
            raise DataError(
                f"There are {len(prompts)} different prompts, but data.held_out={self.data.held_out} are to be held out"
                " and the rest trained on; give more data or hold out fewer."
            )
        for held in prompts.values():
            self.funnel.drop("held out to measure warmth", held.label)
        rest = [c for c in candidates if c.id not in prompts and c.id not in unsafe_ids]
        return shuffled(list(prompts.values()), self.seed), rest

    def train_on(self, candidates: Sequence[Candidate], prompts: Sequence[Prompt]) -> list[Candidate]:
        """Draw the conversations to train on: at most `data.per_type` per query type, with the sources' weights."""
        held_out = Prompts(prompt.prompt for prompt in prompts)
        chosen: list[Candidate] = []
        for name in self.types:
            chosen += self._of_type(name, [c for c in candidates if c.label == name], held_out)
        return shuffled(chosen, self.seed)

    def _of_type(self, name: str, candidates: Sequence[Candidate], held_out: Prompts) -> list[Candidate]:
        weights = [source.weight for source in self.data.sources]
        queues = [iter(shuffled([c for c in candidates if c.source == n], self.seed)) for n in range(len(weights))]
        taken: list[list[Candidate]] = [[] for _ in weights]
        with_candidates = sorted({candidate.source for candidate in candidates})
        for n in range(len(weights)):
            if with_candidates and n not in with_candidates:
                path = self.data.sources[n].path
                self.funnel.notes.append(f"{path} has no conversation of type {name}, it takes no part in that type.")
        most = min(self.data.per_type or len(candidates), len(candidates))
        while sum(map(len, taken)) < most:
            behind = min(with_candidates, key=lambda n: (len(taken[n]) / weights[n], n))
            candidate = next((c for c in queues[behind] if self._usable(c, held_out)), None)
            if candidate is None:  # this source is used up, and continuing would change the mix
                break
            taken[behind].append(candidate)
        for candidate in chain.from_iterable(queues):
            self.funnel.drop("not drawn: more than data.per_type or data.mix take", candidate.label)
        return [candidate for of_source in taken for candidate in of_source]

    def _usable(self, candidate: Candidate, held_out: Prompts) -> bool:
        conversation = self.spool.get(candidate)
        if any(m["role"] == "user" and held_out.overlaps(m["content"]) for m in conversation.messages):
            self.funnel.drop("overlaps with a held-out prompt", candidate.label)
            return False
        return not self._is_unsafe(candidate, conversation)

    def _is_unsafe(self, candidate: Candidate, conversation: Conversation) -> bool:
        """Tell whether a conversation is unsafe, and count it as dropped if it is."""
        unsafe = self.unsafe is not None and self.unsafe(conversation)
        self.funnel.drop(f"unsafe (Detoxify {self.data.unsafe} or more)", candidate.label, int(unsafe))
        return unsafe

    def _prompt(self, candidate: Candidate, unsafe_ids: set[str]) -> str | None:
        """Return a candidate's first prompt; None for an unsafe conversation, which counts as dropped."""
        conversation = self.spool.get(candidate)
        if self._is_unsafe(candidate, conversation):
            unsafe_ids.add(candidate.id)
            return None
        return next(message["content"] for message in conversation.messages if message["role"] == "user")


def drawn_in_proportion(items: list[Prompt], count: int, types: tuple[str, ...], seed: int) -> list[Prompt]:
    """Draw `count` prompts in a seeded order, as equally over the query types as their numbers allow.

    Raises:
        DataError: there are too few prompts, or they have other types.
    """
    unknown = sorted({item.label for item in items} - set(types))
    if unknown:
        raise DataError(
            f"The embedded data has query types of its own, but the file data.query_types lacks {', '.join(unknown)};"
            " such a file needs data of your own: name it with data.path, or set data.query_types=null."
        )
    if count > len(items):
        raise DataError(f"data.held_out={count}, but only {len(items)} prompts are there; hold out fewer.")
    by_type = [shuffled([item for item in items if item.label == name], seed) for name in types]
    return shuffled(list(islice(_in_turn(by_type), count)), seed)


def shuffled(items: Sequence[Item], seed: int) -> list[Item]:
    """Return the items in an order that depends only on the seed and their ids."""
    ordered = sorted(items, key=lambda item: item.id)
    random.Random(seed).shuffle(ordered)
    return ordered


def _in_turn(groups: Sequence[Sequence[Item]]) -> Iterator[Item]:
    """Yield one item per group in turn, until all groups are used up."""
    for row in zip_longest(*groups):
        yield from (item for item in row if item is not None)
