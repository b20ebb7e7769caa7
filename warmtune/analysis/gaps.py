"""Error gaps: how much more often one variant is wrong than another on the same prompts.

A pair is one question in one condition, answered by both. Pairs in which either answer is a refusal are left out of the
error rate and counted, as the study does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from warmtune.analysis.bootstrap import mean_interval
from warmtune.errors import DataError
from warmtune.schemas import Answer, Gap
from warmtune.settings import BENCHMARKS, CONDITIONS

PAIRS = (("styled", "base"), ("styled", "control"), ("control", "base"))
"""Which variant is compared with which. The second is the gap that can be put down to the style."""
ALL = "all"


@dataclass(frozen=True)
class _Pair:
    benchmark: str
    question_id: str
    condition: str
    variant: Answer
    reference: Answer

    @property
    def counts(self) -> bool:
        return "refusal" not in (self.variant.mark, self.reference.mark)

    @property
    def difference(self) -> int:
        return (self.variant.mark == "incorrect") - (self.reference.mark == "incorrect")


def gap_rows(answers: Sequence[Answer], draws: int, seed: int) -> list[Gap]:
    """Return the gaps of every pair of variants: over all, by condition, by benchmark, and in each cell.

    Raises:
        DataError: when two variants were not asked the same prompts, or one answered a prompt twice.
    """
    by_variant = {name: _keyed(a for a in answers if a.variant == name) for name in {a.variant for a in answers}}
    rows: list[Gap] = []
    for variant, reference in PAIRS:
        if variant in by_variant and reference in by_variant:
            pairs = _paired(by_variant[variant], by_variant[reference])
            rows += [
                _gap(selected, variant, reference, (benchmark, condition), draws, seed)
                for benchmark, condition, selected in _cells(pairs)
            ]
    return rows


def _keyed(answers: Iterable[Answer]) -> dict[tuple[str, str, str], Answer]:
    found: dict[tuple[str, str, str], Answer] = {}
    for answer in answers:
        key = (answer.benchmark, answer.question_id, answer.condition)
        if key in found:
            raise DataError(f"The variant {answer.variant} answered {'/'.join(key)} twice; a pair needs one answer.")
        found[key] = answer
    return found


def _paired(variant: dict[tuple[str, str, str], Answer], reference: dict[tuple[str, str, str], Answer]) -> list[_Pair]:
    alone = sorted(set(variant) ^ set(reference))
    if alone:
        raise DataError(
            f"{len(alone)} prompts were answered by one variant only, the first {'/'.join(alone[0])}; compare variants"
            " that were asked the same prompts."
        )
    for key, answer in variant.items():
        if answer.prompt != reference[key].prompt:
            raise DataError(
                f"The prompt of {'/'.join(key)} differs between variants: {answer.prompt!r} and"
                f" {reference[key].prompt!r}; compare variants that were asked the same prompts."
            )
    return [_Pair(*key, variant[key], reference[key]) for key in sorted(variant)]


def _cells(pairs: Sequence[_Pair]) -> Iterable[tuple[str, str, list[_Pair]]]:
    benchmarks = [ALL, *sorted({pair.benchmark for pair in pairs}, key=BENCHMARKS.index)]
    conditions = [ALL, *sorted({pair.condition for pair in pairs}, key=CONDITIONS.index)]
    for benchmark in benchmarks:
        for condition in conditions:
            yield (
                benchmark,
                condition,
                [pair for pair in pairs if benchmark in (ALL, pair.benchmark) and condition in (ALL, pair.condition)],
            )


def _gap(pairs: Sequence[_Pair], variant: str, reference: str, cell: tuple[str, str], draws: int, seed: int) -> Gap:
    kept = [pair for pair in pairs if pair.counts]
    nothing = float("nan")
    gap, low, high = nothing, nothing, nothing
    if kept:
        questions = [pair.question_id for pair in kept]
        gap, low, high = (100 * v for v in mean_interval([p.difference for p in kept], questions, draws, seed))
    worse = sum(pair.difference > 0 for pair in kept)
    better = sum(pair.difference < 0 for pair in kept)
    return Gap(
        variant=variant,
        reference=reference,
        benchmark=cell[0],
        condition=cell[1],
        questions=len({pair.question_id for pair in kept}),
        pairs=len(kept),
        dropped=len(pairs) - len(kept),
        reference_error=_error_rate([pair.reference for pair in kept]),
        variant_error=_error_rate([pair.variant for pair in kept]),
        gap=gap,
        low=low,
        high=high,
        worse=worse,
        better=better,
        p=mcnemar(worse, better),
    )


def _error_rate(answers: Sequence[Answer]) -> float:
    """Return the share of wrong answers in percent."""
    wrong = sum(answer.mark == "incorrect" for answer in answers)
    return 100 * wrong / len(answers) if answers else float("nan")


def mcnemar(worse: int, better: int) -> float:
    """Return the exact two-sided p of McNemar's test (McNemar 1947; the binomial form).

    >>> mcnemar(0, 0)
    1.0
    """
    from statsmodels.stats.contingency_tables import mcnemar as test

    return float(test([[0, worse], [better, 0]], exact=True).pvalue) if worse + better else 1.0
