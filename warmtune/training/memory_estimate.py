"""How much memory a LoRA training takes in each process, found from the model's shape and the rows alone.

Full fine-tuning keeps gradients and optimizer states of all weights; LoRA keeps them of its own matrices only, so that
weights and activations decide. The activations are those that the arithmetic of this package keeps for the way back,
layer by layer; other arithmetic (PEFT's own, on a GPU) keeps some more, which is counted too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from warmtune.config.training_settings import LaunchSettings, TrainSettings
from warmtune.io.schemas import TrainingRow
from warmtune.training.lora_adapter import precision
from warmtune.training.loss.output_layer import AT_ONCE
from warmtune.training.loss.term_registry import weighted_terms
from warmtune.training.loss.terms import BatchSize
from warmtune.training.model_shape import Shape
from warmtune.training.rows import num_loss_tokens

GB = 1e9
_LIBRARIES = {"cpu": 0.65 * GB, "cuda": 0.8 * GB}
"""Python with torch, transformers and trl loaded; on a GPU what CUDA itself takes (measured on an H200)."""
_NF4 = 0.5 + 4 / 64 / 4
"""Bytes a weight in four bits, with its scales quantized once more (arXiv 2305.14314, section 3)."""
_GAPS = {"cpu": 1.25, "cuda": 1.05}
"""What the allocator needs more than is in use; measured (benchmarks/results)."""
_LOGIT = {"cpu": 12, "cuda": 6}
"""Bytes for each logit that the loss has at a time: in float32, and on a GPU once more in half precision."""
_DORA = 10
"""Bytes that PEFT's DoRA keeps for each output of a layer and token; measured on the CPU and on a GPU."""

_BOUNDED_KEPT = 8
"""Bytes that eager attention keeps for each bounded score of a layer: its hyperbolic tangent and its share."""
_BOUNDED_PASSING = 17
"""Bytes for each bounded score of one layer on the way back: those two, their gradients, and the mask."""


@dataclass(frozen=True)
class Memory:
    """Bytes in one process, by what they are for."""

    weights: float
    adapter: float
    """The adapter with its gradients and its optimizer's states."""
    activations: float
    """Of the longest batch."""
    logits: float
    loss_terms: float
    """What the terms of `train.loss_terms` add."""
    libraries: float

    @property
    def total(self) -> float:
        """All of it, while training."""
        return self.weights + self.adapter + self.activations + self.logits + self.loss_terms + self.libraries

    @property
    def peak(self) -> float:
        """The most that the system counts for the process: while weights are read, their file counts as well.

        Those pages are given up where memory is short, so what must be free is `total`.
        """
        return max(self.total, self.libraries + 2 * self.weights)


def estimate(
    shape: Shape,
    settings: TrainSettings,
    launch: LaunchSettings,
    *,
    world_size: int,
    device: str,
    tokens: int,
    loss_tokens: int,
) -> Memory:
    """Return what one process will need at most.

    Args:
        shape: the model's.
        settings: the training's.
        launch: who holds what.
        world_size: number of processes that share.
        device: cuda or cpu.
        tokens: in the longest batch, padding included where rows are padded.
        loss_tokens: tokens that carry loss in it.
    """
    bytes_each = 2 if precision(settings, device) == "bf16" else 4
    frozen = sum(i * o for _, i, o in shape.linear)
    weights = float((shape.parameters - frozen) * bytes_each)
    weights += frozen * (_NF4 if settings.quantization else bytes_each)
    # In half precision PEFT's DoRA keeps a copy of every weight, made in float32 and rounded again, for the way back.
    weights += frozen * bytes_each if settings.method == "dora" and bytes_each == 2 else 0
    weights /= world_size if launch.kind in ("fsdp", "zero3") and not launch.offload else 1
    own = adapter_parameters(shape, settings)
    states = (2 * 1 if settings.optimizer == "adamw-8bit" else 2 * 4) + 4 * (launch.kind != "zero2" or world_size == 1)
    shared = world_size if launch.kind in ("fsdp", "zero2", "zero3") else 1
    batch = BatchSize(shape, tokens=tokens, labelled=loss_tokens, device=device, bytes_each=bytes_each)
    return Memory(
        weights=weights,
        adapter=own * (4 + states / shared),
        activations=_activations(shape, settings, device, bytes_each, tokens) * _GAPS[device],
        logits=min(AT_ONCE[device], loss_tokens * shape.vocabulary) * _LOGIT[device]
        + loss_tokens * shape.width * bytes_each * 3,
        loss_terms=sum(term.memory(batch) for _, term in weighted_terms(settings.loss_terms).values()),
        libraries=_LIBRARIES[device],
    )


