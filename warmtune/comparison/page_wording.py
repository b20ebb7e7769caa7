"""The sentences of the page: what it says first, and how it names parts of the grid."""

import re
from collections.abc import Sequence

from warmtune.comparison.lookup import Lookup
from warmtune.presentation.formatting import finding, interval, number

KINDS = {"base": "base", "control": "its control"}
_NAMED = 3


def markdown(text: str) -> str:
    r"""Write a text so that Markdown shows it as it is, on one line and within a table's cell.

    >>> markdown("a|b\n<i>")
    'a\\|b \\<i\\>'
    """
    return re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", " ".join(text.split()))


def glance(lookup: Lookup) -> list[tuple[str, str]]:
    """Return what a reader should know first: sentences, each with an emphasized beginning."""
    tested = lookup.tested
    held = [one.name for one in tested if not lookup.failed(one.name)]
    said = [(f"The manipulation check holds for {len(held)} of {len(tested)} tested variants.", _failing(lookup))]
    warm = {name: check.difference for name in held if (check := lookup.probe(name))}
    ranked = sorted(warm, key=lambda name: -warm[name])
    if ranked:
        said.append((f"The strongest style: {ranked[0]}.", _cost(lookup, ranked[0])))
        said += _cheapest(lookup, ranked)
    return said


def _failing(lookup: Lookup) -> str:
    failing = [f"{one.name} ({lookup.failed(one.name)})" for one in lookup.tested if lookup.failed(one.name)]
    if not failing:
        return ""
    more = f" and {len(failing) - _NAMED} more" if len(failing) > _NAMED else ""
    return f"Not for {'; '.join(failing[:_NAMED])}{more}: their error gaps are not the cost of a style."


def _cost(lookup: Lookup, name: str) -> str:
    gaps = [(kind, lookup.gap(name, reference)) for kind, reference in lookup.references(name)]
    parts = [
        f"{number(gap.gap)} pp {interval(gap.low, gap.high)} to {KINDS[kind]} ({finding(gap)})"
        for kind, gap in gaps
        if gap
    ]
    return f"Error gap {'; '.join(parts)}."


def _cheapest(lookup: Lookup, ranked: Sequence[str]) -> list[tuple[str, str]]:
    """Name the variant with most of its style whose gap is not shown to be above 0."""
    free = []
    for name in ranked:
        gap = lookup.gap(name, lookup.preferred(name))
        if gap and gap.pairs and not gap.low > 0:
            free.append(name)
    if free[:1] == list(ranked[:1]):
        return []
    if not free:
        return [
            ("Each of these is shown to be wrong more often", "than its control, or than base if it has no control.")
        ]
    return [(f"The strongest without a shown cost: {free[0]}.", _cost(lookup, free[0]))]
