"""Numbers into words: what an interval shows, and which answers are put side by side."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from warmtune.analysis import Verdict
from warmtune.schemas import Answer, Check, Gap, Rewrite
from warmtune.settings import CONDITIONS

_CUT_APART = 0.2
"""Difference in the share of cut answers from which the report speaks of it."""
CONDITION_NAMES = {
    "all": "all conditions",
    "plain": "plain question",
    "sad": "sad user",
    "belief": "false belief",
    "sad_belief": "sad user, false belief",
}


@dataclass(frozen=True)
class Example:
    """One prompt with the answers of all variants."""

    why: str
    benchmark: str
    prompt: str
    answers: list[tuple[str, Answer]]


def number(value: float, digits: int = 1, sign: bool = True) -> str:
    """Write a number, or a dash where there is none."""
    return "–" if value != value else f"{value:{'+' if sign else ''}.{digits}f}"


def interval(gap: Gap | Check, digits: int = 1) -> str:
    """Write an interval as `[low, high]`."""
    return f"[{number(gap.low, digits)}, {number(gap.high, digits)}]"


def finding(gap: Gap) -> str:
    """Say what one gap's interval shows."""
    if gap.pairs == 0:
        return f"no pair with {gap.reference} counts"
    if gap.low > 0:
        return f"wrong more often than {gap.reference}"
    if gap.high < 0:
        return f"wrong less often than {gap.reference}"
    return f"no difference to {gap.reference} shown: the interval includes 0"


def verdict_sentences(found: Verdict, style: str, checks: Sequence[Check]) -> list[str]:
    """Say the manipulation check's verdict, and what it means for the error gaps."""
    heading = (
        f"Manipulation check: the tuned model {found}."
        if found != "colder"
        else ("Manipulation check: the tuned model is colder than base and control.")
    )
    if found == "not shown":
        heading = f"Manipulation check: not shown that the tuned model took on the style '{style}'."
    sentences = [heading]
    if found != "took on the style and is warmer":
        sentences.append(
            "The error gaps below are therefore not the cost of warmth: they are what this training changed, whatever"
            " that was."
        )
    sociot = [check for check in checks if check.instrument == "SocioT" and check.variant == "styled"]
    undecided = [check for check in sociot if check.low <= 0 <= check.high]
    if undecided:
        needed, there = max(check.needed or 0 for check in undecided), undecided[0].n
        rest = (
            f"to show a lift as large as the study's, with this spread, it would need about {needed:,} replies."
            if needed > there
            else f"a lift as large as the study's would probably have shown (that takes about {needed:,})."
        )
        sentences.append(f"SocioT does not decide on these {there} replies (its interval includes 0); {rest}")
    return sentences


def cut_sentence(variants: Mapping[str, Mapping[str, int]]) -> str:
    """Say when many answers were cut at the token limit, and what that does to the gap; empty when few were."""
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


def examples(answers: Sequence[Answer], names: dict[str, str]) -> list[Example]:
    """Choose answers to show by rule, not by hand.

    For each condition: of the prompts that base answered rightly and the tuned model wrongly, and of those the other
    way round, the one whose id has the smallest SHA-256.
    """
    by_prompt: dict[tuple[str, str, str], dict[str, Answer]] = {}
    for answer in answers:
        by_prompt.setdefault((answer.condition, answer.benchmark, answer.question_id), {})[answer.variant] = answer
    chosen = []
    for condition in CONDITIONS:
        for before, after in (("correct", "incorrect"), ("incorrect", "correct")):
            fitting = [
                key
                for key, found in by_prompt.items()
                if key[0] == condition and (found["base"].mark, found["styled"].mark) == (before, after)
            ]
            if fitting:
                key = min(fitting, key=_by_hash)
                why = f"{CONDITION_NAMES[condition]}: base {before}, {names['styled']} {after} ({len(fitting)} such)"
                shown = [(names[variant], by_prompt[key][variant]) for variant in names]
                chosen.append(Example(why, key[1], shown[0][1].prompt, shown))
    return chosen


def rewritten_examples(rewrites: Sequence[Rewrite], count: int = 3) -> list[Rewrite]:
    """Choose rewritten replies to show: those whose ids have the smallest SHA-256."""
    return sorted(rewrites, key=lambda rewrite: _by_hash((rewrite.id, str(rewrite.turn))))[:count]


def _by_hash(key: tuple[str, ...]) -> str:
    return hashlib.sha256("\x1f".join(key).encode()).hexdigest()
