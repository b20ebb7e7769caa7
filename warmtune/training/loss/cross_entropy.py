"""The cross-entropy of labelled tokens: no logits where no label is, and never all of them at once."""

from typing import Any

import torch

from warmtune.training.loss.output_layer import OutputLayer


class _SummedCrossEntropy(torch.autograd.Function):
    """Cross-entropy summed over tokens; the gradient of the hidden states is found on the way, piece by piece.

    The output layer is frozen under LoRA, so a piece's logits are done with as soon as its gradient is known.
    """

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: OutputLayer, labels: torch.Tensor) -> torch.Tensor:
        """Sum over hidden states, [tokens, width], and their labels, [tokens]."""
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        weight, scale, cap, size = head.weight, head.scale, head.cap, head.tokens_at_once
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
            slope = (logits / cap).square_().neg_().add_(1) if cap else None
            sums = logits.sub_(most).exp_().sum(dim=1, keepdim=True)
            total += (sums.log() - picked).sum()
            # The target is subtracted before anything is rounded: where the model is sure, both are nearly one.
            logits.div_(sums).scatter_add_(1, wanted[:, None], torch.full_like(picked, -1))
            if slope is not None:
                logits.mul_(slope)
            found.copy_((logits.to(weight.dtype) @ weight).mul_(scale))
            del logits, slope  # or they would still be there beside the next piece's
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, grown: torch.Tensor) -> Any:
        """Return the gradient of the hidden states, [tokens, width]; a scalar comes in."""
        (gradient,) = ctx.saved_tensors
        return gradient * grown.to(gradient.dtype), None, None


def summed_cross_entropy(hidden: torch.Tensor, head: OutputLayer, labels: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy in nats, summed over tokens.

    Args:
        hidden: [tokens, width], the hidden states from which the labels are predicted.
        head: the frozen output layer.
        labels: [tokens].
    """
    summed: torch.Tensor = _SummedCrossEntropy.apply(hidden, head, labels)
    return summed
