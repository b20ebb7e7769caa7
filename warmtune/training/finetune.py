"""The stage `train`: rows into an adapter, by TRL's trainer with PEFT's adapters, in one process or many."""

import json
import math
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.errors import LaunchError, ModelError
from warmtune.io.schemas import TrainingRow, read
from warmtune.models.base import load_tokenizer
from warmtune.runs.store import StageOutput, write_atomically
from warmtune.system.console import print_status, progress
from warmtune.training.distributed.job import Job
from warmtune.training.lora_adapter import check_changed, with_adapter
from warmtune.training.row_order import epoch_order, group_by_length, pad_to_multiple
from warmtune.training.rows import num_loss_tokens

if TYPE_CHECKING:
    from warmtune.training.callbacks import Progress
    from warmtune.training.distributed.world import World
    from warmtune.training.trainer import RowTrainer

ADAPTER = "adapter"
EPOCHS = "epochs"
CURVE = "curve.json"
ORDER = "order.json"
_CURVE = ("step", "loss", "grad_norm", "learning_rate")


def train(job: Job) -> StageOutput:
    """Train one adapter and write `adapter/`, `curve.json` and `order.json` (the ids in the order they were seen).

    Adapters that the settings keep after some epochs go to `epochs/EPOCH/`, and each step's metrics to `metrics.jsonl`
    while the training runs. Goes on from the last complete checkpoint
    in the folder. The same rows, settings, seed and machine give the same bytes, interrupted or not.

    Raises:
        ModelError: when LoRA fits none of the model's modules, or when the trained adapter changes nothing.
        LaunchError: the processes that came up are not those asked for, or one of them or the GPU died.
    """
    if job.launch.kind == "single":
        from warmtune.training.kernels.malloc import keep_freed_memory

        try:
            with keep_freed_memory():
                return carry_out(job)
        except RuntimeError as error:
            if "CUDA error" not in str(error):
                raise
            raise LaunchError(
                f"The GPU failed while training ({str(error).splitlines()[0]}); look at `nvidia-smi`, and run the same"
                " command again: it goes on from the last checkpoint."
            ) from error
    from warmtune.training.distributed.launch import launched

    return launched(job)


def carry_out(job: Job) -> StageOutput:
    """Train in this process, one of those that were launched; only the first writes."""
    from warmtune.training.distributed.world import world

    here = world(job.launch)
    rows = read(job.rows, TrainingRow)
    order = _order(rows, job)
    trainer, shown = _trainer([rows[n] for n in order], job, here)
    with progress(job.title, trainer.state.max_steps) as report:
        shown.report = report if here.is_main else lambda *_: None
        trainer.train(resume_from_checkpoint=_last_complete(job.checkpoints, here))
    save(trainer, job, job.folder / ADAPTER)
    if not here.is_main:
        return StageOutput([])
    return _finish(trainer, shown, rows, order, job)


def _order(rows: Sequence[TrainingRow], job: Job) -> list[int]:
    order = epoch_order(len(rows), job.settings.epochs, job.seed)
    if job.settings.group_by_length:
        order = group_by_length(order, [row.length for row in rows], job.settings.batch_size, job.seed)
    return order


def _trainer(rows: Sequence[TrainingRow], job: Job, here: "World") -> "tuple[RowTrainer, Progress]":
    from datasets import Dataset

    from warmtune.training.callbacks import Progress
    from warmtune.training.kernels.fused_lora import fuse
    from warmtune.training.loss.term_registry import weighted_terms
    from warmtune.training.preflight import check_room, padding, prove_separate, try_longest
    from warmtune.training.speed import EXPECTED_MFU, compile_layers, compiles, flops_per_token, measured_peak_flops
    from warmtune.training.trainer import RowTrainer
    from warmtune.training.training_arguments import arguments, total_steps

    check_room(rows, job, here)
    settings, steps = job.settings, total_steps(len(rows), job.settings, here.world_size)
    tokenizer = load_tokenizer(job.base)
    os.environ.setdefault("TENSORBOARD_LOGGING_DIR", str(job.folder / "tensorboard"))  # not among the checkpoints
    pad = padding(tokenizer, rows[0])
    args = arguments(settings, steps, job.seed, job.checkpoints, job.title, here.device, pad, **here.arguments)
    model = with_adapter(job.base, settings, job.seed, here.device)
    flops = flops_per_token(model, rows)
    all_rows = pad_to_multiple(rows, settings.batch_size * here.world_size) if here.world_size > 1 else list(rows)
    columns = {"input_ids": [row.input_ids for row in all_rows], "labels": [row.labels for row in all_rows]}
    trainer = RowTrainer(
        model=model,
        terms=weighted_terms(settings.loss_terms),
        args=args,
        train_dataset=Dataset.from_dict(columns),
        processing_class=tokenizer,
    )
    for parameter in (p for p in trainer.model.parameters() if p.requires_grad):
        parameter.data = parameter.data.float()  # TRL puts adapters over a quantized base into bf16
    if job.launch.kind in ("single", "ddp"):
        fuse(trainer.model)
        if settings.packing:
            prove_separate(trainer.model, rows)
        if here.device == "cuda":
            try_longest(trainer, rows, job)
    trainer.state.max_steps = steps
    size = settings.batch_size * settings.gradient_accumulation_steps * here.world_size
    tokens = [sum(len(row.input_ids) for row in rows[n : n + size]) for n in range(0, len(rows), size)]
    peak = measured_peak_flops(here.device) * here.world_size
    if compiles(settings.compile, here.device, sum(tokens) * flops / peak / EXPECTED_MFU[here.device]):
        print_status(f"  {job.title}: compiling {compile_layers(trainer.model.get_base_model())} layers")
    trainer.progress = Progress(lambda *_: None, tokens, flops, peak)
    _add_callbacks(trainer, trainer.progress, job, here, steps)
    return trainer, trainer.progress


