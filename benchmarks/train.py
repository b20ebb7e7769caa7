"""Training side by side with TRL, and the memory estimate against what is measured; `make bench-train`.

`python train.py speed|memory` measures one part and keeps the other's figures. Every trainer runs in a process of its
own, in turns, on the same rows in the same order with the same adapter: fp32, no dropout (so that losses can be
compared), two cores.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from quickstart import document

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate")
RESULTS = Path(__file__).parent / "results" / "train.json"
TURNS = 2
ROWS = 96
BATCH, ACCUMULATION = 8, 2
WAYS = ("trl-default", "trl-best", "warmtune")
SHAPES: dict[str, tuple[int, int, int, int, dict[str, Any]]] = {
    "30M": (384, 1024, 8, 6, {}),
    "135M": (576, 1536, 30, 9, {}),
    "360M": (960, 2560, 32, 15, {}),
    "135M, batch 3": (576, 1536, 30, 9, {"batch_size": 3}),
    "135M, dora": (576, 1536, 30, 9, {"method": "dora"}),
    "360M, checkpointing": (960, 2560, 32, 15, {"gradient_checkpointing": True}),
}
"""Width, inner width, layers and heads of the models that the memory estimate is tried on, with random weights, and
what of the training's settings is different. The first three were looked at when the estimate's constants were set."""


def rows(count: int | None = ROWS) -> list[Any]:
    """Return ragged chat rows: embedded conversations with their original replies, by the embedded model's template."""
    from warmtune.config.compose import load
    from warmtune.io.schemas import CONVERSATIONS, Conversation, Rewrite, read
    from warmtune.models.base import load_tokenizer
    from warmtune.pipeline.context import RunContext
    from warmtune.pipeline.stages import run_stages
    from warmtune.training.rows import arms

    with tempfile.TemporaryDirectory() as store:
        run = RunContext(load("quickstart", [f"store={store}"]))
        prepared = run_stages(run, "prepare")["prepare"]
        conversations = read(prepared.folder / CONVERSATIONS, Conversation)
    same = [
        Rewrite(c.id, turn, "other", m["content"], m["content"], 1.0, "", 1, 0.0, 0.0)
        for c in conversations
        for turn, m in enumerate(c.messages)
        if m["role"] == "assistant"
    ]
    return arms(conversations, same, load_tokenizer(run.base), 2048).control[:count]


def one(way: str, file: Path) -> None:
    """Train once and print the figures as JSON."""
    from warmtune.config.compose import load
    from warmtune.models.base import locate

    if way == "warmtune":
        _say(*ours(job(file, {"batch_size": BATCH, "gradient_accumulation_steps": ACCUMULATION})))
        return
    split = {"trl-default": (BATCH, ACCUMULATION), "trl-best": (1, BATCH * ACCUMULATION)}[way]
    best = {} if way == "trl-default" else {"gradient_checkpointing": False, "dataloader_pin_memory": False}
    _say(*theirs(file, locate(load("quickstart", []).model), split, bf16=False, use_cpu=True, **best))


