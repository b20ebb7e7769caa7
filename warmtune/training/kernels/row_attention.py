"""Rows laid end to end without padding, each seeing itself alone.

A micro-batch of ragged rows becomes one sequence of all their tokens; the bounds of the rows travel beside it
(`cu_seq_lens_q`, as for FlashAttention's variable-length kernels). On a GPU in half precision PyTorch's own kernel of
this kind takes them all at once. Elsewhere, and where a model bounds its scores (Gemma 2), attention is computed row by
row, so that nothing can leak from one into another. Before a training both are proved on its model
(`preflight.prove_separate`).
"""

from typing import Any, cast

import torch
from torch.nn import functional
from torch.nn.attention.varlen import varlen_attn
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface

from warmtune.errors import ModelError

ROW_BY_ROW = "warmtune_row_by_row"
"""The name under which transformers knows this attention."""


def row_by_row(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attend causally within each row.

    Args:
        module: the attention layer; not used, part of transformers' interface.
        query: [1, heads, tokens, head size], the rows' tokens one after another.
        key: [1, key heads, tokens, head size].
        value: as `key`.
        attention_mask: none is taken; the rows' bounds say all.
        dropout: on attention weights, as the model's own settings have it.
        scaling: of the scores; None for 1 / sqrt(head size).
        cu_seq_lens_q: [rows + 1], where each row begins, and the number of tokens.
        max_length_q: tokens of the longest row; without it the bounds are asked.
        sliding_window: tokens that each token may see, itself included; None for all before it.
        softcap: bound on the scores, which Gemma 2 has: cap * tanh(scores / cap).
        more: what else the model passes; none of it may change the scores.

    Returns:
        [1, tokens, heads, head size] and no weights.

    Raises:
        ModelError: the model gives no bounds of rows, or a mask or numbers of its own (attention sinks, say).
    """
    own = [name for name, given in more.items() if isinstance(given, torch.Tensor) and given.is_floating_point()]
    own += ["a mask"] if attention_mask is not None else []
    if cu_seq_lens_q is None or query.shape[0] != 1 or own:
        given = f"hands its attention {', '.join(own)}" if own else "does not hand the bounds of rows to its attention"
        raise ModelError(
            f"The model {given}, so rows laid end to end cannot be computed as if each were alone; set"
            " train.packing=false."
        )
    if softcap is None and _at_once(query, dropout):
        longest = max_length_q or int(cu_seq_lens_q.diff().max())
        return _all_rows(query, key, value, cu_seq_lens_q, longest, scaling, sliding_window), None
    sizes = cu_seq_lens_q.diff().tolist()
    parts = [
        _one_row(q, k, v, dropout, scaling, sliding_window, softcap)
        for q, k, v in zip(*(torch.split(part, sizes, 2) for part in (query, key, value)), strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


def _one_row(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    dropout: float,
    scale: float | None,
    window: int | None,
    cap: float | None,
) -> torch.Tensor:
    """Return [1, heads, tokens, head size] of one row, whose queries, keys and values have that shape."""
    band = _band(query.shape[2], window, query.device)
    if cap is not None:  # computed again on the way back: the scores of all layers would take gigabytes
        capped: torch.Tensor = checkpoint(_capped, query, key, value, dropout, scale, band, cap, use_reentrant=False)
        return capped
    return functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=band,
        dropout_p=dropout,
        is_causal=band is None,
        scale=scale,
        enable_gqa=key.shape[1] != query.shape[1],
    )


def _capped(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    dropout: float,
    scale: float | None,
    band: torch.Tensor | None,
    cap: float,
) -> torch.Tensor:
    """Attend with bounded scores, which PyTorch's kernels lack, as transformers' eager Gemma 2 does."""
    groups, tokens = query.shape[1] // key.shape[1], query.shape[2]
    key, value = (part.repeat_interleave(groups, dim=1) for part in (key, value))
    scores = query @ key.transpose(2, 3) * (scale or query.shape[-1] ** -0.5)
    seen = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril() if band is None else band
    scores = (cap * torch.tanh(scores / cap)).masked_fill(~seen, float("-inf"))
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(query.dtype)
    return functional.dropout(weights, dropout) @ value


def _at_once(query: torch.Tensor, dropout: float) -> bool:
    """Tell whether PyTorch's kernel for rows of any length takes these: a GPU, half precision, a size it knows."""
    fits = query.shape[-1] % 8 == 0 and query.shape[-1] <= 256
    return query.is_cuda and query.dtype in (torch.bfloat16, torch.float16) and not dropout and fits


def _all_rows(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bounds: torch.Tensor,
    longest: int,
    scale: float | None,
    window: int | None,
) -> torch.Tensor:
    """Return [1, tokens, heads, head size] by PyTorch's kernel; its window counts the tokens before each one."""
    query, key, value = (part[0].transpose(0, 1) for part in (query, key, value))
    whole = varlen_attn(
        query,
        key,
        value,
        bounds,
        bounds,
        longest,
        longest,
        scale=scale,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=key.shape[1] != query.shape[1],
    )
    return cast("torch.Tensor", whole)[None]


def _band(tokens: int, window: int | None, device: torch.device) -> torch.Tensor | None:
    """Return the mask of a sliding window, None where the row is no longer than the window."""
    if window is None or tokens <= window:
        return None
    before = torch.arange(tokens, device=device)[:, None] - torch.arange(tokens, device=device)
    return (before >= 0) & (before < window)


# Not for the compiler: the number of rows and their lengths are others in every batch.
AttentionInterface.register(ROW_BY_ROW, torch.compiler.disable(row_by_row))  # type: ignore[no-untyped-call]
