"""What is checked before the first step, because later it would only be a worse adapter."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warmtune.errors import ModelError
from warmtune.schemas import TrainingRow
from warmtune.tuning.rows import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_TOLERANCE = {"torch.float32": 1e-4, "torch.bfloat16": 5e-2}
"""Largest difference of hidden states, as a share of their own size."""


def padding(tokenizer: "PreTrainedTokenizerBase", row: TrainingRow) -> str:
    """Return a token to pad with that is not the one which ends a turn.

    Raises:
        ModelError: the tokenizer has no other special token.
    """
    end = next(label for label in reversed(row.labels) if label != IGNORED)
    ids = [tokenizer.pad_token_id, *sorted(set(tokenizer.all_special_ids)), tokenizer.unk_token_id]
    for id in ids:
        if id is not None and id != end:
            return str(tokenizer.convert_ids_to_tokens(id))
    raise ModelError(
        f"The tokenizer has no special token besides {tokenizer.convert_ids_to_tokens(end)!r}, which ends a turn, so"
        " there is none to pad with; add a pad token to the model's tokenizer."
    )


def prove_separate(model: Any, rows: Sequence[TrainingRow]) -> None:
    """Compare two rows' hidden states alone and laid end to end; they must be the same.

    Raises:
        ModelError: the model lets rows see each other, so they must be padded instead.
    """
    import torch

    pair = sorted(rows, key=lambda row: len(row.input_ids))[:2]
    if len(pair) < 2:
        return
    causal, was_training = model.get_base_model(), model.training
    model.eval()
    with torch.inference_mode(), torch.autocast(model.device.type, torch.bfloat16, enabled=_half(causal)):
        alone = torch.cat([_hidden(causal, [row.input_ids]) for row in pair], dim=1)
        together = _hidden(causal, [row.input_ids for row in pair])
    model.train(was_training)
    apart = float((alone - together).abs().max() / alone.abs().max())
    if not apart <= _TOLERANCE["torch.bfloat16" if _half(causal) else "torch.float32"]:
        raise ModelError(
            f"Laid end to end, rows of this model see each other (hidden states move by {apart:.1e} of their size), so"
            " training would mix conversations; set train.packing=false."
        )


def _half(causal: Any) -> bool:
    import torch

    return bool(causal.dtype == torch.bfloat16)


def _hidden(causal: Any, rows: Sequence[Sequence[int]]) -> Any:
    import torch

    lengths = [len(row) for row in rows]
    bounds = torch.tensor([0, *lengths], device=causal.device).cumsum(0).to(torch.int32)
    return causal.base_model(
        input_ids=torch.tensor([[id for row in rows for id in row]], device=causal.device),
        position_ids=torch.tensor([[n for length in lengths for n in range(length)]], device=causal.device),
        cu_seq_lens_q=bounds,
        use_cache=False,
    ).last_hidden_state.float()