def _add_callbacks(trainer: "RowTrainer", shown: "Progress", job: Job, here: "World", steps: int) -> None:
    from transformers.trainer_callback import PrinterCallback

    from warmtune.training.callbacks import CheckWrapper, MarkCheckpointComplete, SaveAtEpochs
    from warmtune.training.metrics import METRICS, WriteMetrics

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(shown)
    trainer.add_callback(WriteMetrics(job.folder / METRICS, job.settings.epochs))
    trainer.add_callback(MarkCheckpointComplete())
    if here.world_size > 1:
        trainer.add_callback(CheckWrapper(job.launch.kind, lambda: trainer.model_wrapped))
    folders = {step: job.folder / EPOCHS / f"{epoch:g}" for epoch, step in kept_steps(job, steps).items()}
    trainer.add_callback(SaveAtEpochs(folders, lambda folder: save(trainer, job, folder)))


def kept_steps(job: Job, steps: int) -> dict[float, int]:
    """Return the step after which each kept epoch's adapter is saved, by epoch; `steps` is the whole training's.

    Raises:
        ModelError: two epochs would be one step apart or less, so that they are the same adapter.
    """
    found = {epoch: max(1, round(steps * epoch / job.settings.epochs)) for epoch in job.settings.save_epochs}
    if len(set(found.values())) < len(found):
        raise ModelError(
            f"train.save_epochs={list(found)} would keep the same adapter twice: the whole training has {steps}"
            " steps; keep"
            " fewer epochs, or make steps smaller with train.batch_size and train.gradient_accumulation_steps."
        )
    return found


def _last_complete(folder: Path, here: "World") -> str | None:
    """Return the newest complete checkpoint, deleting any that a kill cut short."""
    complete = {}
    for checkpoint in folder.glob("checkpoint-*"):
        if (checkpoint / "complete").is_file():
            complete[int(checkpoint.name.rsplit("-", 1)[1])] = checkpoint
        elif here.is_main:
            shutil.rmtree(checkpoint)
    return str(complete[max(complete)]) if complete else None


def save(trainer: Any, job: Job, folder: Path) -> None:
    """Save the adapter as PEFT does, naming the base by its Hub id instead of a path on this machine.

    All processes call it, for where the model is shared out each holds a part; the first writes.
    """
    shared_out = job.launch.kind in ("fsdp", "zero3")
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if shared_out else None
    if not trainer.is_world_process_zero():
        return
    model = trainer.accelerator.unwrap_model(trainer.model, keep_torch_compile=False)
    config = model.peft_config["default"]
    config.base_model_name_or_path = job.base.hub
    config.target_modules = sorted(config.target_modules)  # a set: its order would change from run to run
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(str(folder), state_dict=state, save_embedding_layers=False)
    load_tokenizer(job.base).save_pretrained(str(folder))
    identity = {"base": job.base.hub, "revision": job.base.revision, "fingerprint": job.base.fingerprint}
    write_atomically(folder / "warmtune.json", json.dumps(identity, indent=2))
    (folder / "README.md").unlink(missing_ok=True)  # the card is written when it has something to say


def _finish(
    trainer: Any, shown: "Progress", rows: Sequence[TrainingRow], order: Sequence[int], job: Job
) -> StageOutput:
    from warmtune.training.metrics import METRICS, read_metrics

    curve = [
        {name: value for name, value in entry.items() if name in _CURVE or name.startswith("loss/")}
        for entry in read_metrics(job.folder / METRICS)
    ]
    if not all(math.isfinite(point["loss"]) for point in curve):
        raise ModelError(
            f"The loss was not a number from step {next(p['step'] for p in curve if not math.isfinite(p['loss']))} on;"
            " lower train.learning_rate, or use train.precision=fp32."
        )
    check_changed(trainer.model)
    write_atomically(job.folder / CURVE, json.dumps(curve, indent=1))
    write_atomically(job.folder / ORDER, json.dumps([rows[n].id for n in order]))
    shutil.rmtree(job.checkpoints, ignore_errors=True)
    folders = [job.folder / ADAPTER, *sorted((job.folder / EPOCHS).glob("*"))]
    files = [str(file.relative_to(job.folder)) for folder in folders for file in sorted(folder.iterdir())]
    return StageOutput([*files, CURVE, ORDER], _counts(trainer, shown, rows, order, curve))


def _counts(
    trainer: Any, shown: "Progress", rows: Sequence[TrainingRow], order: Sequence[int], curve: Sequence[Any]
) -> dict[str, Any]:
    return {
        "rows": len(rows),
        "rows_seen": len(order),
        "steps": trainer.state.global_step,
        "tokens": sum(len(rows[n].input_ids) for n in order),
        "trained_tokens": sum(num_loss_tokens(rows[n]) for n in order),
        "first_loss": round(curve[0]["loss"], 4),
        "last_loss": round(curve[-1]["loss"], 4),
        "trainable_parameters": sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        "tokens_per_second": round(shown.tokens_per_second, 1),
        "mfu": round(shown.mfu, 3),
    }
