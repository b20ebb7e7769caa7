"""The gate: may this adapter be published? It names every reason against it at once, in sentences."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from warmtune.analysis.gap_tables import every_condition, over_all_prompts
from warmtune.io.schemas import GAPS, Gap
from warmtune.presentation.formatting import interval, number
from warmtune.publishing.evidence import ADAPTER, Evidence

REFERENCES = ("base", "control")


@dataclass(frozen=True)
class Refusal:
    """One reason not to publish."""

    text: str
    by_limit: bool = False
    """True if a gap is over the publisher's own limit; the publisher can accept that with a reason."""


def refusals(evidence: Evidence, max_gap: float | None, unlicensed: str, controls: Collection[str]) -> list[Refusal]:
    """Return every reason not to publish; none if the gate is open.

    Args:
        evidence: what the run's folder shows.
        max_gap: the highest upper bound that a gap may have, in percentage points; None for no limit.
        unlicensed: why no licence of the base can be named; empty if one can.
        controls: names of the benchmarks that the style should not touch; the limit does not apply to them.
    """
    found = []
    if evidence.missing:
        found.append(
            Refusal(
                f"The evaluation is missing: the run has no {', '.join(evidence.missing)}. Let it end first, with the"
                " command that began it."
            )
        )
    if evidence.damaged:
        found.append(Refusal(_damage(evidence.damaged)))
    if evidence.changed:
        found.append(Refusal(_change(evidence.changed)))
    if "report" not in evidence.missing and not evidence.holds:
        found.append(
            Refusal(
                f"The manipulation check failed ({evidence.says}): it is not shown that the adapter took on its style,"
                " so its error gaps are not the cost of that style."
            )
        )
    if unlicensed:
        found.append(Refusal(unlicensed))
    if max_gap is None or "report" in evidence.missing or f"report/{GAPS}" in evidence.damaged:
        return found
    return found + [refusal for one in REFERENCES for refusal in _over(evidence.gaps, one, max_gap, controls)]


def _damage(files: Sequence[str]) -> str:
    if any(file.startswith(f"{ADAPTER}/") and "/adapter_" in file for file in files):
        told = "The evaluation is not of these weights: since it was trained and evaluated, the adapter was changed"
    else:
        told = "The evaluation is not what it was: files were changed since they were written"
    return f"{told} ({', '.join(files)}). Delete the folders of these stages, and run the recipe again."


def _change(stages: Sequence[str]) -> str:
    if ADAPTER in stages:
        told = "The evaluation is not of these weights: the run's adapter was trained again after its report"
    else:
        told = f"The report is not of the run's answers as they are now: it was written before {', '.join(stages)}"
    return f"{told}. Run the recipe again to its end; what is done is kept."


def _over(gaps: Sequence[Gap], reference: str, limit: float, controls: Collection[str]) -> list[Refusal]:
    """Say which upper bounds exceed the limit: over all prompts, in the worst condition, in the worst benchmark."""
    ours = [gap for gap in gaps if gap.reference == reference and gap.benchmark not in controls]
    whole = over_all_prompts(ours)
    if not whole:
        return [
            Refusal(
                f"The report has no error gap to {reference} over all prompts, so it is not shown to be below {limit:g}"
                " pp. Run the recipe again to its end."
            )
        ]
    found = _checked(whole[0], "over all prompts", limit)
    parts = [gap for gap in ours if gap.benchmark == "all" and gap.context != "all"]
    if parts:
        found += _checked(_worst(parts), f"in the worst condition, {_worst(parts).condition}", limit)
    benchmarks = [gap for gap in ours if gap.benchmark != "all" and every_condition(gap)]
    if benchmarks:
        found += _checked(_worst(benchmarks), f"in the worst benchmark, {_worst(benchmarks).benchmark}", limit)
    return [Refusal(text, by_limit=True) for text in found]


def _worst(gaps: Sequence[Gap]) -> Gap:
    """Return the gap with the highest upper bound; a gap without one, for want of questions, counts as the highest."""
    return max(gaps, key=lambda gap: (gap.high != gap.high, gap.high))


def _checked(gap: Gap, where: str, limit: float) -> list[str]:
    between = f"The error gap to {gap.reference} {where}"
    if gap.high != gap.high:
        return [f"{between} has no upper bound (too few questions), so it is not shown to be below {limit:g} pp."]
    if gap.high <= limit:
        return []
    ends = f"{number(gap.high)} pp {interval(gap.low, gap.high)}"
    return [f"{between} may be as large as {ends}; the limit is {limit:g}."]
