"""A LoRA layer's arithmetic in one piece: the same numbers as PEFT's, with fewer copies through memory.

PEFT computes `W x + s B A drop(x)` (Hu et al. 2021, arXiv 2106.09685, section 4.1) as six steps, of which each keeps
its own result for the way back. Here the adapter's part is added in place, the input is kept once, and what is frozen
has no gradient to compute. Over a base in half precision the adapter stays in float32 and takes part in the products
in the base's precision, as under PyTorch's autocast.
"""

from typing import Any

import torch
from peft.tuners.lora.layer import Linear
from torch.nn import functional


class _Linear(torch.autograd.Function):
    """The frozen layer with its adapter, and the gradients of input, A and B."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        drop: float,
    ) -> torch.Tensor:
        """Return W x + bias + scale B A drop(x), [..., outputs].

        Args:
            ctx: PyTorch's, for the way back.
            x: [..., inputs].
            weight: [outputs, inputs], frozen.
            bias: [outputs], or None.
            a: [rank, inputs], in float32.
            b: [outputs, rank], in float32.
            scale: alpha / rank, or what the method makes of it.
            drop: probability that dropout loses an input of the adapter; 0 for none.
        """
        shape, ctx.given = x.shape, x.dtype
        x = x.reshape(-1, shape[-1]).to(weight.dtype)
        ctx.own, a, b = a.dtype, a.to(weight.dtype), b.to(weight.dtype)
        lost = torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(drop) if drop else None
        kept = x if lost is None else x.masked_fill(lost, 0)
        inner = kept @ a.T
        y = functional.linear(x, weight, bias)
        ctx.grow = scale / (1 - drop)  # what dropout leaves is as much larger
        y.addmm_(inner, b.T, alpha=ctx.grow)
        ctx.save_for_backward(x, weight, a, b, inner, lost)
        ctx.shape = shape
        return y.view(*shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, grown: torch.Tensor) -> Any:
        """Return the gradients of x, A and B; the gradient of the outputs, [..., outputs], comes in."""
        x, weight, a, b, inner, lost = ctx.saved_tensors
        grown = grown.reshape(-1, grown.shape[-1]).to(weight.dtype)
        back = (grown @ b).mul_(ctx.grow)
        to_b = (grown.T @ inner).mul_(ctx.grow)
        to_a = back.T @ (x if lost is None else x.masked_fill(lost, 0))
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = grown @ weight
            if lost is None:
                to_x.addmm_(back, a)
            else:
                to_x += (back @ a).masked_fill_(lost, 0)
            to_x = to_x.view(ctx.shape).to(ctx.given)
        return to_x, None, None, to_a.to(ctx.own), to_b.to(ctx.own), None, None


def fuse(model: torch.nn.Module) -> int:
    """Give every plain LoRA layer over an unquantized layer its arithmetic in one piece; return how many.

    DoRA and other variants and quantized layers keep PEFT's.
    """
    count = 0
    for module in model.modules():
        if type(module) is Linear and _plain(module):
            module.forward = _forward(module)
            count += 1
    return count


def _plain(layer: Any) -> bool:
    base = layer.get_base_layer()
    (name,) = layer.active_adapters
    return (
        type(base) is torch.nn.Linear
        and base.weight.dtype in (torch.float32, torch.bfloat16)
        and layer.lora_A[name].weight.dtype == torch.float32
        and name not in layer.lora_variant
        and layer.lora_A[name].bias is None
        and layer.lora_B[name].bias is None
        and not layer.fan_in_fan_out
    )


def _forward(layer: Any) -> Any:
    (name,) = layer.active_adapters
    plain, drop = layer.forward, getattr(layer.lora_dropout[name], "p", 0.0)

    def forward(x: torch.Tensor) -> torch.Tensor:
        if layer.disable_adapters or layer.merged:
            found: torch.Tensor = plain(x)
            return found
        base, a, b = layer.get_base_layer(), layer.lora_A[name].weight, layer.lora_B[name].weight
        dropped = drop if layer.training else 0.0
        fused: torch.Tensor = _Linear.apply(x, base.weight, base.bias, a, b, layer.scaling[name], dropped)
        return fused

    return forward
