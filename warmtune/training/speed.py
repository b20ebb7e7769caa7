"""The arithmetic that a training takes, and the arithmetic that this machine reaches."""

import time
from collections.abc import Sequence
from typing import Any

import torch

from warmtune.io.schemas import TrainingRow
from warmtune.training.rows import num_loss_tokens

_SIDES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices whose product is timed; enough to keep the device busy."""
EXPECTED_MFU = {"cpu": 0.55, "cuda": 0.25}
"""The MFU that trainings reached where it was measured (benchmarks/results); an estimate of time rests on it."""
_PAYS_BACK = 30 * 60
"""Seconds of training from which compiling is worth its time on a GPU. On the CPU it gained nothing: the same rows
took as long, after 45 s of compiling (docs/method.md)."""


def flops_per_token(model: Any, rows: Sequence[TrainingRow]) -> float:
    """Return the floating-point operations per token of these rows, forward and back.

    Two for each weight forward and two for the gradient of its input. The gradient of a frozen weight is never
    computed, and the output layer works only where a token carries loss; TRL's `compute_flops_per_token` counts both,
    as full fine-tuning needs them. Attention's own products are left out, which makes the MFU a little too low.
    """
    causal = model.get_base_model()
    head = causal.get_output_embeddings()
    linear = sum(
        _weights(module) for module in causal.modules() if isinstance(module, torch.nn.Linear) and module is not head
    )
    share = sum(map(num_loss_tokens, rows)) / sum(len(row.input_ids) for row in rows)
    return 4.0 * (linear + share * _weights(head))


def _weights(layer: Any) -> int:
    return int(layer.in_features * layer.out_features)


def measured_peak_flops(device: str, repeats: int = 3) -> float:
    """Return the operations per second of this device in products of large square matrices: the best of some."""
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    side = _SIDES[device]
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(repeats):
        if device == "cuda":
            torch.cuda.synchronize()  # what was asked for before is not this product's time
        started = time.perf_counter()
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return float(2 * side**3 / best)


def compiles(setting: str, device: str, seconds: float) -> bool:
    """Tell whether layers are compiled; `auto` compiles on a GPU where the estimated time pays it back."""
    return setting == "always" or (setting == "auto" and device == "cuda" and seconds > _PAYS_BACK)


def compile_layers(causal: Any) -> int:
    """Compile each layer by itself, so that one compilation serves all of them; return how many there are."""
    layers = [module for name, module in causal.base_model.named_modules() if name.rsplit(".", 2)[-2:-1] == ["layers"]]
    for layer in layers:
        layer.forward = torch.compile(layer.forward, dynamic=True)
    return len(layers)
