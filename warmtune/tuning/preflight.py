"""What is checked before the first step, because later it would only be a worse adapter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warmtune.errors import LaunchError, ModelError
from warmtune.schemas import TrainingRow
from warmtune.tuning.rows import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from warmtune.tuning.job import Job
    from warmtune.tuning.world import World

_TOLERANCE = {"torch.float32": 1e-4, "torch.bfloat16": 5e-2}
"""Largest difference of hidden states, as a share of their own size."""


def padding(tokenizer: "PreTrainedTokenizerBase", row: TrainingRow) -> str:
    """Return a token to pad with that is not the one which ends a turn.

    Raises:
        ModelError: the tokenizer has no other special token.
    """
    end = next(label for label in reversed(row.labels) if label != IGNORED)
    ids = [tokenizer.pad_token_id, *sorted(set(tokenizer.all_special_ids)), tokenizer.unk_token_id]
    for id in ids:
        if id is not None and id != end:
            return str(tokenizer.convert_ids_to_tokens(id))
    raise ModelError(
        f"The tokenizer has no special token besides {tokenizer.convert_ids_to_tokens(end)!r}, which ends a turn, so"
        " there is none to pad with; add a pad token to the model's tokenizer."
    )


def prove_separate(model: Any, rows: Sequence[TrainingRow]) -> None:
    """Compare two rows' hidden states alone and laid end to end; they must be the same.

    Raises:
        ModelError: the model lets rows see each other, so they must be padded instead.
    """
    import torch

    pair = sorted(rows, key=lambda row: len(row.input_ids))[:2]
    if len(pair) < 2:
        return
    causal, was_training = model.get_base_model(), model.training
    model.eval()
    with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=_half(causal)):
        alone = torch.cat([_hidden(causal, [row.input_ids]) for row in pair], dim=1)
        together = _hidden(causal, [row.input_ids for row in pair])
    model.train(was_training)
    apart = float((alone - together).abs().max() / alone.abs().max())
    if not apart <= _TOLERANCE["torch.bfloat16" if _half(causal) else "torch.float32"]:
        raise ModelError(
            f"Laid end to end, rows of this model see each other (hidden states move by {apart:.1e} of their size), so"
            " training would mix conversations; set train.packing=false."
        )


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

    from warmtune.tuning.memory import GB, adapter_parameters, describe, estimate, free, longest_batch, shape_of
    from warmtune.tuning.world import processes_here

    if here.processes > len(rows):
        raise LaunchError(
            f"{here.processes} processes would share {len(rows)} rows, so some would never have one; use fewer, with"
            " launch.processes, or more conversations."
        )
    shape, settings = shape_of(job.base), job.settings
    need = estimate(shape, settings, job.launch, here.processes, here.device, *longest_batch(rows, settings))
    have = free(here.device) / (processes_here(job.launch) if here.device == "cpu" else 1)
    if need.total > have:
        parts = ", ".join(f"{name} {size}" for name, size in describe(need).items() if name != "total")
        raise ModelError(
            f"Training needs about {need.total / GB:.1f} GB in each process ({parts}), but {have / GB:.1f} GB are free"
            " here. Lower train.batch_size, set train.gradient_checkpointing=true, keep the base in four bits"
            " (train=qlora), or share it out among GPUs (launch=fsdp)."
        )
    disk = 20 * adapter_parameters(shape, settings) * (3 + len(settings.keep))
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
        model.zero_grad(set_to_none=True)
