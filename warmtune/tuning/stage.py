"""The stage `train`: rows into an adapter, by TRL's SFTTrainer with PEFT's LoRA."""

import json
import math
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.errors import ModelError
from warmtune.generation.base import Base, load_model, load_tokenizer
from warmtune.progress import progress
from warmtune.schemas import TrainingRow
from warmtune.settings import TrainSettings
from warmtune.store import Outcome, write_atomically
from warmtune.tuning.rows import trained

if TYPE_CHECKING:
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

ADAPTER = "adapter"
CURVE = "curve.json"
ORDER = "order.json"
_CURVE = ("step", "loss", "grad_norm", "learning_rate")


def train(
    rows: Sequence[TrainingRow], base: Base, settings: TrainSettings, seed: int, title: str, folder: Path
) -> Outcome:
    """Train one adapter and write `adapter/`, `curve.json` and `order.json` (the ids in the order they were seen).

    Goes on from the last complete checkpoint in `folder`. The same rows, settings, seed and machine give the same
    bytes, interrupted or not.

    Raises:
        ModelError: when LoRA fits none of the model's modules, or when the trained adapter changes nothing.
    """
    from transformers.trainer_callback import PrinterCallback

    order = epoch_order(len(rows), settings.epochs, seed)
    trainer = _trainer([rows[n] for n in order], base, settings, seed, folder / "checkpoints")
    with progress(title, _steps(len(order), settings)) as report:
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(_callback(report))
        trainer.train(resume_from_checkpoint=_last_complete(folder / "checkpoints"))
    _check_changed(trainer.model)
    curve = [{key: entry[key] for key in _CURVE} for entry in trainer.state.log_history if "loss" in entry]
    _save(trainer.model, base, folder / ADAPTER)
    write_atomically(folder / CURVE, json.dumps(curve, indent=1))
    write_atomically(folder / ORDER, json.dumps([rows[n].id for n in order]))
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    files = [f"{ADAPTER}/{file.name}" for file in (folder / ADAPTER).iterdir()]
    return Outcome([*files, CURVE, ORDER], _counts(rows, order, curve, trainer))


def epoch_order(rows: int, epochs: float, seed: int) -> list[int]:
    """Return the row numbers in training order: a fresh seeded shuffle an epoch, the last one possibly in part.

    Depends on the number of rows, the epochs and the seed alone, so matched arms see the same ids in the same order.
    """
    shuffle, order = random.Random(seed), []
    for _ in range(math.ceil(epochs)):
        epoch = list(range(rows))
        shuffle.shuffle(epoch)
        order += epoch
    return order[: math.ceil(rows * epochs)]


def _steps(rows: int, settings: TrainSettings) -> int:
    return math.ceil(math.ceil(rows / settings.batch_size) / settings.accumulation)


def _trainer(rows: Sequence[TrainingRow], base: Base, settings: TrainSettings, seed: int, folder: Path) -> "SFTTrainer":
    from datasets import Dataset
    from transformers import set_seed
    from trl import SFTTrainer

    columns = {"input_ids": [row.input_ids for row in rows], "labels": [row.labels for row in rows]}
    set_seed(seed)  # LoRA's first values are drawn when the trainer wraps the model
    try:
        return SFTTrainer(
            model=load_model(base),
            args=_arguments(settings, _steps(len(rows), settings), seed, folder),
            train_dataset=Dataset.from_dict(columns),
            processing_class=load_tokenizer(base),
            peft_config=_lora(settings, base),
        )
    except ValueError as error:
        if "Target modules" not in str(error):
            raise
        raise ModelError(
            f"train.targets={list(settings.targets)} names no module of {base.name} ({' '.join(str(error).split())});"
            " use all-linear, or names such as q_proj."
        ) from None


def _lora(settings: TrainSettings, base: Base) -> "LoraConfig":
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=settings.targets if settings.targets == "all-linear" else list(settings.targets),
        bias="none",
        task_type="CAUSAL_LM",
        revision=base.revision,
    )


def _arguments(settings: TrainSettings, steps: int, seed: int, folder: Path) -> "SFTConfig":
    """Say everything to TRL that its defaults would lose or change in silence."""
    import torch
    from trl import SFTConfig

    gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(folder),
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulation,
        num_train_epochs=1,  # the rows come in training order, all epochs of them
        train_sampling_strategy="sequential",
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=int(settings.warmup * steps),  # the library rounds up: one step in one would train nothing
        max_length=None,  # rows are left out when too long, never cut
        packing=False,
        gradient_checkpointing=False,
        pad_to_multiple_of=8 if gpu else 1,
        bf16=gpu,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        seed=seed,
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=settings.checkpoint_steps,
        save_total_limit=2,  # the older one stays until the newer is whole
        report_to="none",
        disable_tqdm=True,
    )


def _callback(report: Any) -> Any:
    """Return the trainer callback that shows progress and marks checkpoints that were written whole."""
    from transformers import TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if logs and "loss" in logs:
                report(state.global_step, f"loss {logs['loss']:.3f}")

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "complete").touch()

    return Progress()


def _last_complete(folder: Path) -> str | None:
    """Return the newest checkpoint that was written whole, deleting any that a kill cut short."""
    whole = {}
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / "complete").is_file():
            whole[int(checkpoint.name.rsplit("-", 1)[1])] = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return str(whole[max(whole)]) if whole else None


def _check_changed(model: Any) -> None:
    """Refuse an adapter whose every B matrix is still zero: it answers exactly like its base."""
    norms = [float(p.detach().norm()) for name, p in model.named_parameters() if "lora_B" in name]
    if not norms or min(norms) == 0 or not all(math.isfinite(norm) for norm in norms):
        raise ModelError(
            f"Training left {sum(norm == 0 for norm in norms)} of {len(norms)} LoRA matrices at zero or not finite, so"
            " the adapter does not do what it was trained for; check train.learning_rate and train.targets."
        )


def _save(model: Any, base: Base, folder: Path) -> None:
    """Save the adapter as PEFT does, naming the base by its Hub id instead of a path on this machine."""
    config = model.peft_config["default"]
    config.base_model_name_or_path = base.hub
    config.target_modules = sorted(config.target_modules)  # a set: its order would change from run to run
    model.save_pretrained(str(folder), save_embedding_layers=False)
    load_tokenizer(base).save_pretrained(str(folder))
    identity = {"base": base.hub, "revision": base.revision, "fingerprint": base.fingerprint}
    write_atomically(folder / "warmtune.json", json.dumps(identity, indent=2))
    (folder / "README.md").unlink(missing_ok=True)  # the card is written when it has something to say


def _counts(rows: Sequence[TrainingRow], order: Sequence[int], curve: Sequence[Any], trainer: Any) -> dict[str, Any]:
    tokens = sum(len(rows[n].input_ids) for n in order)
    return {
        "rows": len(rows),
        "rows_seen": len(order),
        "steps": trainer.state.global_step,
        "tokens": tokens,
        "trained_tokens": sum(trained(rows[n]) for n in order),
        "first_loss": round(curve[0]["loss"], 4),
        "last_loss": round(curve[-1]["loss"], 4),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
    }
