"""Training on one GPU side by side with TRL, and the memory estimate against what is measured; `make bench-train-gpu`.

`python train_gpu.py 135M|8B|memory` measures one part and keeps the other's figures. Models have random weights and the
shape of known ones, so nothing is downloaded; rows are embedded conversations joined to ragged rows of up to 1,024
tokens. bf16, no dropout in the comparison, every training in a process of its own.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import train
from quickstart import document

LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes")
RESULTS = Path(__file__).parent / "results" / "train_gpu.json"
SHAPES = {
    "135M": (576, 1536, 30, 9, 3, 49152, True),
    "1B": (2048, 8192, 16, 32, 8, 128256, True),
    "8B": (4096, 14336, 32, 32, 8, 128256, False),
}
"""Width, inner width, layers, heads, key heads, vocabulary, tied: SmolLM2-135M, Llama-3.2-1B, Llama-3.1-8B."""
SPEED: dict[str, tuple[int, int]] = {"135M": (512, 2), "8B": (192, 1)}
"""Rows and turns of the comparison."""
BATCH, ACCUMULATION = 4, 4
LONGEST = 1024
WAYS = ("trl-default", "trl-best", "warmtune")
MEMORY: dict[str, tuple[str, dict[str, Any]]] = {
    "135M": ("135M", {}),
    "1B": ("1B", {}),
    "8B": ("8B", {}),
    "8B, checkpointing": ("8B", {"gradient_checkpointing": True}),
    "8B, qlora": ("8B", {"quantization": "nf4", "optimizer": "adamw-8bit", "gradient_checkpointing": True}),
    "1B, dora": ("1B", {"method": "dora"}),
    "1B, padded": ("1B", {"packing": False}),
}
GB = 1e9


def main(parts: list[str]) -> None:
    """Measure the parts named, or all, and write the results."""
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")  # as the command line has it
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("There is no GPU here; `make bench-train` measures on the CPU.")
    figures = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else {}
    figures["gpu"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        for part in parts or [*SPEED, "memory"]:
            figures |= memory(Path(folder)) if part == "memory" else {part: speed(part, Path(folder))}
            RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


def rows(count: int) -> list[Any]:
    """Return ragged rows of up to LONGEST tokens: one to eight conversations one after another."""
    from dataclasses import replace

    short, at = train.rows(None), 0
    found: list[Any] = []
    while len(found) < count:
        joined = short[at % len(short)]
        for n in range(1, 1 + len(found) % 8):
            more = short[(at + n) % len(short)]
            if len(joined.input_ids) + len(more.input_ids) <= LONGEST:
                joined = replace(
                    joined, input_ids=[*joined.input_ids, *more.input_ids], labels=[*joined.labels, *more.labels]
                )
        found.append(replace(joined, id=f"row-{len(found)}"))
        at += 1 + len(found) % 8
    return found


def model(name: str, folder: Path) -> Path:
    """Write a model of this shape with random weights, once; return its folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from warmtune.config.compose import load
    from warmtune.models.base import load_tokenizer, locate

    home = folder / f"model-{name}"
    if home.exists():
        return home
    width, inner, layers, heads, keys, vocabulary, tied = SHAPES[name]
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=keys,
        tie_word_embeddings=tied,
        max_position_embeddings=8192,
    )
    torch.manual_seed(0)
    with torch.device("cuda"):
        LlamaForCausalLM._from_config(config, dtype=torch.bfloat16).save_pretrained(home)
    load_tokenizer(locate(load("quickstart", []).model)).save_pretrained(home)
    torch.cuda.empty_cache()
    return home


def job(file: Path, home: Path, changed: dict[str, Any]) -> Any:
    """Return a training of these rows on this model."""
    from dataclasses import replace

    made = train.job(file, changed)
    return replace(made, base=replace(made.base, folder=home))


