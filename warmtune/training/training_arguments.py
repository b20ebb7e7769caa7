"""TRL's settings for a training, with everything said that its defaults would lose or change in silence."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.config.training_settings import TrainSettings
from warmtune.training.lora_adapter import precision

if TYPE_CHECKING:
    from trl import SFTConfig

_OPTIMIZERS = {"adamw": "adamw_torch", "adamw-8bit": "adamw_8bit"}


def total_steps(rows: int, settings: TrainSettings, world_size: int) -> int:
    """Return the optimizer steps for so many rows; a last one that is not full counts."""
    return math.ceil(math.ceil(rows / (settings.batch_size * world_size)) / settings.gradient_accumulation_steps)


def arguments(
    settings: TrainSettings, steps: int, seed: int, folder: Path, title: str, device: str, pad: str, **more: Any
) -> "SFTConfig":
    """Return the trainer's arguments.

    Args:
        settings: the recipe's.
        steps: optimizer steps in all.
        seed: of dropout, and of nothing else: rows come in their order, the adapter is there already.
        folder: for checkpoints.
        title: what trackers call the training.
        device: cuda or cpu.
        pad: token that fills up rows where they are padded.
        more: what the way of launching adds.
    """
    from trl import SFTConfig

    gpu = device == "cuda"
    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation_steps,
        num_train_epochs=1,  # the rows come in training order, all epochs of them
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.lr_scheduler,
        warmup_steps=int(settings.warmup_ratio * steps),  # the library rounds up: one step in one would train nothing
        optim=_OPTIMIZERS[settings.optimizer],
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        max_length=None,  # rows are split or left out when too long, never cut
        packing=False,  # TRL's own would join rows across batches
        padding_free=settings.packing,
        pad_token=pad,
        pad_to_multiple_of=8 if gpu and not settings.packing else None,
        dataset_kwargs={"skip_prepare_dataset": True},  # ids and labels are ready
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if settings.gradient_checkpointing else None,
        neftune_noise_alpha=settings.neftune_noise_alpha,
        use_liger_kernel=settings.use_liger_kernel,
        bf16=precision(settings, device) == "bf16",
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,  # the older one stays until the newer is whole
        report_to=list(settings.report_to) or "none",
        project="warmtune",
        run_name=title,
        disable_tqdm=True,
        **more,
    )
