"""What a training will take, and how a row of it looks, before anything is spent."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from warmtune.config.training_settings import LaunchSettings, TrainSettings
from warmtune.io.schemas import Conversation, Rewrite, TrainingRow, replies
from warmtune.models.base import Base, load_tokenizer
from warmtune.models.chat_template import Rules, rules
from warmtune.training.distributed.world import device, processes_here
from warmtune.training.memory_estimate import Memory, estimate, free, longest_batch
from warmtune.training.model_shape import shape_of
from warmtune.training.row_order import epoch_order
from warmtune.training.rows import IGNORE_INDEX, arms, num_loss_tokens
from warmtune.training.speed import EXPECTED_MFU, measured_peak_flops
from warmtune.training.training_arguments import total_steps


@dataclass(frozen=True)
class TrainingPlan:
    """One arm's training, of the original replies; the styled arm's rows are somewhat longer or shorter."""

    rows: int
    too_long: int
    split: int
    tokens: int
    trained_tokens: int
    fewest_trained: int
    """Trained tokens of the row with the fewest; a row with none would have been refused."""
    steps: int
    processes: int
    device: str
    longest: int
    """Tokens of the longest batch."""
    memory: Memory
    free: float
    """Bytes that a process could have here."""
    seconds: float
    """On this machine; a guess from what it reaches in matrix products."""
    rules: Rules
    example: str
    """A row, what carries loss in guillemets."""


def plan(
    conversations: Sequence[Conversation], base: Base, settings: TrainSettings, launch: LaunchSettings, seed: int
) -> TrainingPlan:
    """Plan a training on the original replies.

    Raises:
        ModelError: the chat template or the tokenizer cannot be trained with.
        DataError: nothing to train on is left.
        LaunchError: what the launch asks for is not there.
    """
    tokenizer = load_tokenizer(base)
    both = arms(conversations, _unchanged(conversations), tokenizer, settings.max_tokens, settings.too_long)
    where, world_size = device(launch), processes_here(launch) * launch.nnodes
    order = [both.control[n] for n in epoch_order(len(both.control), settings.epochs, seed)]
    longest, in_longest = longest_batch(order, settings)
    shape = shape_of(base)
    tokens, loss_tokens = sum(len(row.input_ids) for row in order), sum(map(num_loss_tokens, order))
    flops = 4.0 * (tokens * sum(i * o for _, i, o in shape.linear) + loss_tokens * shape.vocabulary * shape.width)
    flops *= 4 / 3 if settings.gradient_checkpointing else 1
    return TrainingPlan(
        rows=len(both.control),
        too_long=len(both.too_long),
        split=both.split,
        tokens=tokens,
        trained_tokens=loss_tokens,
        fewest_trained=min(map(num_loss_tokens, both.control)),
        steps=total_steps(len(order), settings, world_size),
        processes=world_size,
        device=where,
        longest=longest,
        memory=estimate(
            shape,
            settings,
            launch,
            world_size=world_size,
            device=where,
            tokens=longest,
            loss_tokens=in_longest,
        ),
        free=free(where),
        seconds=flops / (measured_peak_flops(where) * world_size * EXPECTED_MFU[where]),
        rules=rules(tokenizer),
        example=shown(tokenizer, both.control[0]),
    )


def _unchanged(conversations: Sequence[Conversation]) -> list[Rewrite]:
    """Return each reply as a rewrite of itself."""
    return [
        Rewrite(
            one.id,
            turn,
            one.label,
            original=text,
            styled=text,
            intensity=0.0,
            reason="",
            attempts=1,
            strength_before=0.0,
            strength_after=0.0,
        )
        for one in conversations
        for turn, text in replies(one)
    ]


def shown(tokenizer: object, row: TrainingRow) -> str:
    """Return a row as text, what carries loss in guillemets."""
    pieces = groupby(zip(row.input_ids, row.labels, strict=True), key=lambda pair: pair[1] != IGNORE_INDEX)
    texts = [(loss, tokenizer.decode([id for id, _ in pairs])) for loss, pairs in pieces]  # type: ignore[attr-defined]
    return "".join(f"«{text}»" if loss else text for loss, text in texts)
