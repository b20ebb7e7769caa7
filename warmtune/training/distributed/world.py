"""The processes that train together: which came up, compared with which were asked for."""

import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from warmtune.config.training_settings import LaunchSettings, TrainSettings
from warmtune.errors import LaunchError, nearest


@dataclass(frozen=True)
class World:
    """Where this process stands among those that train."""

    world_size: int
    """Number of processes, on all machines together."""
    rank: int
    """Number of this process, from 0."""
    device: str
    """cuda or cpu."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """What this way of launching adds to the trainer's arguments."""

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


_EXTRAS = {
    "deepspeed": "deepspeed",
    "liger_kernel": "liger",
}
"""The extra of this package that brings a library."""


def check_installed(settings: TrainSettings, launch: LaunchSettings) -> None:
    """Look for what the settings name: optional libraries, trackers, terms of the loss.

    Raises:
        LaunchError: a library or a tracker is missing; says how to get it.
        ModelError: a term of the loss is unknown.
    """
    if settings.report_to:
        check_trackers(settings.report_to)
    if settings.loss_terms:
        from warmtune.training.loss.term_registry import weighted_terms

        weighted_terms(settings.loss_terms)
    needed = ["deepspeed"] if launch.kind in ("zero2", "zero3") else []
    needed += ["liger_kernel"] if settings.use_liger_kernel else []
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        extras = ",".join(sorted({_EXTRAS[name] for name in missing}))
        raise LaunchError(
            f"The recipe asks for {', '.join(missing)}, which is not installed here;"
            f" `pip install 'warmtune[{extras}]'`, or leave it out of the recipe."
        )
    if settings.use_liger_kernel and device(launch) == "cpu":
        raise LaunchError("train.use_liger_kernel needs a GPU, for whose kernels Liger is; leave it out on the CPU.")


def check_trackers(names: Sequence[str]) -> None:
    """Look for the trackers among those of transformers, and whether each can be used here.

    Raises:
        LaunchError: a tracker is unknown, or it lacks its package or something else that it says.
    """
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    for name in names:
        if name not in INTEGRATION_TO_CALLBACK:
            hint, known = nearest(name, INTEGRATION_TO_CALLBACK), ", ".join(sorted(INTEGRATION_TO_CALLBACK))
            raise LaunchError(
                f"train.report_to names {name!r}, which transformers does not know.{hint} It knows {known}."
            )
        try:
            INTEGRATION_TO_CALLBACK[name]()
        except (RuntimeError, ValueError, ImportError) as error:
            raise LaunchError(
                f"train.report_to names {name}, which cannot be used here: {error} Or leave it out of the recipe."
            ) from None


def device(launch: LaunchSettings) -> str:
    """Return cuda or cpu.

    Raises:
        LaunchError: a GPU was asked for and there is none.
    """
    import torch

    if launch.device == "cuda" and not torch.cuda.is_available():
        raise LaunchError(
            "launch.device is cuda, but PyTorch finds no GPU here (`warmtune doctor` shows what it finds); use"
            " launch.device=cpu, or a machine and a PyTorch with CUDA."
        )
    return "cuda" if launch.device != "cpu" and torch.cuda.is_available() else "cpu"


def processes_here(launch: LaunchSettings) -> int:
    """Return how many processes are wanted on this machine."""
    import torch

    if launch.nproc_per_node is not None:
        return launch.nproc_per_node
    return torch.cuda.device_count() if device(launch) == "cuda" else 1


def world(launch: LaunchSettings) -> World:
    """Return this process's place, having compared what came up with what was asked for.

    Raises:
        LaunchError: the number of processes is another.
    """
    world_size = int(os.environ.get("WORLD_SIZE", "1")) if launch.kind != "single" else 1
    expected = processes_here(launch) * launch.nnodes if launch.kind != "single" else 1
    if world_size != expected:
        raise LaunchError(
            f"launch.kind={launch.kind} asks for {expected} processes, but {world_size} came up: the launcher"
            " fell back. Check launch.nproc_per_node and launch.nnodes, and that no accelerate settings of the"
            " environment"
            " interfere."
        )
    rank = int(os.environ.get("RANK", "0")) if launch.kind != "single" else 0
    return World(world_size, rank, device(launch), {"ddp_timeout": launch.timeout})
