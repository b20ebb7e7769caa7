"""The arithmetic of a training, against PyTorch's own counter of operations."""

import dataclasses
from itertools import accumulate, chain

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from warmtune.io.schemas import TrainingRow
from warmtune.training import speed


def test_the_peak_is_the_counted_operations_over_the_shortest_time(monkeypatch):
    """Three products that take 4, 2 and 8 seconds by the clock."""
    ends = accumulate(chain.from_iterable((1.0, seconds) for seconds in (4.0, 2.0, 8.0)))
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(ends))
    with FlopCounterMode(display=False) as counter:
        peak = speed.measured_peak_flops("cpu", repeats=3)
    assert peak == counter.get_total_flops() / 3 / 2.0


@pytest.mark.parametrize("labelled", [4, 60])
def test_operations_per_token_are_those_of_a_step(labelled, tiny_settings, peak_memory, tmp_path):
    """Products with frozen weights, forward and back; the adapter's own, of rank 1, are few, and attention's are left
    out. The first layer's inputs need no gradient, which makes the count a little smaller."""
    base = peak_memory.tiny_base("llama", tmp_path, 2000)
    settings = dataclasses.replace(tiny_settings.train, rank=1, dropout=0.0)
    with FlopCounterMode(display=False) as counter:
        step = peak_memory.step(base, settings, [64, 64], labelled)
    counted = counter.get_flop_counts()["Global"]
    products = sum(n for operation, n in counted.items() if operation in (torch.ops.aten.mm, torch.ops.aten.addmm))
    rows = [TrainingRow("", [1] * 64, [-100] * (64 - labelled) + [1] * labelled, 64) for _ in range(2)]
    assert products == pytest.approx(128 * speed.flops_per_token(step.model, rows), rel=0.06)


def test_compiling_is_for_long_trainings_on_a_gpu():
    assert not speed.compiles("auto", "cpu", 1e6)
    assert not speed.compiles("auto", "cuda", 60)
    assert speed.compiles("auto", "cuda", 3600)
    assert speed.compiles("always", "cpu", 1)
    assert not speed.compiles("never", "cuda", 1e6)
