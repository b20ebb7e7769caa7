"""Checks before the first step. Later these faults would not raise; the adapter would only be worse."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warmtune.errors import LaunchError, ModelError
from warmtune.io.schemas import TrainingRow
from warmtune.training.rows import IGNORE_INDEX

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from warmtune.training.distributed.job import Job
    from warmtune.training.distributed.world import World

_TOLERANCE = {"torch.float32": 1e-4, "torch.bfloat16": 0.1}
"""Largest difference between a row's hidden states alone and in company, as a share of their size. In half precision it
is wide, because other shapes round otherwise and 32 layers add that up (0.05 in a model of 8B)."""
_LEAK = 1e-3
"""Largest difference that other words of a neighbour may make: the shapes are the same, so there is none to be."""


def padding(tokenizer: "PreTrainedTokenizerBase", row: TrainingRow) -> str:
    """Return a token to pad with that is not the one which ends a turn.

    Raises:
        ModelError: the tokenizer has no other special token.
    """
    end = next(label for label in reversed(row.labels) if label != IGNORE_INDEX)
    ids = [tokenizer.pad_token_id, *sorted(set(tokenizer.all_special_ids)), tokenizer.unk_token_id]
    for id in ids:
        if id is not None and id != end:
            return str(tokenizer.convert_ids_to_tokens(id))
    raise ModelError(
        f"The tokenizer has no special token besides {tokenizer.convert_ids_to_tokens(end)!r}, which ends a turn, so"
        " there is none to pad with; add a pad token to the model's tokenizer."
    )


def prove_separate(model: Any, rows: Sequence[TrainingRow]) -> None:
    """Show on this model that rows laid end to end do not see each other.

    A row's hidden states must not move when its neighbour has other words, and must be those that it has alone.

    Raises:
        ModelError: the model lets rows see each other, so they must be padded instead.
    """
    import torch

    pair = sorted((row.input_ids for row in rows), key=len)[:2]
    if len(pair) < 2:
        return
    causal, was_training, last = model.get_base_model(), model.training, len(pair[1])
    model.eval()
    with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=_half(causal)):
        alone = _hidden(causal, pair[1:])
        together = _hidden(causal, pair)[:, -last:]
        others = _hidden(causal, [_other_words(pair[0], pair[1]), pair[1]])[:, -last:]
    model.train(was_training)
    leak, apart = (float((found - together).norm() / together.norm()) for found in (others, alone))
    if not (leak <= _LEAK and apart <= _TOLERANCE["torch.bfloat16" if _half(causal) else "torch.float32"]):
        raise ModelError(
            f"Laid end to end, rows of this model see each other (hidden states move by {max(leak, apart):.1e} of their"
            " size), so training would mix conversations; set train.packing=false."
        )


def _other_words(row: Sequence[int], known: Sequence[int]) -> list[int]:
    """Return a row of the same length in which every token is another one that the model has."""
    ids = sorted({*row, *known})
    after = dict(zip(ids, [*ids[1:], ids[0]], strict=True))
    return [after[id] for id in row]


def _half(causal: Any) -> bool:
    import torch

    return bool(causal.dtype == torch.bfloat16)


def _hidden(causal: Any, rows: Sequence[Sequence[int]]) -> Any:
    import torch

    lengths = [len(row) for row in rows]
    bounds = torch.tensor([0, *lengths], device=causal.device).cumsum(0).to(torch.int32)
    return causal.base_model(
        input_ids=torch.tensor([[id for row in rows for id in row]], device=causal.device),
        position_ids=torch.tensor([[n for length in lengths for n in range(length)]], device=causal.device),
        cu_seq_lens_q=bounds,
        use_cache=False,
    ).last_hidden_state.float()


def check_room(rows: Sequence[TrainingRow], job: "Job", here: "World") -> None:
    """Compare what the training will need with what this machine has, before a weight is loaded.

    Raises:
        ModelError: too little memory for a process, or too little disk for checkpoints.
        LaunchError: more processes than rows.
    """
    import shutil

    from warmtune.training.distributed.world import processes_here
    from warmtune.training.memory_estimate import (
        GB,
        adapter_parameters,
        describe,
        estimate,
        free,
        longest_batch,
    )
    from warmtune.training.model_shape import shape_of

    if here.world_size > len(rows):
        raise LaunchError(
            f"{here.world_size} processes would share {len(rows)} rows, so some would never have one; use fewer, with"
            " launch.nproc_per_node, or more conversations."
        )
    shape, settings = shape_of(job.base), job.settings
    tokens, loss_tokens = longest_batch(rows, settings)
    need = estimate(
        shape,
        settings,
        job.launch,
        world_size=here.world_size,
        device=here.device,
        tokens=tokens,
        loss_tokens=loss_tokens,
    )
    have = free(here.device) / (processes_here(job.launch) if here.device == "cpu" else 1)
    if need.total > have:
        parts = ", ".join(f"{name} {size}" for name, size in describe(need).items() if name != "total")
        raise ModelError(
            f"Training needs about {need.total / GB:.1f} GB in each process ({parts}), but {have / GB:.1f} GB are free"
            " here. Lower train.batch_size, set train.gradient_checkpointing=true, keep the base in four bits"
            " (train=qlora), or share it out among GPUs (launch=fsdp)."
        )
    disk = 20 * adapter_parameters(shape, settings) * (3 + len(settings.save_epochs))
    left = shutil.disk_usage(job.folder).free
    if disk > left:
        raise ModelError(
            f"Checkpoints and adapters need about {disk / GB:.1f} GB in {job.folder}, where {left / GB:.1f} GB are"
            " free; free some space, or choose another place with store=FOLDER."
        )


def try_longest(trainer: Any, rows: Sequence[TrainingRow], job: "Job") -> None:
    """Go forward and back once with the longest batch, so that memory runs out now and not after an hour.

    Raises:
        ModelError: it does not fit.
    """
    import torch

    size = job.settings.batch_size
    batches = [rows[n : n + size] for n in range(0, len(rows), size)]
    longest = max(batches, key=lambda batch: sum(len(row.input_ids) for row in batch))
    inputs = trainer.data_collator([{"input_ids": row.input_ids, "labels": row.labels} for row in longest])
    model = trainer.model
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), trainer.compute_loss_context_manager():
            trainer.compute_loss(model.train(), trainer._prepare_inputs(inputs), num_items_in_batch=1).backward()
    except torch.OutOfMemoryError:
        tokens = sum(len(row.input_ids) for row in longest)
        raise ModelError(
            f"The longest batch ({len(longest)} rows, {tokens} tokens) does not fit into the GPU's memory. Lower"
            " train.batch_size, set train.gradient_checkpointing=true, or use train=qlora."
        ) from None
    finally:
        trainer.parts = {}
        model.zero_grad(set_to_none=True)
