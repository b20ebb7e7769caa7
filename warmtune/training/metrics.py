"""The metrics of a training, one JSON object per optimizer step, on disk while the training runs."""

import json
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

METRICS = "metrics.jsonl"
_NAMES = ("loss", "learning_rate", "grad_norm", "tokens_per_second")


class WriteMetrics(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Appends a line after every step; a training that goes on begins with the lines of its checkpoint.

    The trainer's own log goes into each checkpoint. The file is written from it anew, so that steps after the
    checkpoint, which are trained again, stand there once, and a line that a kill cut short is whole again.
    """

    def __init__(self, file: Path, epochs: float) -> None:
        """Take the file, and the epochs of the whole training: the trainer itself counts all of them as one."""
        self.file, self.epochs = file, epochs

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the lines of the steps that a checkpoint holds; none at a fresh start."""
        if state.is_world_process_zero:
            self.file.write_text("".join(self._line(entry, state) for entry in state.log_history if "loss" in entry))

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Append the line of the step that has just ended."""
        if state.is_world_process_zero and logs and "loss" in logs:
            with self.file.open("a") as file:
                file.write(self._line(state.log_history[-1], state))

    def _line(self, entry: dict[str, Any], state: Any) -> str:
        # In one order: a checkpoint gives back its entries sorted.
        terms = sorted(name for name in entry if name.startswith("loss/"))
        names = [name for name in (*_NAMES, *terms) if name in entry]
        epoch = round(entry["step"] / state.max_steps * self.epochs, 4)
        return json.dumps({"step": entry["step"], "epoch": epoch, **{name: entry[name] for name in names}}) + "\n"


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """Return what each step's line holds."""
    return [json.loads(line) for line in file.read_text().splitlines()]
