"""TRL's SFTTrainer with this project's loss and layout of rows."""

from collections.abc import Mapping
from typing import Any

import torch
from trl import SFTTrainer

from warmtune.training.callbacks import Progress
from warmtune.training.loss.model_loss import CROSS_ENTROPY, return_loss_sums
from warmtune.training.loss.terms import LossTerm


class RowTrainer(SFTTrainer):  # type: ignore[misc]  # trl is untyped
    """Trains on ready rows: their labels decide, and logits are computed where a label is, nowhere else."""

    def __init__(self, *, model: Any, terms: Mapping[str, tuple[float, LossTerm]], **given: Any) -> None:
        """Take TRL's arguments, a model with its adapter, and the loss's terms with their weights, by name."""
        return_loss_sums(model, {name: term for name, (_, term) in terms.items()})
        self.weights = {CROSS_ENTROPY: 1.0, **{name: weight for name, (weight, _) in terms.items()}}
        self.parts: dict[str, torch.Tensor] = {}
        """The parts of the loss since it was last logged, each without its weight; kept where there are several."""
        self.progress: Progress | None = None
        """What times the steps."""
        super().__init__(model=model, **given)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        """Return the mean loss over the trained tokens of the whole optimizer step, all processes included.

        Args:
            model: as the trainer wrapped it.
            inputs: a micro-batch as TRL's collator makes it.
            return_outputs: always false here, where nothing is evaluated on the way.
            num_items_in_batch: trained tokens of all micro-batches of all processes in this step.
        """
        sums = model(**inputs, use_cache=False, loss_sums=True)
        # The processes' gradients are averaged (DDP, FSDP, ZeRO), and what is wanted is their sum.
        means = {name: part / num_items_in_batch * self.accelerator.num_processes for name, part in sums.items()}
        if len(means) > 1:
            self.parts = {name: self.parts.get(name, 0) + part.detach() for name, part in means.items()}
        total: torch.Tensor = means.pop(CROSS_ENTROPY)
        for name, part in means.items():
            total = total + self.weights[name] * part
        return total

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log the speed and each part of the loss; leave out TRL's figures, which need the logits of every token."""
        if "loss" in logs:
            if self.progress is not None:
                logs["tokens_per_second"] = round(self.progress.last_tokens_per_second, 1)
            for name, part in self.parts.items():
                logs[f"loss/{name}"] = float(self.accelerator.reduce(part, "mean"))
            self.parts = {}
        super(SFTTrainer, self).log(logs, start_time)