def speed(name: str, folder: Path) -> dict[str, Any]:
    """Train a model of this shape with each way in turns, and compare."""
    from warmtune.io.schemas import TrainingRow, write
    from warmtune.training.model_shape import shape_of
    from warmtune.training.rows import num_loss_tokens
    from warmtune.training.speed import measured_peak_flops

    count, turns = SPEED[name]
    data, home, file = rows(count), model(name, folder), folder / f"rows-{name}.parquet"
    write(file, TrainingRow, data)
    shape = shape_of(job(file, home, {}).base)
    tokens, loss = sum(len(row.input_ids) for row in data), sum(map(num_loss_tokens, data))
    work = 4 * (tokens * sum(i * o for _, i, o in shape.linear) + loss * shape.vocabulary * shape.width)
    done: dict[str, list[Any]] = {way: [] for way in WAYS}
    for _ in range(turns):
        for way in WAYS:
            done[way].append(run("one", way, file, home))
            print(f"{name}, {way}: {loss / done[way][-1]['seconds']:,.0f} trained tokens/s", flush=True)
    seconds = {way: median(one["seconds"] for one in all) for way, all in done.items()}
    losses = {way: done[way][0]["losses"] for way in WAYS}
    rate = measured_peak_flops("cuda", 20)
    return {
        "rows": len(data),
        "tokens": tokens,
        "trained_tokens": loss,
        "trained_tokens_per_second": {way: round(loss / seconds[way]) for way in WAYS},
        "tokens_per_second": {way: round(tokens / seconds[way]) for way in WAYS},
        "seconds": {way: [round(one["seconds"], 2) for one in all] for way, all in done.items()},
        "vs_trl_default": round(seconds["trl-default"] / seconds["warmtune"], 2),
        "vs_trl_best": round(seconds["trl-best"] / seconds["warmtune"], 2),
        "measured_peak_tflops": round(rate / 1e12, 1),
        "share_of_matmul": round(work / seconds["warmtune"] / rate, 3),
        "peak_gb": {way: round(max(one["peak_gb"] for one in all), 2) for way, all in done.items()},
        "losses": losses,
        "losses_apart": max(abs(a - b) for way in WAYS for a, b in zip(losses[way], losses["warmtune"], strict=True)),
    }


def one(way: str, file: Path, home: Path) -> None:
    """Train once and print the figures as JSON."""
    if way == "warmtune":
        os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    import torch

    made = job(file, home, {"batch_size": BATCH, "gradient_accumulation_steps": ACCUMULATION})
    split = (BATCH, ACCUMULATION)
    match way:
        case "warmtune":
            seconds, losses = train.ours(made)
        case "trl-best":
            best = {"gradient_checkpointing": False, "use_liger_kernel": True}
            seconds, losses = train.theirs(file, made.base, split, **best)
        case _:
            seconds, losses = train.theirs(file, made.base, split)
    peak = torch.cuda.max_memory_reserved() / GB
    print(json.dumps({"seconds": seconds, "losses": losses, "peak_gb": peak}))


def memory(folder: Path) -> dict[str, Any]:
    """Train a few steps with each setting and compare the peak with the estimate."""
    from warmtune.io.schemas import TrainingRow, write

    file, found = folder / "rows.parquet", {}
    write(file, TrainingRow, rows(24))
    for name, (shape, changed) in MEMORY.items():
        found[name] = run("peak", json.dumps(changed), file, model(shape, folder))
        print(name, found[name], flush=True)
    return train.compared(found)


def peak(changed: str, file: Path, home: Path) -> None:
    """Train; print the estimate, and the most that was taken on the GPU, the CUDA context included."""
    os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    import torch

    from warmtune.io.schemas import TrainingRow, read
    from warmtune.training.memory_estimate import describe, estimate, longest_batch
    from warmtune.training.model_shape import shape_of

    made = job(
        file, home, {"batch_size": BATCH, "gradient_accumulation_steps": 1, "dropout": 0.1} | json.loads(changed)
    )
    longest, loss = longest_batch(read(file, TrainingRow), made.settings)
    guess = estimate(
        shape_of(made.base),
        made.settings,
        made.launch,
        world_size=1,
        device="cuda",
        tokens=longest,
        loss_tokens=loss,
    )
    train.ours(made)
    free, whole = torch.cuda.mem_get_info()
    context = whole - free - torch.cuda.memory_reserved()
    found = {
        "estimated_gb": round(guess.total / GB, 2),
        "peak_gb": round((torch.cuda.max_memory_reserved() + context) / GB, 2),
        "allocated_gb": round(torch.cuda.max_memory_allocated() / GB, 2),
        "context_gb": round(context / GB, 2),
        "longest_batch": longest,
        "parts_gb": describe(guess),
    }
    print(json.dumps(found))


def run(*arguments: Any) -> Any:
    """Run this file in a process of its own and return what it printed last, read as JSON."""
    command = [sys.executable, __file__, *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTORCH_ALLOC_CONF"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["one", way, file, home]:
            one(way, Path(file), Path(home))
        case ["peak", changed, file, home]:
            peak(changed, Path(file), Path(home))
        case parts:
            main(parts)
