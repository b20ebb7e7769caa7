"""What is done while a training runs: show its progress, mark whole checkpoints, keep adapters after some epochs."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from warmtune.errors import LaunchError

Report = Callable[..., None]


class Progress(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Shows the loss, the speed, and the model FLOPs utilization (MFU): the share of the peak that training reaches."""

    def __init__(
        self, report: Report, tokens_per_step: Sequence[int], flops_per_token: float, peak_flops: float
    ) -> None:
        """Take what the speed is found from.

        Args:
            report: shows the number of finished steps and a note.
            tokens_per_step: of every optimizer step, all processes together.
            flops_per_token: floating-point operations per token, forward and back.
            peak_flops: what the devices of all processes reach in matrix products, operations per second; 0: unknown.
        """
        self.report, self.tokens_per_step = report, tokens_per_step
        self.flops_per_token, self.peak_flops = flops_per_token, peak_flops
        self.seconds, self.tokens, self.started = 0.0, 0, 0.0
        self.last_tokens_per_second = 0.0
        """Of the step that has just ended."""

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the time."""
        self.started = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add up time and tokens."""
        seconds, tokens = time.monotonic() - self.started, self.tokens_per_step[state.global_step - 1]
        self.seconds, self.tokens = self.seconds + seconds, self.tokens + tokens
        self.last_tokens_per_second = tokens / seconds

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Show where training stands."""
        if logs and "loss" in logs:
            mfu = f", {self.mfu:.0%} MFU" if self.peak_flops else ""
            note = f"loss {logs['loss']:.3f}, {self.tokens_per_second:.0f} tokens/s{mfu}"
            self.report(state.global_step, note)

    @property
    def tokens_per_second(self) -> float:
        """The mean over all steps so far."""
        return self.tokens / self.seconds if self.seconds else 0.0

    @property
    def mfu(self) -> float:
        """The share of the peak that training has reached so far."""
        return self.tokens_per_second * self.flops_per_token / self.peak_flops if self.peak_flops else 0.0


class MarkCheckpointComplete(TrainerCallback):  # type: ignore[misc]
    """Marks the checkpoints that were written completely."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Leave a mark that only a complete checkpoint has."""
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "complete").touch()


class SaveAtEpochs(TrainerCallback):  # type: ignore[misc]
    """Saves the adapter after some epochs, each in a folder of its own."""

    def __init__(self, folders: Mapping[int, Path], save: Callable[[Path], None]) -> None:
        """Take the folders by step, and a function that saves an adapter; all processes call it together."""
        self.folders, self.save = folders, save

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Save the adapter where this step ends one of the epochs."""
        if (folder := self.folders.get(state.global_step)) is not None:
            self.save(folder)


class CheckWrapper(TrainerCallback):  # type: ignore[misc]
    """Compares what wraps the model with `launch.kind`: a launcher that fell back would go unnoticed."""

    def __init__(self, kind: str, wrapped: Callable[[], object]) -> None:
        """Take the kind of launch, and a function that returns the wrapped model once training begins."""
        self.kind, self.wrapped = kind, wrapped

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop a training that is not the one asked for."""
        found = {base.__name__ for base in type(self.wrapped()).__mro__}
        wrappers = {"ddp": "DistributedDataParallel", "fsdp": "FSDPModule", "zero2": "DeepSpeedEngine"}
        expected = wrappers.get(self.kind.replace("zero3", "zero2"))
        if expected is not None and expected not in found:
            raise LaunchError(
                f"launch.kind={self.kind} was asked for, but the model is wrapped as {type(self.wrapped()).__name__};"
                " the launcher fell back. Check the installed accelerate, torch and deepspeed."
            )
