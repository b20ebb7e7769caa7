"""What a training costs in arithmetic, and what this machine could do."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from warmtune.io.schemas import TrainingRow
from warmtune.training.rows import trained

_SIDES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices whose product is timed; enough to keep the device busy."""
REACHED = {"cpu": 0.55, "cuda": 0.25}
"""Share of the matrix rate that trainings reached where it was measured (benchmarks/results)."""
_PAYS_BACK = 30 * 60
"""Seconds of training from which compiling is worth its time on a GPU. On the CPU it gained nothing: the same rows
took as long, after 45 s of compiling (docs/method.md)."""


def work_per_token(model: Any, rows: Sequence[TrainingRow]) -> float:
    """Return the floating-point operations for one token of these rows, forward and back.

    Two for each weight forward, two for the gradient of its input; none for the gradient of frozen weights, which is
    never computed. The output layer counts only where a token is trained. Attention's own products are left out, which
    makes the share of the matrix rate a little too low.
    """
    causal = model.get_base_model()
    head = causal.get_output_embeddings()
    linear = sum(
        _weights(module) for module in causal.modules() if isinstance(module, torch.nn.Linear) and module is not head
    )
    share = sum(map(trained, rows)) / sum(len(row.input_ids) for row in rows)
    return 4.0 * (linear + share * _weights(head))


def _weights(layer: Any) -> int:
    return int(layer.in_features * layer.out_features)


def matrix_rate(device: str, repeats: int = 3) -> float:
    """Measure products of large square matrices on this device; operations a second, the best of some."""
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    side = _SIDES[device]
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(repeats):
        if device == "cuda":
            torch.cuda.synchronize()  # what was asked for before is not this product's time
        started = time.perf_counter()
        one @ other
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return float(2 * side**3 / best)


def compiles(wanted: str, device: str, seconds: float) -> bool:
    """Tell whether layers are compiled: as wanted, or on a GPU where the estimated time pays it back."""
    return wanted == "always" or (wanted == "auto" and device == "cuda" and seconds > _PAYS_BACK)


def compile_layers(causal: Any) -> int:
    """Compile each layer by itself, so that one compilation serves all of them; return how many there are."""
    layers = [module for name, module in causal.base_model.named_modules() if name.rsplit(".", 2)[-2:-1] == ["layers"]]
    for layer in layers:
        layer.forward = torch.compile(layer.forward, dynamic=True)
    return len(layers)
