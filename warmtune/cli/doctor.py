"""`warmtune doctor`: whether this machine can run it, checked by doing, not by guessing."""

import os
import shutil
from importlib import metadata
from pathlib import Path

from rich.console import Console
from rich.table import Table

from warmtune.errors import UserError
from warmtune.runs.keys import LIBRARIES, optional_version

_MORE = ("bitsandbytes", "datasets", "hydra-core")
_OPTIONAL = ("deepspeed", "liger-kernel", "vllm", "detoxify", "wandb", "mlflow", "trackio", "tensorboard")
_NEEDED_GB = 6.0
_NEEDED_DISK_GB = 2.0


def examine() -> int:
    """Print what was found; return 0 when the quickstart can run here and 2 when something it needs is missing."""
    table = Table(box=None, pad_edge=False, show_header=False)
    problems: list[str] = []
    for name in (*LIBRARIES, *_MORE):
        table.add_row(name, metadata.version(name))
    optional = [f"{name} {found}" for name in _OPTIONAL if (found := optional_version(name))]
    table.add_row("optional libraries", ", ".join(optional) or "none")
    cores = len(os.sched_getaffinity(0))
    table.add_row("processor", f"{cores} cores")
    _memory(table, problems)
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    table.add_row("disk", f"{free:.1f} GB free in {Path.cwd()}")
    if free < _NEEDED_DISK_GB:
        problems.append(f"The disk has {free:.1f} GB free; the quickstart needs {_NEEDED_DISK_GB:.0f} GB.")
    _accelerator(table)
    _model(table, problems)
    _guard(table, problems)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for problem in problems:
        console.print(f"- {problem}", markup=False)
    console.print("The quickstart can run here." if not problems else "The quickstart cannot run here yet.")
    return 2 if problems else 0


def _memory(table: Table, problems: list[str]) -> None:
    pages = {key: os.sysconf(key) for key in ("SC_PAGE_SIZE", "SC_PHYS_PAGES", "SC_AVPHYS_PAGES")}
    whole = pages["SC_PAGE_SIZE"] * pages["SC_PHYS_PAGES"] / 1e9
    free = pages["SC_PAGE_SIZE"] * pages["SC_AVPHYS_PAGES"] / 1e9
    table.add_row("memory", f"{whole:.1f} GB, {free:.1f} GB free")
    if whole < _NEEDED_GB:
        problems.append(f"The machine has {whole:.1f} GB of memory; the quickstart needs {_NEEDED_GB:.0f} GB.")


def _accelerator(table: Table) -> None:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        table.add_row("GPU", ", ".join(names))
    else:
        table.add_row("GPU", "none; training and answering run on the CPU")


def _guard(table: Table, problems: list[str]) -> None:
    from warmtune.rewriting.guard.embedding import embedder

    try:
        embedder()
        table.add_row("guard's sentence model", "found")
    except UserError as error:
        table.add_row("guard's sentence model", "not found")
        problems.append(str(error))


def _model(table: Table, problems: list[str]) -> None:
    from warmtune.config.compose import load
    from warmtune.models.base import load_tokenizer, locate

    try:
        base = locate(load("quickstart", []).model)
        load_tokenizer(base)
        table.add_row("quickstart's model", f"{base.hub} in {base.folder}")
    except UserError as error:
        table.add_row("quickstart's model", "not found")
        problems.append(str(error))
