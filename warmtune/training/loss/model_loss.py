"""The loss computed inside the model's own call, where whatever wraps the model has gathered its weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warmtune.errors import ModelError
from warmtune.training.loss.cross_entropy import summed_cross_entropy
from warmtune.training.loss.output_layer import OutputLayer, logit_rules
from warmtune.training.loss.terms import LabelledTokens, LossTerm

if TYPE_CHECKING:
    from peft import PeftModel

CROSS_ENTROPY = "cross_entropy"
"""The name of the base loss among the sums."""


def return_loss_sums(model: "PeftModel", terms: Mapping[str, LossTerm]) -> None:
    """Let `model(..., labels=..., loss_sums=True)` return the sums of the cross-entropy and the terms, by name.

    They are computed inside the model's own call, for what wraps it (FSDP, DeepSpeed) gathers weights only there.

    Raises:
        ModelError: the output layer is one that the loss cannot be computed from.
    """
    from trl.trainer.utils import maybe_gather_lm_head_ctx

    causal = model.get_base_model()
    output, forward, rules = causal.get_output_embeddings(), causal.forward, logit_rules(causal.config)
    if getattr(output, "bias", None) is not None or hasattr(output, "lora_A"):
        raise ModelError(
            "The model's output layer has a bias or an adapter of its own, from which the loss cannot be computed here;"
            " take the output layer (lm_head) out of train.target_modules, or choose another model."
        )

    def forward_or_loss(*args: Any, loss_sums: bool = False, **kwargs: Any) -> Any:
        if not loss_sums:
            return forward(*args, **kwargs)
        labels = kwargs.pop("labels")
        hidden = causal.base_model(*args, **kwargs).last_hidden_state
        weight = causal.get_output_embeddings().weight
        with maybe_gather_lm_head_ctx(weight):
            whole = weight.full_tensor() if hasattr(weight, "full_tensor") else weight
            tokens = LabelledTokens(model, kwargs, labels, hidden, OutputLayer(whole.detach(), *rules))
            base = summed_cross_entropy(tokens.hidden, tokens.head, tokens.labels)
            return {CROSS_ENTROPY: base, **{name: term(tokens) for name, term in terms.items()}}

    causal.forward = forward_or_loss
