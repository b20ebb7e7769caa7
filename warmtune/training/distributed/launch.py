"""Several processes for one training, through accelerate's launcher."""

import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from warmtune import errors
from warmtune.config.training_settings import LaunchSettings
from warmtune.errors import LaunchError, UserError
from warmtune.runs.store import StageOutput
from warmtune.system.child_process import end_with_parent
from warmtune.training.distributed.job import Job
from warmtune.training.distributed.world import device, processes_here

_LOG = logging.getLogger(__name__)

OUTCOME = "outcome.json"
FAILED = "failed-{rank}.json"
CONFIG = "accelerate-{node}.yaml"
LOG = "launch-{node}.log"
_LINES = 12
_ENDED = re.compile(r"rank\s*: (\d+) \(.*\n\s*exitcode\s*: -(\d+) ")
"""A process that was ended by a signal, in the launcher's report, which names the first to fail last."""


def launched(job: Job) -> StageOutput:
    """Train in the processes that the settings ask for, and return what the first of them reports.

    Raises:
        UserError: of the kind that a process ended with.
        LaunchError: a process died otherwise; the others are stopped, and its last words are in the message.
    """
    if job.launch.node_rank == 0:
        for old in (*job.folder.glob("failed-*.json"), job.folder / OUTCOME):
            old.unlink(missing_ok=True)
    config, log = (job.folder / name.format(node=job.launch.node_rank) for name in (CONFIG, LOG))
    config.write_text(yaml.safe_dump(accelerate_config(job.launch)))
    command = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command += ["-m", "warmtune.training.distributed.worker", str(job.write())]
    _LOG.info("starting %d processes here (%s), output in %s", processes_here(job.launch), " ".join(command), log)
    with log.open("w") as said:
        process = subprocess.Popen(command, env=_environment(), stderr=said, preexec_fn=end_with_parent)
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        raise failure(job, code)
    if job.launch.node_rank > 0:
        return StageOutput([])
    found = json.loads((job.folder / OUTCOME).read_text())
    return StageOutput(found["files"], found["counts"])


def accelerate_config(launch: LaunchSettings) -> dict[str, Any]:
    """Return accelerate's settings for a way of launching; every one that could be guessed otherwise is said."""
    cpu = device(launch) == "cpu"
    here = processes_here(launch)
    if launch.kind in ("fsdp", "zero2", "zero3") and cpu:
        raise LaunchError(
            f"launch.kind={launch.kind} shares the model out among GPUs, but training would be on the CPU, where"
            " accelerate falls back to plain copies without a word; use launch=ddp there."
        )
    _check_port(launch)
    found: dict[str, Any] = {
        "compute_environment": "LOCAL_MACHINE",
        # On the CPU too: with MULTI_CPU accelerate starts one process. `use_cpu` is what decides the device.
        "distributed_type": {"ddp": "MULTI_GPU", "fsdp": "FSDP"}.get(launch.kind, "DEEPSPEED"),
        "num_machines": launch.nnodes,
        "num_processes": here * launch.nnodes,
        "machine_rank": launch.node_rank,
        "main_process_ip": launch.master_addr,
        "main_process_port": launch.master_port or _free_port(),
        "mixed_precision": "no",  # the trainer's own setting decides
        "use_cpu": cpu,
        "rdzv_backend": "static",
        "same_network": True,
        "main_training_function": "main",
        "downcast_bf16": "no",
    }
    if launch.kind == "fsdp":
        found["fsdp_config"] = {
            "fsdp_version": 2,
            "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
            "fsdp_reshard_after_forward": True,
            "fsdp_state_dict_type": "FULL_STATE_DICT",
            "fsdp_offload_params": launch.offload,
            "fsdp_cpu_ram_efficient_loading": True,
            "fsdp_activation_checkpointing": False,
        }
    if launch.kind in ("zero2", "zero3"):
        where = "cpu" if launch.offload else "none"
        found["deepspeed_config"] = {
            "zero_stage": int(launch.kind[-1]),
            "offload_optimizer_device": where,
            "offload_param_device": where if launch.kind == "zero3" else "none",
            "zero3_init_flag": launch.kind == "zero3",
            "zero3_save_16bit_model": launch.kind == "zero3",
        }
    return found


def _check_port(launch: LaunchSettings) -> None:
    if launch.nnodes > 1 and launch.master_port is None:
        raise LaunchError(
            f"launch.nnodes={launch.nnodes} needs a port that every machine knows; give launch.master_port=29500 or"
            " another."
        )
    if launch.master_port is None or launch.node_rank > 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", launch.master_port))
        except OSError as error:
            raise LaunchError(
                f"The port {launch.master_port} (launch.master_port) cannot be had on this machine"
                f" ({error.strerror}); another"
                " training may be using it. Choose another, or leave it out on a single machine."
            ) from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """Return the environment without what accelerate or torchrun would take from it unasked."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith(("ACCELERATE_", "FSDP_"))}
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        mine.pop(name, None)
    return mine


def failure(job: Job, code: int) -> UserError:
    """Return the error that a process left behind, or one that says which died without a word and what others left."""
    log = job.folder / LOG.format(node=job.launch.node_rank)
    left = [json.loads(file.read_text()) for file in sorted(job.folder.glob(FAILED.format(rank="*")))]
    for said in left:
        kind = getattr(errors, said["kind"], None)
        if isinstance(kind, type) and issubclass(kind, UserError):
            return kind(said["message"])
    words = [
        *(f"Process {rank} of the training was {_ended(number)}." for rank, number in _signals(log)),
        *(f"Process {said['rank']} of the training died with {said['kind']}: {said['message']}" for said in left),
    ] or [f"A process of the training could not start (exit code {code})."]
    return LaunchError(
        f"{' '.join(words)} The others were stopped. The end of {log}: {_last_words(log)} The same command goes on from"
        " the last checkpoint."
    )


def _signals(log: Path) -> list[tuple[int, int]]:
    """Return rank and signal of the processes that the launcher's report says were ended by one, the first first."""
    text = log.read_text(errors="replace")
    found = [(int(rank), int(number)) for rank, number in _ENDED.findall(text)]
    return [(rank, number) for rank, number in reversed(found) if number != signal.SIGTERM]  # it stops the others so


def _ended(number: int) -> str:
    """Return how a process was ended by a signal, and what commonly sends it."""
    reason = ", as the system does where memory runs out" if number == signal.SIGKILL else ""
    return f"ended by signal {number} ({signal.Signals(number).name}) without a word{reason}"


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip(" =-")]
    return " / ".join(lines[-_LINES:]) or "(nothing)"
