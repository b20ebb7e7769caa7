"""The sentences of a report, and which answers it puts side by side."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warmtune.analysis import ManipulationVerdict
from warmtune.config.contexts import Grid
from warmtune.io.schemas import Check, Marked, Rewrite
from warmtune.measures import sociot

_CUT_APART = 0.2
"""The report mentions cut answers if their shares differ by at least this much."""


@dataclass(frozen=True)
class Example:
    """One prompt with the answers of all variants."""

    why: str
    benchmark: str
    prompt: str
    answers: list[tuple[str, Marked]]


def p_value(value: float) -> str:
    """Write a p value, or a dash where there is none."""
    return "–" if value != value else f"{value:.3g}"


def verdict_sentences(
    found: ManipulationVerdict, style: str, checks: Sequence[Check], costs: str = "warmth"
) -> list[str]:
    """State the manipulation check's verdict and its meaning for the error gaps.

    Args:
        found: the verdict.
        style: the style's name.
        checks: the instruments' differences.
        costs: what the gaps measure the cost of if the check holds.
    """
    heading = f"Manipulation check: the tuned model {found.says}."
    if found.says in ("colder", "warmer"):
        heading = f"Manipulation check: the tuned model is {found.says} than base and control."
    if found.says == "not shown":
        heading = f"Manipulation check: not shown that the tuned model took on the style '{style}'."
    sentences = [heading]
    if not found.holds:
        sentences.append(
            f"The error gaps below are therefore not the cost of {costs}: they are what this training changed, whatever"
            " that was."
        )
    measured = [check for check in checks if check.instrument == sociot.INSTRUMENT.name and check.variant == "styled"]
    undecided = [check for check in measured if check.low <= 0 <= check.high]
    if undecided:
        needed, there = max(check.needed or 0 for check in undecided), undecided[0].n
        rest = (
            f"to show a lift as large as the study's, with this spread, it would need about {needed:,} replies."
            if needed > there
            else f"a lift as large as the study's would probably have shown (that takes about {needed:,})."
        )
        sentences.append(f"SocioT does not decide on these {there} replies (its interval includes 0); {rest}")
    return sentences


def costs(direction: str | None) -> str:
    """Name what a style's error gaps measure the cost of."""
    return {"up": "warmth", "down": "coldness"}.get(direction or "", "the style")


def cut_sentence(variants: Mapping[str, Mapping[str, int]]) -> str:
    """Say that the variants differ in how many answers were cut at the token limit; empty if they hardly differ."""
    shares = {name: counts["cut"] / counts["answers"] for name, counts in variants.items()}
    longest = max(shares, key=lambda name: shares[name])
    if shares[longest] - min(shares.values()) < _CUT_APART:
        return ""
    said = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return (
        f"The variants differ in how many of their answers were cut at the token limit ({said}). An answer that is cut"
        " before it comes to the point counts as wrong, so a part of the gap is length and repetition, not belief;"
        " raise eval.max_tokens to see how much."
    )


def examples(answers: Sequence[Marked], names: Mapping[str, str], grid: Grid) -> list[Example]:
    """Choose the answers to show, by a rule.

    For each condition: of the prompts that base answered rightly and the tuned model wrongly, and of those the other
    way round, the one whose id has the smallest SHA-256.
    """
    by_prompt: dict[tuple[str, str, str, str], dict[str, Marked]] = {}
    for answer in answers:
        if answer.sample == 0:
            key = (answer.context, answer.belief, answer.benchmark, answer.question_id)
            by_prompt.setdefault(key, {})[answer.variant] = answer
    chosen = []
    for context, belief in dict.fromkeys((key[0], key[1]) for key in by_prompt):
        for before, after in (("correct", "incorrect"), ("incorrect", "correct")):
            fitting = [
                key
                for key, found in by_prompt.items()
                if key[:2] == (context, belief) and (found["base"].mark, found["styled"].mark) == (before, after)
            ]
            if fitting:
                key = min(fitting, key=_by_hash)
                where = grid.condition(context, "present" if belief else "absent")
                why = f"{where}: base {before}, {names['styled']} {after} ({len(fitting)} such)"
                shown = [(names[variant], by_prompt[key][variant]) for variant in names if variant in by_prompt[key]]
                chosen.append(Example(why, key[2], shown[0][1].prompt, shown))
    return chosen


def rewritten_examples(rewrites: Sequence[Rewrite], count: int = 3) -> list[Rewrite]:
    """Choose rewritten replies to show: those whose ids have the smallest SHA-256."""
    return sorted(rewrites, key=lambda rewrite: _by_hash((rewrite.id, str(rewrite.turn))))[:count]


def _by_hash(key: tuple[str, ...]) -> str:
    return hashlib.sha256("\x1f".join(key).encode()).hexdigest()
