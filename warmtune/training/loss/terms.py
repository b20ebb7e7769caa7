"""The interface of a term of the loss: what it is given, and what it says of its memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import torch

from warmtune.training.loss.output_layer import AT_ONCE, OutputLayer
from warmtune.training.model_shape import Shape
from warmtune.training.rows import IGNORE_INDEX

if TYPE_CHECKING:
    from peft import PeftModel

Piece = Callable[[torch.Tensor, slice], torch.Tensor]


@dataclass(frozen=True)
class LabelledTokens:
    """The tokens of a micro-batch that carry loss, and what they come from."""

    model: "PeftModel"
    """The base with its adapter."""
    batch: Mapping[str, Any]
    """What the model was given: `input_ids`, [rows, tokens], and what lays out its rows."""
    all_labels: torch.Tensor
    """[rows, tokens]; a token's label is predicted from the hidden state *before* it."""
    all_hidden: torch.Tensor
    """[rows, tokens, width], the last hidden states."""
    head: OutputLayer

    @cached_property
    def chosen(self) -> torch.Tensor:
        """[rows, tokens - 1], true where a hidden state predicts a label."""
        return self.all_labels[:, 1:] != IGNORE_INDEX

    @cached_property
    def labels(self) -> torch.Tensor:
        """[labelled]"""
        return self.all_labels[:, 1:][self.chosen]

    @cached_property
    def hidden(self) -> torch.Tensor:
        """[labelled, width], the hidden states from which the labels are predicted; they carry the gradient."""
        return self.all_hidden[:, :-1][self.chosen]

    @cached_property
    def reference(self) -> torch.Tensor:
        """[labelled, width], the same hidden states of the base without its adapter; they carry no gradient.

        They are computed once for all terms, without dropout and noise.
        """
        causal, training = self.model.get_base_model(), self.model.training
        causal.eval()
        with torch.no_grad(), self.model.disable_adapter():
            states = causal.base_model(**self.batch).last_hidden_state
        causal.train(training)
        found: torch.Tensor = states[:, :-1][self.chosen]
        return found

    def sum_in_pieces(self, function: Piece) -> torch.Tensor:
        """Return the sum of a function over the labelled tokens, whose logits are there piece by piece alone.

        Args:
            function: from the hidden states of some tokens, [some, width], and their place among the labelled tokens,
                to their sum, a scalar. Only the hidden states carry a gradient.
        """
        summed: torch.Tensor = _SumInPieces.apply(self.hidden, function, self.head.tokens_at_once)
        return summed


class _SumInPieces(torch.autograd.Function):
    """A sum whose gradient is found on the way forward, so that each piece's logits are freed before the next."""

    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, function: Piece, size: int) -> torch.Tensor:
        gradient = torch.empty_like(hidden)
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        for start in range(0, len(hidden), size):
            piece = slice(start, start + size)
            with torch.enable_grad():
                part = hidden[piece].detach().requires_grad_()
                value = function(part, piece)
                (gradient[piece],) = torch.autograd.grad(value, part)
            total += value.detach()
        ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, grown: torch.Tensor) -> Any:
        """Return the gradient of the hidden states, [labelled, width]; a scalar comes in."""
        (gradient,) = ctx.saved_tensors
        return gradient * grown.to(gradient.dtype), None, None


@dataclass(frozen=True)
class BatchSize:
    """The longest micro-batch, from which a term finds its memory."""

    shape: Shape
    tokens: int
    labelled: int
    device: str
    """cuda or cpu."""
    bytes_each: int
    """Bytes of a number in the base's precision."""

    def logits(self, copies: int) -> float:
        """Return the bytes of one piece's logits with so many float32 numbers for each."""
        return min(AT_ONCE[self.device], self.labelled * self.shape.vocabulary) * 4.0 * copies

    def reference_pass(self) -> float:
        """Return the bytes that the base without its adapter takes: one layer at a time, and the hidden states."""
        shape = self.shape
        layer = 4 * shape.width + max(3 * shape.inner, 2 * shape.query + 2 * shape.key)
        return float(self.bytes_each * (self.tokens * layer + self.labelled * shape.width))


class LossTerm(Protocol):
    """What is added to the cross-entropy, times a weight."""

    def __call__(self, tokens: LabelledTokens) -> torch.Tensor:
        """Return the term's sum over these tokens, a scalar in float32."""

    def memory(self, batch: BatchSize) -> float:
        """Return the bytes that the term needs at most, beside those of the cross-entropy."""
