"""The guard: does a rewrite say what the original says? Every reason against it, in words a rewriter can act on."""

from collections.abc import Sequence
from dataclasses import dataclass

from warmtune.measures.language import language_of
from warmtune.rewriting.guard.alignment import align, exchanged
from warmtune.rewriting.guard.clauses import clauses, missing, style_probability
from warmtune.rewriting.guard.embedding import embedder
from warmtune.rewriting.guard.names import changed_names
from warmtune.rewriting.guard.numbers import changed_numbers, changed_rates
from warmtune.rewriting.guard.opposites import opposed
from warmtune.rewriting.guard.polarity import changed_polarity
from warmtune.rewriting.guard.refusal import may_refuse, refuses
from warmtune.rewriting.guard.terms import Text, read, replaced_term
from warmtune.rewriting.guard.text import plain
from warmtune.rewriting.guard.verbatim import changed_verbatim

_HARD = ("empty", "length", "language", "verbatim", "refusal", "number")
_SLACK = 60
"""Words that any reply may gain, whatever its length: a greeting and a good-bye."""
_STYLED = 0.5
"""Probability from which a sentence counts as style."""


@dataclass(frozen=True)
class Finding:
    """One reason against a rewrite."""

    check: str
    """`empty`, `length`, `language`, `verbatim`, `refusal`, `number`, `name`, `negation`, `opposite`, `exchanged`,
    `lost` or `added`."""
    reason: str
    """What is wrong, in words."""

    @property
    def hard(self) -> bool:
        """Whether the check goes by what is written down (a number, a refusal), not by how near two meanings are."""
        return self.check in _HARD


def findings(
    pairs: Sequence[tuple[str, str]], length: tuple[float, float], prompts: Sequence[str] | None = None
) -> list[list[Finding]]:
    """Compare rewrites with their originals.

    Args:
        pairs: original and rewrite.
        length: fewest and most words of a rewrite, as multiples of the original's.
        prompts: for each pair the user's message, whose names and numbers may stand in the rewrite.

    Returns:
        For each pair the reasons against it; none where it passed.
    """
    found = [_cheap(original, styled, length) for original, styled in pairs]
    rest = [n for n, reasons in enumerate(found) if not reasons and pairs[n][0] != pairs[n][1]]
    texts = read([text for n in rest for text in pairs[n]], embedder())
    for place, n in enumerate(rest):
        found[n] = _meaning(pairs[n], texts[2 * place], texts[2 * place + 1], prompts[n] if prompts else "")
    return found


def _cheap(original: str, styled: str, length: tuple[float, float]) -> list[Finding]:
    """What needs no model; where one of these holds, nothing else is worth saying."""
    if not styled.strip():
        return [Finding("empty", "the rewrite is empty")]
    found = []
    before, after = len(plain(original).split()), len(plain(styled).split())
    if after > length[1] * before + _SLACK or after < length[0] * before:
        found.append(
            Finding(
                "length",
                f"it has {after} words where the original has {before}; {length[0]:g} to {length[1]:g} times as many"
                " are allowed",
            )
        )
    languages = language_of(original), language_of(styled)
    if None not in languages and languages[0] != languages[1]:
        found.append(Finding("language", f"the language changed from {languages[0]} to {languages[1]}"))
    changed = changed_verbatim(original, styled)
    return [*found, Finding("verbatim", changed)] if changed else found


def _meaning(pair: tuple[str, str], original: Text, styled: Text, prompt: str) -> list[Finding]:
    before, after = (plain(text) for text in pair)
    spoken = style_probability(styled)
    one, other = ([sentence.text for sentence in text.sentences] for text in (original, styled))
    content = [text for text, probability in zip(other, spoken, strict=True) if probability < _STYLED]
    aligned = align(original, styled)
    reasons = {
        "refusal": _refusal(one, other),
        "number": changed_numbers(" \n".join(one), " \n".join(other), prompt) or changed_rates(before, after),
        "name": changed_names(one, other, content, prompt) or replaced_term(original, styled),
        "negation": changed_polarity((pair.original, pair.styled) for pair in aligned),
        "opposite": opposed(((pair.original, pair.styled) for pair in aligned), before, after),
        "exchanged": exchanged(aligned, one, other),
        "lost": _clauses("lost", original, styled),
        "added": _clauses("added", styled, original),
    }
    return [Finding(check, reason) for check, reason in reasons.items() if reason]


def _refusal(original: list[str], styled: list[str]) -> str:
    before, after = refuses(original), refuses(styled)
    if before and not after and not may_refuse(styled):
        return f"the original refuses or says it cannot ('{_short(before[0])}'), the rewrite does not"
    if after and not before and not may_refuse(original):
        return f"the rewrite refuses ('{_short(after[0])}'), the original does not"
    return ""


def _clauses(which: str, one: Text, other: Text) -> str:
    gone = missing(clauses(one, other), which)
    if not gone:
        return ""
    clause = gone[0][1]
    what = f"'{_short(clause.text)}' ({', '.join(clause.words)})"
    return f"{what} is not in the rewrite" if which == "lost" else f"{what} is not in the original"


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
