"""The review: a person reads a draw of rewritten replies beside the originals and marks each pair, before training.

`write_review` makes one HTML file that needs nothing but a browser; its Save button downloads `review.json`, which
`read_review` reads.
"""

import difflib
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from warmtune.errors import DataError
from warmtune.io.schemas import Conversation, Rewrite
from warmtune.presentation.templates import environment
from warmtune.runs.store import write_atomically

FORM = "warmtune-review"
VERSION = 1
MEANINGS = ("same", "changed", "unsure")
STYLES = ("yes", "no", "unsure")
"""Whether the rewritten reply is of the style. A pair without a mark has an empty text, here and for its meaning."""

_FIELDS = (("key", str), ("reviewer", str), ("saved", str), ("marks", list))
_MARK_FIELDS = (("id", str), ("turn", int), ("meaning", str), ("style", str), ("comment", str))
# Chinese and Japanese put no spaces between words, so there a character is a token. A word is what is neither space
# nor punctuation rather than \w, which would cut words at the vowel signs of Hindi and emoji at their joiners.
_ALONE = r"\u3040-\u30ff\u3400-\u9fff"
_POINTS = r"!-/:-@\[-`{-~\u00a1-\u00bf\u060c\u061b\u061f\u06d4\u0964\u0965\u2010-\u205e\u3000-\u303f\uff01-\uff0f"
_WORD = rf"[^\s{_POINTS}{_ALONE}]+"
_TOKEN = re.compile(rf"\s*(?:{_WORD}(?:['’]{_WORD})*|[{_POINTS}{_ALONE}])\s*|\s+")
_EXACT_UP_TO = 100_000
"""Pairs of equal tokens from which the comparison passes over very frequent tokens: a looping reply takes minutes."""
_LONG_PROMPT = 280


@dataclass(frozen=True)
class Pair:
    """One reply before and after rewriting, with the message that it answers."""

    id: str
    turn: int
    """Index of the message in its conversation."""
    label: str
    """Query type of the conversation."""
    prompt: str
    original: str
    styled: str
    note: str
    """What to know about the pair, such as `original kept: ...`; empty when there is nothing."""


@dataclass(frozen=True)
class Review:
    """What a person marked. A pair without a mark counts in `pairs` only."""

    pairs: int
    marked: int
    """Pairs with both a mark for meaning and one for style."""
    same_meaning: int
    changed_meaning: int
    of_style: int
    not_of_style: int
    unsure: int
    """Pairs with "unsure" for meaning, for style, or for both."""
    changed: list[str]
    """`id/turn` of each pair whose meaning changed, followed by `: ` and the person's comment when there is one."""
    reviewer: str
    saved: str
    """When it was saved: ISO time, as the browser wrote it."""


def pairs_of(rows: Sequence[Rewrite], conversations: Sequence[Conversation]) -> list[Pair]:
    """Return each rewritten reply with the message that it answers; one whose original was kept says so."""
    prompts = {
        (one.id, turn): one.messages[turn - 1]["content"] if turn else ""
        for one in conversations
        for turn in range(len(one.messages))
    }
    return [
        Pair(
            row.id, row.turn, row.label, prompts[row.id, row.turn], row.original, row.styled,
            f"original kept: {row.reason}" if row.reason else "",
        )
        for row in rows
    ]  # fmt: skip


def choose(pairs: Sequence[Pair], count: int, seed: int) -> list[Pair]:
    """Draw `count` pairs, or all when there are fewer; which ones and in what order depends on ids and seed alone."""
    ordered = sorted(pairs, key=lambda pair: (pair.id, pair.turn))
    return random.Random(seed).sample(ordered, min(count, len(ordered)))


def write_review(pairs: Sequence[Pair], style: str, intensity: float, key: str, file: Path) -> None:
    """Write the review page of some pairs.

    Args:
        pairs: what to show, in this order.
        style: the style's name.
        intensity: how strongly the replies were rewritten.
        key: identifies the rewritten data, such as a digest; `read_review` accepts marks made under the same key only.
        file: the HTML file to write.
    """
    page = {
        "form": FORM,
        "version": VERSION,
        "key": key,
        "style": style,
        "intensity": intensity,
        "pairs": [{"id": pair.id, "turn": pair.turn} for pair in pairs],
    }
    rows = [(pair, *differences(pair.original, pair.styled)) for pair in pairs]
    template = environment("warmtune.rewriting", html=True).get_template("review.html.j2")
    write_atomically(
        file, template.render(rows=rows, style=style, intensity=f"{intensity:g}", page=page, long_prompt=_LONG_PROMPT)
    )


