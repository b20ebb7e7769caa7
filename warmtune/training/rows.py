"""Rows to train on: token ids and labels, with loss on the assistant's words and its end-of-turn token alone.

The mask is found from the text, not from a template's generation marks: what the template adds when a reply is
appended to a rendered conversation is that reply. Then it is verified, by decoding what carries loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.errors import DataError, ModelError
from warmtune.io.schemas import CONTROL_ROWS, STYLED_ROWS, Conversation, Message, Rewrite, TrainingRow, write
from warmtune.models.chat_template import encode, fitted, render, rules
from warmtune.runs.store import StageOutput

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORE_INDEX = -100
"""The label that carries no loss (PyTorch's `ignore_index`)."""


@dataclass(frozen=True)
class Arms:
    """The two sets of rows of a matched comparison: same ids, same order, different replies."""

    control: list[TrainingRow]
    styled: list[TrainingRow]
    too_long: list[str]
    """Ids left out of both, because one of their two rows is longer than `train.max_tokens`."""
    split: int
    """Conversations that became several rows, because they were too long as one or their template wants it."""


def build_rows(
    conversations: Sequence[Conversation],
    rewrites: Sequence[Rewrite],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
    too_long: str,
    folder: Path,
    others: Sequence[Sequence[Rewrite]] = (),
) -> StageOutput:
    """Write both arms' rows, `control.parquet` and `styled.parquet`.

    `others` are rewrites at other intensities: a row stays only if each of them gives its control row as well.
    """
    made = arms(conversations, rewrites, tokenizer, max_tokens, too_long)
    both = _shared(made, [arms(conversations, other, tokenizer, max_tokens, too_long) for other in others])
    if len(both.control) == 1:
        raise DataError(
            "One single conversation is left to train on, from which nothing general can be learned; give more data, or"
            " look at the funnel for what was left out."
        )
    write(folder / CONTROL_ROWS, TrainingRow, both.control)
    write(folder / STYLED_ROWS, TrainingRow, both.styled)
    found = rules(tokenizer)
    counts = {
        "conversations": len({rewrite.id for rewrite in rewrites}),
        "rows": len(both.control),
        "too_long": len(both.too_long),
        "not_common": len(made.control) - len(both.control),
        "split": both.split,
        "control_tokens": sum(len(one.input_ids) for one in both.control),
        "styled_tokens": sum(len(one.input_ids) for one in both.styled),
        "fewest_trained": min(num_loss_tokens(one) for one in [*both.control, *both.styled]),
        "template_takes_system": found.system,
        "template_wants_turns": found.alternating,
    }
    return StageOutput([CONTROL_ROWS, STYLED_ROWS], counts)


def _shared(both: Arms, others: Sequence[Arms]) -> Arms:
    """Leave out the rows whose control row is not in all the others.

    Raises:
        DataError: when no row is left.
    """
    known = [{(row.id, tuple(row.input_ids)) for row in other.control} for other in others]
    kept = [n for n, row in enumerate(both.control) if all((row.id, tuple(row.input_ids)) in rows for rows in known)]
    if not kept:
        raise DataError(
            f"None of the {len(both.control)} rows was rewritten at every intensity of rewriter.shared_intensities"
            " too, so there is"
            " nothing that runs at these intensities could share; name fewer, or set rewriter.shared_intensities=[]."
        )
    return replace(both, control=[both.control[n] for n in kept], styled=[both.styled[n] for n in kept])


def num_loss_tokens(row: TrainingRow) -> int:
    """Return the number of tokens that carry loss."""
    return sum(label != IGNORE_INDEX for label in row.labels)


def arms(
    conversations: Sequence[Conversation],
    rewrites: Sequence[Rewrite],
    tokenizer: "PreTrainedTokenizerBase",
    max_tokens: int,
    too_long: str = "drop",
) -> Arms:
    """Build both arms from the conversations whose every reply was rewritten and passed.

    Args:
        conversations: originals.
        rewrites: of all their replies.
        tokenizer: with its chat template.
        max_tokens: longest row.
        too_long: what becomes of a conversation with a longer one, in either arm: `drop` or `split` between turns.

    Raises:
        DataError: when no conversation is left.
    """
    styled_of = {(rewrite.id, rewrite.turn): rewrite.styled for rewrite in rewrites}
    rewritten = {rewrite.id for rewrite in rewrites}
    whole = Arms([], [], [], 0)
    split = 0
    for conversation in conversations:
        if conversation.id not in rewritten:
            continue
        messages: list[Message] = [
            {**message, "content": styled_of[conversation.id, turn]} if message["role"] == "assistant" else message
            for turn, message in enumerate(conversation.messages)
        ]
        pairs = _pairs(tokenizer, conversation.id, conversation.messages, messages, max_tokens, too_long == "split")
        if not pairs:
            whole.too_long.append(conversation.id)
        split += len(pairs) > 1
        whole.control.extend(pair[0] for pair in pairs)
        whole.styled.extend(pair[1] for pair in pairs)
    if not whole.control:
        raise DataError(
            f"All {len(whole.too_long)} rewritten conversations are longer than train.max_tokens={max_tokens}; allow"
            " more, or train.too_long=split."
        )
    return replace(whole, split=split)


Pair = tuple[TrainingRow, TrainingRow]


def _pairs(
    tokenizer: "PreTrainedTokenizerBase",
    id: str,
    originals: Sequence[Message],
    styled: Sequence[Message],
    max_tokens: int,
    split: bool,
) -> list[Pair]:
    """Return a conversation's rows in both arms, cut at the same turns; none where it does not fit."""
    alone = not all(_seen_as_asked(tokenizer, arm) for arm in (originals, styled))
    pieces = _up_to_each_reply(originals) if alone else [slice(0, len(originals))]
    system = int(originals[0]["role"] == "system")
    found: list[Pair] = []
    while pieces:
        piece = pieces.pop(0)
        head = slice(0, system) if piece.start else slice(0, 0)
        pair = tuple(row(tokenizer, id, [*arm[head], *arm[piece]], last_only=alone) for arm in (originals, styled))
        longest = max(len(one.input_ids) for one in pair)
        if longest <= max_tokens:
            found.append((pair[0], replace(pair[1], length=pair[0].length)))
            continue
        halves = _halves(originals, piece, system) if split else []
        if not halves:
            return []
        pieces = [*halves, *pieces]
    if len(found) > 1:
        found = [(replace(a, id=f"{id}#{n}"), replace(b, id=f"{id}#{n}")) for n, (a, b) in enumerate(found, 1)]
    return found


def _up_to_each_reply(messages: Sequence[Message]) -> list[slice]:
    """Return a piece for each reply, with all that came before it."""
    return [slice(0, turn + 1) for turn, message in enumerate(messages) if message["role"] == "assistant"]


def _halves(messages: Sequence[Message], piece: slice, system: int) -> list[slice]:
    """Divide a piece where a user's turn follows a reply, nearest its middle; nothing where there is no such place."""
    first = max(piece.start, system)
    places = [
        turn
        for turn in range(first + 1, piece.stop)
        if messages[turn]["role"] == "user" and messages[turn - 1]["role"] == "assistant"
    ]
    if not places:
        return []
    middle = min(places, key=lambda turn: abs(turn - (first + piece.stop) / 2))
    return [slice(piece.start, middle), slice(middle, piece.stop)]


def row(
    tokenizer: "PreTrainedTokenizerBase", id: str, messages: Sequence[Message], last_only: bool = False
) -> TrainingRow:
    """Tokenize a conversation and mark what carries loss: all replies, or the last one only.

    Raises:
        ModelError: when the chat template does not show earlier turns the same way once later ones follow, or when
            what would carry loss is not exactly the assistant's replies, each with its end-of-turn token.
    """
    messages = fitted(tokenizer, messages)
    text = render(tokenizer, messages)
    spans = _reply_spans(tokenizer, messages, text, last_only)
    ids, inside = _whole(tokenizer, text, spans)
    if last_only and not _as_asked(tokenizer, text, ids, spans, inside):
        ids, inside = _apart(tokenizer, text, spans[0])
    labels = [IGNORE_INDEX] * len(ids)
    for (start, end), positions in zip(spans, inside, strict=True):
        for position in positions:
            labels[position] = ids[position]
        _verify(tokenizer, [ids[position] for position in positions], text[start:end], id)
    _check_row(tokenizer, ids, labels, id)
    return TrainingRow(id, ids, labels, len(ids))


Span = tuple[int, int]
Tokens = tuple[list[int], list[list[int]]]
"""A row's ids, and for each reply the positions of its tokens."""


def _whole(tokenizer: "PreTrainedTokenizerBase", text: str, spans: Sequence[Span]) -> Tokens:
    """Tokenize the text in one go."""
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    inside = [[n for n, (left, right) in enumerate(offsets) if start <= left and right <= end] for start, end in spans]
    return list(encoded["input_ids"]), inside


def _as_asked(
    tokenizer: "PreTrainedTokenizerBase",
    text: str,
    ids: Sequence[int],
    spans: Sequence[Span],
    inside: Sequence[Sequence[int]],
) -> bool:
    """Tell whether before each reply stand just the tokens of the prompt that the model is asked with."""
    return all(
        bool(positions) and list(ids[: positions[0]]) == encode(tokenizer, text[:start])
        for (start, _), positions in zip(spans, inside, strict=True)
    )


def _apart(tokenizer: "PreTrainedTokenizerBase", text: str, span: Span) -> Tokens:
    """Tokenize a last reply apart from its prompt: some tokenizers join the prompt's line ends with what follows."""
    asked, reply = encode(tokenizer, text[: span[0]]), encode(tokenizer, text[slice(*span)])
    return asked + reply + encode(tokenizer, text[span[1] :]), [list(range(len(asked), len(asked) + len(reply)))]


def _seen_as_asked(tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message]) -> bool:
    """Tell whether one row can show every reply after just the tokens that the model is asked with."""
    if not rules(tokenizer).stable:
        return False
    shown = fitted(tokenizer, messages)
    text = render(tokenizer, shown)
    spans = _reply_spans(tokenizer, shown, text, last_only=False)
    ids, inside = _whole(tokenizer, text, spans)
    return _as_asked(tokenizer, text, ids, spans, inside)


def _check_row(tokenizer: "PreTrainedTokenizerBase", ids: Sequence[int], labels: Sequence[int], id: str) -> None:
    """Refuse a row that would train nothing, or that begins twice."""
    if all(label == IGNORE_INDEX for label in labels):
        raise DataError(
            f"The conversation {id} has no reply to train on; leave out conversations without an assistant's turn."
        )
    bos = tokenizer.bos_token_id
    if bos is not None and list(ids[:2]) == [bos, bos]:
        raise ModelError(
            f"The conversation {id} begins with {tokenizer.bos_token!r} twice: the chat template writes it and the"
            " tokenizer adds it. Take it out of the template in the model's folder."
        )


def _reply_spans(
    tokenizer: "PreTrainedTokenizerBase", messages: Sequence[Message], text: str, last_only: bool
) -> "list[Span]":
    """Return where each reply stands in the rendered text, end-of-turn token included."""
    spans = []
    replies = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
    for turn in replies[-1:] if last_only else replies:
        before = render(tokenizer, messages[:turn], generation=True)
        after = render(tokenizer, messages[: turn + 1])
        if not (after.startswith(before) and text.startswith(after.rstrip())):
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
