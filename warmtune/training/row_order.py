"""The order in which rows are trained on. It is data, so that matched arms see the same ids in the same order."""

import math
import random
from collections.abc import Sequence

from warmtune.io.schemas import TrainingRow
from warmtune.training.rows import IGNORE_INDEX

_WINDOW = 32
"""Batches within which rows of similar length are brought together."""


def epoch_order(rows: int, epochs: float, seed: int) -> list[int]:
    """Return the row numbers in training order: a fresh seeded shuffle per epoch; the last epoch may be a part.

    Depends on the number of rows, the epochs and the seed alone, so matched arms see the same ids in the same order.
    """
    shuffle, order = random.Random(seed), []
    for _ in range(math.ceil(epochs)):
        epoch = list(range(rows))
        shuffle.shuffle(epoch)
        order += epoch
    return order[: math.ceil(rows * epochs)]


def group_by_length(order: Sequence[int], lengths: Sequence[int], batch: int, seed: int) -> list[int]:
    """Bring rows of similar length into the same batch, in windows so that batches stay random.

    Args:
        order: row numbers.
        lengths: of every row with the original replies, so that both arms are grouped alike.
        batch: rows in a batch.
        seed: of the order of batches.
    """
    shuffle, found = random.Random(seed), []
    for start in range(0, len(order), batch * _WINDOW):
        window = sorted(order[start : start + batch * _WINDOW], key=lambda n: -lengths[n])
        batches = [window[first : first + batch] for first in range(0, len(window), batch)]
        short = batches.pop() if len(batches[-1]) < batch else []
        shuffle.shuffle(batches)
        found += [n for one in batches for n in one] + short
    return found


def pad_to_multiple(rows: Sequence[TrainingRow], multiple: int) -> list[TrainingRow]:
    """Add rows without loss until there are as many as the processes take at a time.

    The library that shares out batches would otherwise fill up with rows from the beginning, trained on once more.
    """
    missing = -len(rows) % multiple
    idle = TrainingRow("", list(rows[-1].input_ids[:2]), [IGNORE_INDEX, IGNORE_INDEX], 2)
    return [*rows, *[idle] * missing]
