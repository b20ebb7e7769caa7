"""`warmtune doctor`: check whether this machine can run the quickstart, by trying each part."""

import os
import shutil
from importlib import metadata
from pathlib import Path

import psutil

from warmtune.errors import UserError
from warmtune.runs.keys import LIBRARIES, optional_version

_MORE = ("bitsandbytes", "datasets", "hydra-core")
_OPTIONAL = ("deepspeed", "liger-kernel", "vllm", "detoxify", "wandb", "mlflow", "trackio", "tensorboard")
_NEEDED_GB = 6.0
_NEEDED_DISK_GB = 2.0
_Row = tuple[str, str]


def examine() -> int:
    """Print the machine's setup; return 0 if the quickstart can run here, and 2 if something is missing."""
    problems: list[str] = []
    rows = [(name, metadata.version(name)) for name in (*LIBRARIES, *_MORE)]
    optional = [f"{name} {value}" for name in _OPTIONAL if (value := optional_version(name))]
    rows.append(("optional libraries", ", ".join(optional) or "none"))
    rows.append(("processor", f"{len(os.sched_getaffinity(0))} cores"))
    rows += [_memory(problems), _disk(problems), _accelerator(), _model(problems), _guard(problems)]
    for name, value in rows:
        print(f"{name:<24}{value}")
    for problem in problems:
        print(f"- {problem}")
    print("The quickstart can run here." if not problems else "The quickstart cannot run here yet.")
    return 2 if problems else 0


def _memory(problems: list[str]) -> _Row:
    memory = psutil.virtual_memory()
    whole, free = memory.total / 1e9, memory.available / 1e9
    if whole < _NEEDED_GB:
        problems.append(f"The machine has {whole:.1f} GB of memory; the quickstart needs {_NEEDED_GB:.0f} GB.")
    return "memory", f"{whole:.1f} GB, {free:.1f} GB free"


def _disk(problems: list[str]) -> _Row:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free < _NEEDED_DISK_GB:
        problems.append(f"The disk has {free:.1f} GB free; the quickstart needs {_NEEDED_DISK_GB:.0f} GB.")
    return "disk", f"{free:.1f} GB free in {Path.cwd()}"


def _accelerator() -> _Row:
    import torch

    names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
    return "GPU", ", ".join(names) or "none; training and answering run on the CPU"


def _model(problems: list[str]) -> _Row:
    from warmtune.config.compose import load
    from warmtune.models.base import load_tokenizer, locate

    try:
        base = locate(load("quickstart", []).model)
        load_tokenizer(base)
    except UserError as error:
        problems.append(str(error))
        return "quickstart's model", "not found"
    return "quickstart's model", f"{base.hub} in {base.folder}"


def _guard(problems: list[str]) -> _Row:
    from warmtune.rewriting.guard.embedding import embedder

    try:
        embedder()
    except UserError as error:
        problems.append(str(error))
        return "guard's sentence model", "not found"
    return "guard's sentence model", "found"
