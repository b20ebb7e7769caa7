"""Fixtures: rows with English texts that have nothing to do with each other, and the stage run on a file of them."""

import dataclasses
import random
import re

import pytest

from warmtune.conversations import prepare
from warmtune.io.schemas import CONVERSATIONS, HELD_OUT, Conversation, Prompt, read

_WORDS = re.findall(
    r"\w+",
    """
    river house yellow winter market bread garden mother window children morning letter village summer weather doctor
    teacher kitchen mountain station friend mirror bridge island forest candle blanket farmer ocean picture music
    pocket silver button carpet engine ladder needle orange pepper rabbit shadow thunder uncle valley wagon basket
    corner dinner evening feather hammer jacket kettle lemon meadow neighbour paper quarter ribbon sailor table
    """,
)


@pytest.fixture(scope="session")
def texts():
    """Return `n`'s own prompt and reply in plain English."""

    def make(n: int) -> tuple[str, str]:
        one = random.Random(n).choices(_WORDS, k=24)
        return f"What is {' '.join(one[:10])}?", f"It was {' '.join(one[10:])}."

    return make


@pytest.fixture(scope="session")
def row(texts):
    """Return `n`'s own row in the form `messages`."""

    def make(n: int, **more: object) -> dict[str, object]:
        asked, replied = texts(n)
        turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": replied}]
        return {"messages": turns, **more}

    return make


@pytest.fixture
def prepared(quickstart, tmp_path_factory):
    """Run the stage with the quickstart's data settings and these changes; four prompts are held out."""

    def run(path="embedded", seed=1, tokens=lambda messages, limit: 10, **changes):
        changes = {"path": str(path), "held_out": 4, "per_type": None, **changes}
        folder = changes.pop("folder", None) or tmp_path_factory.mktemp("prepared")
        counts = prepare(dataclasses.replace(quickstart.data, **changes), seed, tokens, folder).counts
        return counts, read(folder / CONVERSATIONS, Conversation), read(folder / HELD_OUT, Prompt)

    return run