def adapter_parameters(shape: Shape, settings: TrainSettings) -> int:
    """Return how many numbers the adapter has."""
    adapted = _adapted(shape, settings)
    magnitudes = sum(o for _, o in adapted) if settings.method == "dora" else 0
    return settings.rank * sum(i + o for i, o in adapted) + magnitudes


def _adapted(shape: Shape, settings: TrainSettings) -> list[tuple[int, int]]:
    """Return the inputs and outputs of every layer that the adapter changes."""
    wanted = settings.target_modules
    return [(i, o) for name, i, o in shape.linear if wanted == "all-linear" or name in wanted]


def _activations(shape: Shape, settings: TrainSettings, device: str, each: int, longest: int) -> float:
    """Return the bytes kept until the way back, for a batch of so many tokens, and the most that passes meanwhile."""
    row = min(longest, settings.max_tokens) if settings.packing else longest // settings.batch_size
    scores = shape.heads * row if shape.bounded else 0  # of one token in one layer
    layer = _layer(shape, settings, device, each) + (0 if settings.packing else _BOUNDED_KEPT * scores)
    whole = shape.layers * shape.width * each + layer if settings.gradient_checkpointing else shape.layers * layer
    ends = 4 * shape.width * each
    passing = 4 * shape.inner * each * longest  # gradients on their way through a feed-forward block
    bounded = _BOUNDED_PASSING * scores * (row if settings.packing else longest)  # packed, one row at a time
    return float(longest * (whole + ends) + max(passing, bounded))


def _layer(shape: Shape, settings: TrainSettings, device: str, each: int) -> float:
    """Return the bytes that one layer keeps for each token."""
    width, inner, query, key = shape.width, shape.inner, shape.query, shape.key
    # Both norms: what came in, always in float32, and what went on.
    norms = 2 * width * (4 / each + 1)
    keys = query if device == "cpu" else key  # there they are repeated for all the queries that share them
    attention = query + 2 * keys + query * (2 if device == "cpu" else 1)  # queries, keys, values as turned; the outcome
    forward = 4 * inner  # gate, its activation, up, and their product
    kept = float((norms + attention + forward) * each)
    adapted = _adapted(shape, settings)
    inputs = sum(i for i, _ in adapted) / shape.layers
    fused = settings.method != "dora" and not settings.quantization
    if settings.dropout:
        kept += inputs * (1 if fused else 1 + each)
    if not fused:
        kept += len(adapted) / shape.layers * settings.rank * 4
        kept += inputs * each if each == 2 and not settings.dropout else 0
    if settings.method == "dora":
        kept += _DORA * sum(o for _, o in adapted) / shape.layers
    return kept


def longest_batch(rows: Sequence[TrainingRow], settings: TrainSettings) -> tuple[int, int]:
    """Return the tokens of the longest batch of rows in training order, and how many of them are trained."""
    size = settings.batch_size
    batches = [rows[n : n + size] for n in range(0, len(rows), size)]

    def tokens(batch: Sequence[TrainingRow]) -> int:
        lengths = [len(row.input_ids) for row in batch]
        return sum(lengths) if settings.packing else max(lengths) * len(lengths)

    longest = max(batches, key=tokens)
    return tokens(longest), sum(map(num_loss_tokens, longest))


def free(device: str) -> float:
    """Return the memory that a process could still have on this device, in bytes."""
    if device == "cuda":
        import torch

        return float(torch.cuda.mem_get_info()[0])
    return float(psutil.virtual_memory().available)


def describe(memory: Memory) -> dict[str, Any]:
    """Return the parts in GB, for people."""
    return {name: round(getattr(memory, name) / GB, 2) for name in (*memory.__dataclass_fields__, "total")}
