"""The loss over trained tokens alone: no logits where none is needed, and never all of them at once."""

from typing import Any

import torch

from warmtune.training.rows import IGNORED

AT_ONCE = {"cpu": 16 * 2**20, "cuda": 64 * 2**20}
"""Logits computed at a time: 64 MB of float32, on a GPU 256, which its many cores need to be busy."""


class _SummedLoss(torch.autograd.Function):
    """Cross-entropy summed over tokens; the gradient of the hidden states is found on the way, piece by piece.

    The output layer is frozen under LoRA, so a piece's logits are done with as soon as its gradient is known.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, labels: Any, scale: float, cap: float) -> torch.Tensor:
        """Sum over [tokens, width] hidden states; `cap` 0 is none."""
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        size = max(1, AT_ONCE[hidden.device.type] // weight.shape[0])
        for part, found, wanted in zip(
            *(torch.split(whole, size) for whole in (hidden, gradient, labels)), strict=True
        ):
            logits = (part.to(weight.dtype) @ weight.T).float()
            if scale != 1:
                logits *= scale
            if cap:
                logits.div_(cap).tanh_().mul_(cap)
            most = logits.amax(dim=1, keepdim=True)
            picked = logits.gather(1, wanted[:, None]) - most
            slope = 1 - (logits / cap).square_() if cap else None
            sums = logits.sub_(most).exp_().sum(dim=1, keepdim=True)
            total += (sums.log() - picked).sum()
            # The target is subtracted before anything is rounded: where the model is sure, both are nearly one.
            logits.div_(sums).scatter_add_(1, wanted[:, None], torch.full_like(picked, -1))
            if slope is not None:
                logits.mul_(slope)
            found.copy_((logits.to(weight.dtype) @ weight).mul_(scale))
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, grown: Any) -> Any:
        (gradient,) = ctx.saved_tensors
        return gradient * grown.to(gradient.dtype), None, None, None, None


def summed_loss(
    hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, scale: float = 1.0, cap: float | None = None
) -> torch.Tensor:
    """Return the cross-entropy in nats, summed over the tokens whose label is not `IGNORED`.

    Args:
        hidden: [rows, tokens, width], the last hidden states.
        weight: [vocabulary, width], of the output layer; frozen.
        labels: [rows, tokens]; a token's label is told by the state *before* it.
        scale: factor on the logits, which some families have.
        cap: bound on the logits (`final_logit_softcapping`), which some families have.
    """
    labels = labels[:, 1:]
    chosen = labels != IGNORED
    summed: torch.Tensor = _SummedLoss.apply(hidden[:, :-1][chosen], weight, labels[chosen], scale, cap or 0.0)
    return summed


def logit_rules(config: Any) -> tuple[float, float | None]:
    """Return the factor and the bound that a model's settings put on its logits.

    The names are those of transformers' families: `logit_scale` (Cohere), `logits_scaling` (Granite, which divides),
    `lm_head_multiplier` (Falcon-H1), `final_logit_softcapping` (Gemma).
    """
    text = config.get_text_config()
    divided = getattr(text, "logits_scaling", None)
    scale = getattr(text, "logit_scale", None) or getattr(text, "lm_head_multiplier", None)
    return scale or (1 / divided if divided else 1.0), getattr(text, "final_logit_softcapping", None)
