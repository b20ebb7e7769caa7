"""What happens on the way of a training: progress, whole checkpoints, adapters kept after some epochs."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from warmtune.errors import LaunchError

Report = Callable[..., None]


class Progress(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Shows the loss, the speed and its share of what the machine's matrix products could give."""

    def __init__(self, report: Report, tokens: Sequence[int], work: float, rate: float) -> None:
        """Take what is needed to tell the speed.

        Args:
            report: shows a number of steps done and a note.
            tokens: of every optimizer step, all processes together.
            work: floating-point operations for a token, forward and back.
            rate: of this process's device in matrix products, operations a second; of all processes together.
        """
        self.report, self.tokens, self.work, self.rate = report, tokens, work, rate
        self.seconds, self.seen, self.started = 0.0, 0, 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take the time."""
        self.started = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add up time and tokens."""
        self.seconds += time.monotonic() - self.started
        self.seen += self.tokens[state.global_step - 1]

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Show where training stands."""
        if logs and "loss" in logs:
            share = f", {self.share:.0%} of the matrix rate" if self.rate else ""
            self.report(state.global_step, f"loss {logs['loss']:.3f}, {self.speed:.0f} tokens/s{share}")

    @property
    def speed(self) -> float:
        """Tokens a second so far."""
        return self.seen / self.seconds if self.seconds else 0.0

    @property
    def share(self) -> float:
        """Share of the matrix rate reached so far."""
        return self.speed * self.work / self.rate if self.rate else 0.0


class Whole(TrainerCallback):  # type: ignore[misc]
    """Marks checkpoints that were written whole."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Leave a mark that only a complete checkpoint has."""
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "complete").touch()


class Keep(TrainerCallback):  # type: ignore[misc]
    """Keeps the adapter after some steps, as an adapter of its own."""

    def __init__(self, steps: Mapping[int, Path], save: Callable[[Path], None]) -> None:
        """Take folders by step, and what writes an adapter into one; all processes call it together."""
        self.steps, self.save = steps, save

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the adapter where this step's is wanted."""
        if (folder := self.steps.get(state.global_step)) is not None:
            self.save(folder)


class Wrapped(TrainerCallback):  # type: ignore[misc]
    """Compares what wraps the model with what was asked for: a launcher that fell back would go unnoticed."""

    def __init__(self, wanted: str, wrapped: Callable[[], object]) -> None:
        """Take the kind of launch and what gives the wrapped model once training begins."""
        self.wanted, self.wrapped = wanted, wrapped

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Stop a training that is not the one asked for."""
        names = {kind.__name__ for kind in type(self.wrapped()).__mro__}
        marks = {"ddp": "DistributedDataParallel", "fsdp": "FSDPModule", "zero2": "DeepSpeedEngine"}
        mark = marks.get(self.wanted.replace("zero3", "zero2"))
        if mark is not None and mark not in names:
            raise LaunchError(
                f"launch.kind={self.wanted} was asked for, but the model is wrapped as {type(self.wrapped()).__name__};"
                " the launcher fell back. Check the installed accelerate, torch and deepspeed."
            )