def theirs(file: Path, base: Any, split: tuple[int, int], **settings: Any) -> tuple[float, list[float]]:
    """Train with TRL's own trainer; return the seconds and the losses.

    Args:
        file: of rows.
        base: what is tuned.
        split: the batch, and how many of them make a step.
        settings: of TRL's that are not its defaults.
    """
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import set_seed
    from trl import SFTConfig, SFTTrainer

    from warmtune.io.schemas import TrainingRow, read
    from warmtune.models.base import load_model, load_tokenizer

    data = read(file, TrainingRow)
    args = SFTConfig(
        output_dir=str(file.parent / "theirs"),
        per_device_train_batch_size=split[0],
        gradient_accumulation_steps=split[1],
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        learning_rate=1e-4,
        lr_scheduler_type="constant",
        seed=1,  # of the adapter's first values, as ours
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **settings,
    )
    set_seed(1)
    trainer = SFTTrainer(
        model=load_model(base),
        args=args,
        train_dataset=Dataset.from_dict({n: [getattr(r, n) for r in data] for n in ("input_ids", "labels")}),
        processing_class=load_tokenizer(base),
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    return _timed(trainer)


def ours(job: Any) -> tuple[float, list[float]]:
    """Train with this project's trainer; return the seconds and the losses."""
    from warmtune.io.schemas import TrainingRow, read
    from warmtune.training import finetune
    from warmtune.training.distributed.world import world
    from warmtune.training.kernels.malloc import keep_freed_memory

    with keep_freed_memory():
        trainer, _ = finetune._trainer(read(job.rows, TrainingRow), job, world(job.launch))
        return _timed(trainer)


def _timed(trainer: Any) -> tuple[float, list[float]]:
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    return seconds, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def job(file: Path, changed: dict[str, Any]) -> Any:
    """Return a training of these rows on the embedded model."""
    from dataclasses import replace

    from warmtune.config.compose import load
    from warmtune.models.base import locate
    from warmtune.training import Job

    settings = load("quickstart", ["train.dropout=0", "train.lr_scheduler=constant", "train.warmup_ratio=0"])
    train = replace(settings.train, learning_rate=1e-4, epochs=1.0, save_steps=1000, **changed)
    (file.parent / "ours").mkdir(parents=True, exist_ok=True)
    return Job(file, locate(settings.model), train, settings.launch, 1, "Training", file.parent / "ours")


def _say(seconds: float, losses: list[float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": seconds, "losses": losses, "peak_gb": peak}))


def speed() -> dict[str, Any]:
    """Train with each way in turns, and compare."""
    from warmtune.io.schemas import TrainingRow, write
    from warmtune.training.rows import num_loss_tokens
    from warmtune.training.speed import measured_peak_flops

    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    rates, data = [], rows()
    tokens, loss = sum(len(row.input_ids) for row in data), sum(map(num_loss_tokens, data))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.parquet"
        write(file, TrainingRow, data)
        for turn in range(TURNS):
            for way in WAYS:
                rates.append(measured_peak_flops("cpu"))
                done = _run("one", way, str(file))
                found[way].append(done)
                print(f"turn {turn + 1}, {way}: {loss / done['seconds']:.1f} trained tokens/s", flush=True)
    seconds = {way: median(one["seconds"] for one in found[way]) for way in WAYS}
    losses = {way: found[way][0]["losses"] for way in WAYS}
    apart = max(abs(a - b) for way in WAYS for a, b in zip(losses[way], losses["warmtune"], strict=True))
    peaks = {way: max(one["peak_gb"] for one in found[way]) for way in WAYS}
    work = 4 * (106_168_320 + loss / tokens * 28_311_552)
    return {
        "rows": len(data),
        "tokens": tokens,
        "trained_tokens": loss,
        "trained_tokens_per_second": {way: round(loss / seconds[way], 1) for way in WAYS},
        "tokens_per_second": {way: round(tokens / seconds[way], 1) for way in WAYS},
        "seconds": {way: [round(one["seconds"], 1) for one in found[way]] for way in WAYS},
        "vs_trl_default": round(seconds["trl-default"] / seconds["warmtune"], 2),
        "vs_trl_best": round(seconds["trl-best"] / seconds["warmtune"], 2),
        "measured_peak_gflops": [round(rate / 1e9, 1) for rate in rates],
        "share_of_matmul": round(tokens * work / seconds["warmtune"] / median(rates), 3),
        "peak_gb": {way: round(peak, 2) for way, peak in peaks.items()},
        "peak_vs_trl_default": round(peaks["warmtune"] / peaks["trl-default"], 2),
        "losses": losses,
        "losses_apart": apart,
    }


def memory() -> dict[str, Any]:
    """Train a few steps of each model size and compare the peak with the estimate."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in SHAPES:
            found[name] = _run("peak", name, folder)
            print(name, found[name], flush=True)
    return compared(found)


def compared(found: dict[str, Any]) -> dict[str, Any]:
    """Return estimates and peaks with the errors of the estimates."""
    errors = {name: one["estimated_gb"] / one["peak_gb"] - 1 for name, one in found.items()}
    return {
        "memory": found,
        "memory_estimate_errors": {name: round(error, 3) for name, error in errors.items()},
        "memory_estimate_max_error": round(max(map(abs, errors.values())), 3),
    }


def peak(name: str, folder: str) -> None:
    """Train a model of some size with random weights for two steps and print estimate and peak."""
    from dataclasses import replace

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from warmtune.io.schemas import TrainingRow, write
    from warmtune.models.base import load_tokenizer
    from warmtune.training import train
    from warmtune.training.memory_estimate import GB, estimate, longest_batch
    from warmtune.training.model_shape import shape_of
    from warmtune.training.row_order import epoch_order

    data, home = rows()[: 2 * BATCH], Path(folder) / name
    width, inner, layers, heads, changed = SHAPES[name]
    made = job(home / "rows.parquet", {"batch_size": BATCH, "gradient_accumulation_steps": 1, "dropout": 0.1} | changed)
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(1, heads // 3),
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(home / "model")
    load_tokenizer(made.base).save_pretrained(home / "model")
    write(home / "rows.parquet", TrainingRow, data)
    (home / "out").mkdir()
    made = replace(made, base=replace(made.base, folder=home / "model"), folder=home / "out")
    order = [data[n] for n in epoch_order(len(data), 1.0, 1)]
    longest, loss = longest_batch(order, made.settings)
    guess = estimate(
        shape_of(made.base),
        made.settings,
        made.launch,
        world_size=1,
        device="cpu",
        tokens=longest,
        loss_tokens=loss,
    )
    _forked(lambda: train(made))
    highest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(json.dumps({"estimated_gb": round(guess.peak / GB, 3), "peak_gb": highest, "longest_batch": longest}))


def _forked(work: Any) -> None:
    """Do the work in a fresh process, whose peak is its own."""
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _run(*arguments: str) -> Any:
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main(parts: list[str]) -> None:
    """Measure the parts named, or all, and write the results."""
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    for part in parts or ["speed", "memory"]:
        figures |= {"speed": speed, "memory": memory}[part]()
        RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["one", way, file]:
            one(way, Path(file))
        case ["peak", name, folder]:
            peak(name, folder)
        case parts:
            main(parts)