def differences(original: str, styled: str) -> tuple[Markup, Markup]:
    """Return both texts as HTML, with `<del>` around words that only the first has and `<ins>` those of the second.

    >>> [str(text) for text in differences("It is 3 < 4.", "Oh, it is 3 < 4.")]
    ['<del>It</del> is 3 &lt; 4.', '<ins>Oh, it</ins> is 3 &lt; 4.']
    """
    before, after = _TOKEN.findall(original), _TOKEN.findall(styled)
    left_words, right_words = [token.strip() for token in before], [token.strip() for token in after]
    left_counts, right_counts = Counter(left_words), Counter(right_words)
    equal = sum(count * right_counts[word] for word, count in left_counts.items())
    matcher = difflib.SequenceMatcher(None, left_words, right_words, autojunk=equal > _EXACT_UP_TO)
    left, right = Markup(), Markup()
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        left += _run("".join(before[start:end]), "" if kind == "equal" else "del")
        right += _run("".join(after[other_start:other_end]), "" if kind == "equal" else "ins")
    return left, right


def _run(text: str, tag: str) -> Markup:
    """Escape a run of words and put it in a tag, with the white space after it outside."""
    words = text.rstrip()
    if not tag or not words:
        return Markup("{}").format(text)
    return Markup("<{0}>{1}</{0}>{2}").format(tag, words, text[len(words) :])


def read_review(file: Path, key: str) -> Review:
    """Read the file that the review page saved.

    Args:
        file: the JSON file.
        key: what identifies the rewritten data at hand, as given to `write_review`.

    Raises:
        DataError: when it cannot be read, is not a review, has an unknown mark, or was made for other data.
    """
    saved = _form(file)
    if saved["key"] != key:
        raise DataError(
            f"The review {file} was made for other rewritten data (its key is {saved['key']!r}, that of the data at"
            f" hand {key!r}), so its marks are about other replies; mark the pairs on the review page of these data and"
            " give the file that it saves."
        )
    marks: list[dict[str, Any]] = saved["marks"]
    _check(file, marks)
    changed = [mark for mark in marks if mark["meaning"] == "changed"]
    return Review(
        pairs=len(marks),
        marked=sum(1 for mark in marks if mark["meaning"] and mark["style"]),
        same_meaning=sum(1 for mark in marks if mark["meaning"] == "same"),
        changed_meaning=len(changed),
        of_style=sum(1 for mark in marks if mark["style"] == "yes"),
        not_of_style=sum(1 for mark in marks if mark["style"] == "no"),
        unsure=sum(1 for mark in marks if "unsure" in (mark["meaning"], mark["style"])),
        changed=[_named(mark) for mark in changed],
        reviewer=saved["reviewer"].strip(),
        saved=saved["saved"],
    )


def _form(file: Path) -> dict[str, Any]:
    """Read a file and make sure that the review page saved it, whatever its marks."""
    advice = "mark the pairs on the review page, press its Save button, and give the file that it downloads."
    try:
        saved = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"The review {file} cannot be read ({error.strerror}); {advice}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"The review {file} is not JSON ({error}), which the review page saves; {advice}") from None
    if not isinstance(saved, dict) or saved.get("form") != FORM:
        raise DataError(f'{file} is JSON, but not a review: it lacks "form": "{FORM}"; {advice}')
    if saved.get("version") != VERSION:
        raise DataError(
            f"The review {file} has version {saved.get('version')!r}, and this warmtune reads version {VERSION}; make"
            " the review page and its marks with the warmtune that reads them."
        )
    for name, kind in _FIELDS:
        if not isinstance(saved.get(name), kind):
            raise DataError(f'The review {file} has no "{name}" as the review page saves it; {advice}')
    return saved


def _check(file: Path, marks: Sequence[Any]) -> None:
    """Refuse marks that the page cannot have saved."""
    seen: set[tuple[str, int]] = set()
    advice = "load the file on the review page, mark the pair again, and save."
    for number, mark in enumerate(marks, start=1):
        # `type`, not `isinstance`: JSON's true is no turn.
        if not isinstance(mark, dict) or any(type(mark.get(name)) is not kind for name, kind in _MARK_FIELDS):
            raise DataError(
                f"Mark {number} of the review {file} is {json.dumps(mark):.200}, and a mark has id, turn, meaning,"
                f" style and comment; {advice}"
            )
        pair = (mark["id"], mark["turn"])
        for name, known in (("meaning", MEANINGS), ("style", STYLES)):
            if mark[name] and mark[name] not in known:
                raise DataError(
                    f"The review {file} marks {name} of {pair[0]}/{pair[1]} as {mark[name]!r:.80}, and known are"
                    f" {', '.join(known)}, or an empty text for no mark; {advice}"
                )
        if pair in seen:
            raise DataError(f"The review {file} marks {pair[0]}/{pair[1]} twice, which the page never does; {advice}")
        seen.add(pair)


def _named(mark: dict[str, Any]) -> str:
    comment = " ".join(mark["comment"].split())
    return f"{mark['id']}/{mark['turn']}" + (f": {comment}" if comment else "")
