"""The guard's findings: every reason against a rewrite, in words that a rewriter can act on."""

from collections.abc import Sequence
from dataclasses import dataclass

from warmtune.measures.language import language_of
from warmtune.rewriting.guard.clauses import clauses, missing, style_probability
from warmtune.rewriting.guard.content_words import Text, read, replaced_term
from warmtune.rewriting.guard.embedding import embedder
from warmtune.rewriting.guard.names import changed_names
from warmtune.rewriting.guard.numbers import changed_numbers, changed_rates
from warmtune.rewriting.guard.opposites import opposed
from warmtune.rewriting.guard.polarity import changed_polarity
from warmtune.rewriting.guard.refusal import may_refuse, refuses
from warmtune.rewriting.guard.sentence_alignment import align, exchanged
from warmtune.rewriting.guard.text import plain
from warmtune.rewriting.guard.verbatim import changed_verbatim

_HARD = ("empty", "length", "language", "verbatim", "refusal", "number")
_SLACK = 60
"""Words that a reply of any length may gain: a greeting and a good-bye."""
_STYLED = 0.5
"""Lowest probability at which a sentence counts as style."""


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
        """True when the check compares what is written (a number, a refusal), not how near two meanings are."""
        return self.check in _HARD


def findings(
    pairs: Sequence[tuple[str, str]], length: tuple[float, float], prompts: Sequence[str] | None = None
) -> list[list[Finding]]:
    """Compare rewrites with their originals.

    Args:
        pairs: original and rewrite.
        length: fewest and most words of a rewrite, as multiples of the original's.
        prompts: the user's message for each pair; the rewrite may use its names and numbers.

    Returns:
        One list per pair: the reasons against the rewrite; an empty list where it passed.

    Raises:
        ModelError: the sentence model cannot be loaded.
    """
    results = [_written_findings(original, styled, length) for original, styled in pairs]
    remaining = [n for n, reasons in enumerate(results) if not reasons and pairs[n][0] != pairs[n][1]]
    texts = read([text for n in remaining for text in pairs[n]], embedder())
    for position, n in enumerate(remaining):
        results[n] = _meaning_findings(
            pairs[n], texts[2 * position], texts[2 * position + 1], prompts[n] if prompts else ""
        )
    return results


def _written_findings(original: str, styled: str, length: tuple[float, float]) -> list[Finding]:
    """Return the findings that need no model; where there are any, the other checks are skipped."""
    if not styled.strip():
        return [Finding("empty", "the rewrite is empty")]
    reasons = []
    before, after = len(plain(original).split()), len(plain(styled).split())
    if after > length[1] * before + _SLACK or after < length[0] * before:
        reasons.append(
            Finding(
                "length",
                f"it has {after} words where the original has {before}; {length[0]:g} to {length[1]:g} times as many"
                " are allowed",
            )
        )
    languages = language_of(original), language_of(styled)
    if None not in languages and languages[0] != languages[1]:
        reasons.append(Finding("language", f"the language changed from {languages[0]} to {languages[1]}"))
    changed = changed_verbatim(original, styled)
    return [*reasons, Finding("verbatim", changed)] if changed else reasons


def _meaning_findings(pair: tuple[str, str], original: Text, styled: Text, prompt: str) -> list[Finding]:
    before, after = (plain(text) for text in pair)
    style = style_probability(styled)
    originals, rewritten = ([sentence.text for sentence in text.sentences] for text in (original, styled))
    content = [text for text, probability in zip(rewritten, style, strict=True) if probability < _STYLED]
    aligned = align(original, styled)
    reasons = {
        "refusal": _refusal(originals, rewritten),
        "number": changed_numbers(" \n".join(originals), " \n".join(rewritten), prompt) or changed_rates(before, after),
        "name": changed_names(originals, rewritten, content, prompt) or replaced_term(original, styled),
        "negation": changed_polarity((pair.original, pair.styled) for pair in aligned),
        "opposite": opposed(((pair.original, pair.styled) for pair in aligned), before, after),
        "exchanged": exchanged(aligned, originals, rewritten),
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


def _clauses(which: str, text: Text, other_text: Text) -> str:
    unmatched = missing(clauses(text, other_text), which)
    if not unmatched:
        return ""
    clause = unmatched[0][1]
    what = f"'{_short(clause.text)}' ({', '.join(clause.words)})"
    return f"{what} is not in the rewrite" if which == "lost" else f"{what} is not in the original"


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:97]}..."
