"""The output layer as the loss needs it: from hidden states to logits, with what a family does to them."""

from dataclasses import dataclass
from typing import Any

import torch

AT_ONCE = {"cpu": 16 * 2**20, "cuda": 64 * 2**20}
"""Logits computed at a time: 64 MB of float32, on a GPU 256, which its many cores need to be busy."""


@dataclass(frozen=True)
class OutputLayer:
    """The frozen weight of the output layer, and its family's rules for logits."""

    weight: torch.Tensor
    """[vocabulary, width]"""
    scale: float = 1.0
    """Factor on the logits."""
    cap: float | None = None
    """Bound on the logits, cap * tanh(logits / cap); None for none."""

    @property
    def tokens_at_once(self) -> int:
        """Tokens whose logits are computed together."""
        return max(1, AT_ONCE[self.weight.device.type] // self.weight.shape[0])

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return float32 logits, [tokens, vocabulary], of hidden states, [tokens, width]."""
        logits = (hidden.to(self.weight.dtype) @ self.weight.T).float()
        if self.scale != 1:
            logits = logits * self.scale
        return self.cap * torch.tanh(logits / self.cap) if self.cap else logits


def logit_rules(config: Any) -> tuple[float, float | None]:
    """Return the factor and the bound that a model's settings put on its logits.

    The names are those of transformers' families: `logit_scale` (Cohere), `output_multiplier` (Muse Glimmer),
    `lm_head_multiplier` (Falcon-H1), `logits_scaling` (Granite, which divides by it, and HyperCLOVA X, which
    multiplies), `final_logit_softcapping` (Gemma).
    """
    text = config.get_text_config()
    names = ("logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")
    factors = {name: getattr(text, name) for name in names if getattr(text, name, None) is not None}
    name, factor = next(iter(factors.items()), ("", 1.0))
    divides = name == "logits_scaling" and text.model_type != "hyperclovax"
    return 1 / factor if divides else factor, getattr(text, "final_logit_softcapping", None)
