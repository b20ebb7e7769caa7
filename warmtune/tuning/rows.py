"""Rows to train on: token ids and labels, with loss on the assistant's words and its end-of-turn token alone.

The mask is found from the text, not from a template's generation marks: what the template adds when a reply is
appended to a rendered conversation is that reply. Then it is verified, by decoding what carries loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.errors import DataError, ModelError
from warmtune.generation.chat import render
from warmtune.schemas import CONTROL_ROWS, STYLED_ROWS, Conversation, Message, Rewrite, TrainingRow, write
from warmtune.store import Outcome

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label that carries no loss (PyTorch's `ignore_index`)."""


@dataclass(frozen=True)
class Arms:
    """The two sets of rows of a matched comparison: same ids, same order, different replies."""

    control: list[TrainingRow]
    styled: list[TrainingRow]
    too_long: list[str]
    """Ids left out of both, because one of their two rows is longer than `train.max_tokens`."""


def build_rows(
    conversations: Sequence[Conversation],
    rewrites: Sequence[Rewrite],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
    folder: Path,
) -> Outcome:
    """Write both arms' rows, `control.parquet` and `styled.parquet`."""
    both = arms(conversations, rewrites, tokenizer, max_tokens)
    write(folder / CONTROL_ROWS, TrainingRow, both.control)
    write(folder / STYLED_ROWS, TrainingRow, both.styled)
    counts = {
        "conversations": len({rewrite.id for rewrite in rewrites}),
        "rows": len(both.control),
        "too_long": len(both.too_long),
        "control_tokens": sum(len(one.input_ids) for one in both.control),
        "styled_tokens": sum(len(one.input_ids) for one in both.styled),
    }
    return Outcome([CONTROL_ROWS, STYLED_ROWS], counts)


def trained(row: TrainingRow) -> int:
    """Return the number of tokens that carry loss."""
    return sum(label != IGNORED for label in row.labels)


def arms(
    conversations: Sequence[Conversation],
    rewrites: Sequence[Rewrite],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
) -> Arms:
    """Build both arms from the conversations whose every reply was rewritten and passed.

    Raises:
        DataError: when no conversation is left.
    """
    styled_of = {(rewrite.id, rewrite.turn): rewrite.styled for rewrite in rewrites}
    rewritten = {rewrite.id for rewrite in rewrites}
    control, styled, too_long = [], [], []
    for conversation in conversations:
        if conversation.id not in rewritten:
            continue
        messages: list[Message] = [
            {**message, "content": styled_of[conversation.id, turn]} if message["role"] == "assistant" else message
            for turn, message in enumerate(conversation.messages)
        ]
        pair = row(tokenizer, conversation.id, conversation.messages), row(tokenizer, conversation.id, messages)
        if max(len(one.input_ids) for one in pair) > max_tokens:
            too_long.append(conversation.id)
        else:
            control.append(pair[0])
            styled.append(pair[1])
    if not control:
        raise DataError(
            f"All {len(too_long)} rewritten conversations are longer than train.max_tokens={max_tokens}; allow more."
        )
    return Arms(control, styled, too_long)


def row(tokenizer: "PreTrainedTokenizerBase", id: str, messages: Sequence[Message]) -> TrainingRow:
    """Tokenize a conversation and mark what carries loss.

    Raises:
        ModelError: when the chat template does not show earlier turns the same way once later ones follow, or when
            what would carry loss is not exactly the assistant's replies, each with its end-of-turn token.
    """
    text = render(tokenizer, messages)
    spans = _reply_spans(tokenizer, messages, text)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = encoded["input_ids"]
    labels = [IGNORED] * len(ids)
    for start, end in spans:
        inside = [n for n, (left, right) in enumerate(encoded["offset_mapping"]) if start <= left and right <= end]
        for position in inside:
            labels[position] = ids[position]
        _verify(tokenizer, [ids[position] for position in inside], text[start:end], id)
    return TrainingRow(id, ids, labels)


def _reply_spans(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], text: str) -> list[tuple[int, int]]:
    """Return where each reply stands in the rendered text, end-of-turn token included."""
    spans = []
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = render(tokenizer, messages[:turn], generation=True)
        after = render(tokenizer, messages[: turn + 1])
        if not (after.startswith(before) and text.startswith(after)):
            raise ModelError(
                "The model's chat template shows a conversation's earlier turns differently once later ones follow"
                f" (turn {turn}), so training would see another prompt than answering does; train on single-turn"
                " conversations or choose a model with another template."
            )
        spans.append((len(before), len(after.rstrip())))
    return spans


def _verify(tokenizer: "PreTrainedTokenizerBase", ids: list[int], expected: str, id: str) -> None:
    """Decode what carries loss and compare it with the reply; its last token must be the one that ends a turn."""
    decoded = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    if decoded != expected:
        raise ModelError(
            f"In the conversation {id} the tokens that carry loss decode to {decoded[:80]!r}, but the reply is"
            f" {expected[:80]!r}: the tokenizer joins a reply with the template's text around it. This model cannot be"
            " trained on replies alone."
        )
    if ids[-1] not in set(tokenizer.all_special_ids):
        raise ModelError(
            f"In the conversation {id} the last token that carries loss is {tokenizer.decode(ids[-1:])!r}, not an"
            " end-of-turn token, so the tuned model would never learn to stop; choose a model whose chat template"
            " ends a reply with a special token."
        )
