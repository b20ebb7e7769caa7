"""The report's section on the cost: chooses and orders its gaps, contrasts and effects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmtune.analysis.agreement import kappa_interval
from warmtune.analysis.gap_tables import GapRow, benchmark_rows, condition_rows, over_all_prompts
from warmtune.io.schemas import BASE_AGAIN, LABELS, Contrast, Effect, Gap, Marked

_KAPPA_DRAWS = 2000
_FAMILIES = ("smollm", "llama", "qwen", "mistral", "gemma", "gpt", "claude", "gemini", "deepseek", "grok", "phi")


@dataclass(frozen=True)
class Agreement:
    """How far two markers agree."""

    who: str
    answers: int
    agreed: float
    """Percent."""
    kappa: float
    low: float
    high: float


@dataclass(frozen=True)
class Cost:
    """Everything that the section shows."""

    conditions: list[GapRow]
    benchmarks: list[GapRow]
    controls: list[GapRow]
    others: list[Gap]
    """Gaps of the recipe's further variants, over all prompts."""
    noise: Gap | None
    """Gap of the base to itself, sampled again: what chance alone does."""
    fine_tuning: Gap
    cells: list[Gap]
    contrasts: list[Contrast]
    equivalences: list[Contrast]
    effects: list[Effect]
    undecided: str
    agreements: list[Agreement]


def cost_section(
    gaps: Sequence[Gap],
    contrasts: Sequence[Contrast],
    effects: Sequence[Effect],
    marked: Sequence[Marked],
    labels: Sequence[dict[str, str]],
    controls: frozenset[str],
    families: Mapping[str, str],
    seed: int,
) -> Cost:
    """Choose the section's rows.

    Args:
        gaps: all of them.
        contrasts: all of them.
        effects: the regressions'.
        marked: the answers with their marks.
        labels: a person's marks, see `warmtune.evaluation.marking.human_labels.Label`.
        controls: names of the control benchmarks.
        families: the family of the model behind each variant.
        seed: of the intervals of agreement.
    """
    whole = over_all_prompts(gaps)
    further = [gap for gap in whole if gap.variant not in ("styled", "control", BASE_AGAIN)]
    benchmarks = benchmark_rows(gaps)
    return Cost(
        conditions=condition_rows(gaps),
        benchmarks=[row for row in benchmarks if row.name not in controls],
        controls=[row for row in benchmarks if row.name in controls],
        others=further,
        noise=next((gap for gap in whole if (gap.variant, gap.reference) == (BASE_AGAIN, "base")), None),
        fine_tuning=next(gap for gap in whole if gap.variant == "control"),
        cells=[gap for gap in gaps if gap.variant == "styled" and gap.pairs + gap.refused + gap.undecided],
        contrasts=[one for one in contrasts if one.variant == "styled" and not one.note],
        equivalences=[one for one in contrasts if one.note and one.variant != BASE_AGAIN],
        effects=[one for one in effects if one.variant == "styled"],
        undecided=_undecided(marked),
        agreements=_agreements(marked, labels, families, seed),
    )


def _undecided(marked: Sequence[Marked]) -> str:
    """Say how many answers could not be marked, and how many count as wrong only because no right answer was found."""
    undecided = sum(one.mark == "undecided" for one in marked)
    unsure = sum(one.by == "rule" and not one.sure and one.mark != "undecided" for one in marked)
    said = []
    if undecided:
        said.append(
            f"{undecided} of {len(marked)} answers ({undecided / len(marked):.0%}) could not be marked; pairs with one"
            " are left out of the gaps. Set a judge (judge=model judge.model=NAME) to have them read."
        )
    if unsure:
        said.append(
            f"{unsure} answers ({unsure / len(marked):.0%}) count as wrong because no form of the right answer was"
            " found in them; a judge would read them."
        )
    return " ".join(said)


def _agreements(
    marked: Sequence[Marked], labels: Sequence[dict[str, str]], families: Mapping[str, str], seed: int
) -> list[Agreement]:
    """Return how far judge and rules agree, both judges (also by the answering model's family), and a person."""
    pairs: list[tuple[str, list[tuple[str, str]]]] = []
    judged = [one for one in marked if one.judge_mark not in ("", "undecided")]
    pairs.append(("judge and rules", [(one.judge_mark, one.rule_mark) for one in judged if one.sure]))
    twice = [one for one in judged if one.second_mark not in ("", "undecided")]
    pairs.append(("judge and second judge", [(one.judge_mark, one.second_mark) for one in twice]))
    for family in dict.fromkeys(families[one.variant] for one in twice):
        those = [(one.judge_mark, one.second_mark) for one in twice if families[one.variant] == family]
        pairs.append((f"judge and second judge, answers of the family {family}", those))
    pairs.append(("a person and the marks", [(one["person"], one["mark"]) for one in labels]))
    pairs.append(("a person and the judge", [(o["person"], o["judge_mark"]) for o in labels if o["judge_mark"]]))
    pairs.append(("a person and the rules", [(o["person"], o["rule_mark"]) for o in labels]))
    return [_agreement(who, found, seed) for who, found in pairs if found]


def _agreement(who: str, found: Sequence[tuple[str, str]], seed: int) -> Agreement:
    one, other = [a for a, _ in found], [b for _, b in found]
    agreed = 100 * sum(a == b for a, b in found) / len(found)
    return Agreement(who, len(found), agreed, *kappa_interval(one, other, _KAPPA_DRAWS, seed))


def family(model: str) -> str:
    """Return a model's family, which shows whether a judge favours models of its own family.

    >>> family("openai/gpt-4o-2024-08-06"), family("meta-llama/Llama-3.1-8B-Instruct")
    ('gpt', 'llama')
    """
    name = model.lower()
    return next((known for known in _FAMILIES if known in name), name.split("/")[-1])


def read_kept_labels(folder: Path) -> list[dict[str, Any]]:
    """Return a person's marks; empty if there are none."""
    file = folder / LABELS
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return found
