"""TRL's SFTTrainer with this project's loss, layout of rows and arithmetic."""

from typing import Any

import torch
from trl import SFTTrainer
from trl.trainer.utils import maybe_gather_lm_head_ctx

from warmtune.errors import ModelError
from warmtune.training.loss import logit_rules, summed_loss


class RowTrainer(SFTTrainer):  # type: ignore[misc]  # trl is untyped
    """Trains on ready rows: their labels decide, and logits are computed where a label is, nowhere else."""

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
        summed = model(**inputs, use_cache=False, summed=True)
        # The processes' gradients are averaged (DDP, FSDP, ZeRO), and what is wanted is their sum.
        mean: torch.Tensor = summed / num_items_in_batch * self.accelerator.num_processes
        return mean

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log without TRL's own figures, which need the logits of every token."""
        super(SFTTrainer, self).log(logs, start_time)


def sum_on_request(causal: Any) -> None:
    """Let `model(..., labels=..., summed=True)` return the summed loss, through whatever wraps the model.

    It is computed inside the model's own call, for what wraps it (FSDP, DeepSpeed) gathers weights only there.

    Raises:
        ModelError: the output layer is one that the loss cannot be computed from.
    """
    head, forward, rules = causal.get_output_embeddings(), causal.forward, logit_rules(causal.config)
    if getattr(head, "bias", None) is not None or hasattr(head, "lora_A"):
        raise ModelError(
            "The model's output layer has a bias or an adapter of its own, from which the loss cannot be computed here;"
            " take the output layer (lm_head) out of train.targets, or choose another model."
        )

    def chosen(*args: Any, summed: bool = False, **kwargs: Any) -> Any:
        if not summed:
            return forward(*args, **kwargs)
        labels = kwargs.pop("labels")
        hidden = causal.base_model(*args, **kwargs).last_hidden_state
        weight = causal.get_output_embeddings().weight
        with maybe_gather_lm_head_ctx(weight):
            whole = weight.full_tensor() if hasattr(weight, "full_tensor") else weight
            return summed_loss(hidden, whole.detach(), labels, *rules)

    causal.forward = chosen
