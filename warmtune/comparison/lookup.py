"""Finds rows of a comparison by what they are about."""

from dataclasses import dataclass
from functools import cached_property

from warmtune.analysis.answer_table import ABSENT, ALL, GROUPS, PRESENT
from warmtune.comparison.comparison_data import ComparedVariant, Comparison, FrontierPoint
from warmtune.io.schemas import CONTEXT_NAMES, Check, Gap
from warmtune.measures import style_probe


@dataclass(frozen=True)
class Lookup:
    """A comparison with look-ups for tables and charts."""

    found: Comparison

    @cached_property
    def variants(self) -> dict[str, ComparedVariant]:
        """The variants by name."""
        return {one.name: one for one in self.found.variants}

    @cached_property
    def _gaps(self) -> dict[tuple[str, str, str, str, str], Gap]:
        return {(g.variant, g.reference, g.benchmark, g.context, g.belief): g for g in self.found.gaps}

    @cached_property
    def _checks(self) -> dict[tuple[str, str, str], Check]:
        return {(check.instrument, check.variant, check.reference): check for check in self.found.checks}

    @cached_property
    def compared(self) -> list[ComparedVariant]:
        """The variants that have a gap: all except bases."""
        known = {gap.variant for gap in self.found.gaps}
        return [one for one in self.found.variants if one.name in known]

    @cached_property
    def tested(self) -> list[ComparedVariant]:
        """The variants whose cost is measured: neither base nor control."""
        return [one for one in self.compared if one.kind not in ("base", "control")]

    @cached_property
    def benchmarks(self) -> list[str]:
        """Names of the benchmarks that enter the gaps over all, in the order in which they were asked."""
        known = {gap.benchmark for gap in self.found.gaps} - {ALL, *self.found.controls}
        asked = dict.fromkeys(self.found.answers["benchmark"].astype(str))
        return [name for name in asked if name in known]

    @cached_property
    def contexts(self) -> list[str]:
        """Names of contexts and of groups of contexts, without `all`."""
        known = list(CONTEXT_NAMES)
        found = {gap.context for gap in self.found.gaps}
        names = sorted(found, key=lambda name: (known.index(name) if name in known else len(known), name))
        return [name for name in names if name not in (ALL, *GROUPS)] + [name for name in GROUPS if name in names]

    @cached_property
    def beliefs(self) -> list[str]:
        """`absent` and `present`, or `all` if no prompt has a belief."""
        return [ABSENT, PRESENT] if any(gap.belief == PRESENT for gap in self.found.gaps) else [ALL]

    def gap(
        self, variant: str, reference: str, benchmark: str = ALL, context: str = ALL, belief: str = ALL
    ) -> Gap | None:
        """Return one gap, or None if there are no such prompts."""
        return self._gaps.get((variant, reference, benchmark, context, belief))

    def probe(self, name: str) -> Check | None:
        """Return the style probe's difference of a variant to its base."""
        return self.check(style_probe.INSTRUMENT, name, self.variants[name].base)

    def check(self, instrument: str, variant: str, reference: str) -> Check | None:
        """Return one instrument's difference, or None if it was not measured."""
        return self._checks.get((instrument, variant, reference))

    def references(self, name: str) -> list[tuple[str, str]]:
        """Return the references of a variant: `base` and `control`, each with its name."""
        pairs = [("base", self.variants[name].base), ("control", self.variants[name].control)]
        return [(kind, reference) for kind, reference in pairs if self.gap(name, reference)]

    def preferred(self, name: str) -> str:
        """Return the reference whose gap is due to the style: the control if there is one, else the base."""
        return self.references(name)[-1][1]

    def failed(self, name: str) -> str:
        """Return why a variant's gap is not the cost of its style; empty if it is, and for bases and controls."""
        one = self.variants[name]
        if one.holds or one.kind in ("base", "control"):
            return ""
        return one.verdict or "no manipulation check"

    def points(self, kind: str) -> list[FrontierPoint]:
        """Return the points that compare a variant with its own `base`, or with its own `control`."""
        return [point for point in self.found.points if (kind, point.reference) in self.references(point.variant)]

    def series_of(self, name: str) -> tuple[str, str]:
        """Return the key of the series that a variant belongs to."""
        one = self.variants[name]
        return (one.series, one.origin) if one.series else ("", name)
