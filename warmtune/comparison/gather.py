"""Makes a `Comparison` of evaluated runs: aligns answers, computes gaps, and measures all variants by one probe."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from warmtune.analysis import verdict
from warmtune.analysis.answer_table import COLUMNS, checked, pair
from warmtune.analysis.bootstrap import FEWEST
from warmtune.analysis.gap_tables import over_all_prompts
from warmtune.analysis.gaps import drawn, gaps_of
from warmtune.analysis.manipulation_check import paired_check
from warmtune.analysis.study import study
from warmtune.comparison.answer_alignment import AlignedAnswers, align
from warmtune.comparison.compared_variants import VariantSource, differences_of, marks_of, sources_of
from warmtune.comparison.comparison_data import ComparedVariant, Comparison, FrontierPoint
from warmtune.config.settings import Settings
from warmtune.errors import DataError
from warmtune.io.schemas import ANSWERS, CHECKS, INSTRUMENTS, STYLE_PROBE, WARMTH, Check, Gap, Warmth, read
from warmtune.measures.lexical_profile import INSTRUMENT as PROFILE
from warmtune.measures.lexical_profile import profile
from warmtune.measures.sociot import INSTRUMENT as SOCIOT
from warmtune.measures.style_judge import INSTRUMENT as JUDGE
from warmtune.measures.style_probe import INSTRUMENT as PROBE
from warmtune.measures.style_probe import load_probe
from warmtune.runs.run import Run
from warmtune.system.console import progress

MOST = 60
"""The most variants that a page can show."""


def gather(runs: Sequence[Run]) -> Comparison:
    """Compare the variants of evaluated runs.

    Every gap and check is computed again on the shared prompts, with the first run's draws and seed.

    Raises:
        StoreError: a run is not evaluated.
        DataError: the runs share no prompt, or have more than `MOST` variants.
    """
    for run in runs:
        run.require("prepare", "rewrite", "mark", "warmth", "report")
    sources = sources_of(runs)
    if len(sources) > MOST:
        raise DataError(f"{len(sources)} variants are too many for one page; compare at most {MOST} at once.")
    aligned = align(sources)
    settings = runs[0].settings
    controls = frozenset(one.name for run in runs for one in run.settings.eval.benchmarks if one.control)
    gaps = _gaps(sources, aligned, controls, settings.eval.bootstrap_samples, settings.seed)
    taught = _taught(runs)
    checks, notes = _checks(sources, settings, taught, aligned)
    variants = tuple(_judged(one, checks, taught) for one in sources)
    return Comparison(
        title=_title(runs),
        runs=tuple(run.name for run in runs),
        variants=variants,
        gaps=gaps,
        checks=checks,
        points=[point for one in variants for point in _points(one, gaps, checks)],
        curves=_curves(sources),
        differences=differences_of(runs),
        answers=aligned.answers,
        controls=controls,
        notes=[*aligned.notes, *notes],
        study=study(),
    )


def _title(runs: Sequence[Run]) -> str:
    styles = " and ".join(dict.fromkeys(run.settings.style.name for run in runs))
    models = " and ".join(dict.fromkeys(run.settings.model.name for run in runs))
    return f"What {styles} cost {models}"


def _references(one: ComparedVariant) -> list[str]:
    return [name for name in (one.base, one.control) if name]


def _gaps(
    sources: Sequence[VariantSource], aligned: AlignedAnswers, controls: frozenset[str], draws: int, seed: int
) -> list[Gap]:
    frame = aligned.answers.assign(characters=aligned.answers["answer"].str.len())
    frame = checked(frame[COLUMNS])
    compared = [(one.variant.name, other) for one in sources for other in _references(one.variant)]
    rows: list[Gap] = []
    with progress("Gaps", len(compared)) as report:
        for done, (variant, reference) in enumerate(compared):
            found = pair(frame, variant, reference, controls)
            rows += gaps_of(found, drawn(found, draws, seed))
            report(done + 1)
    return rows


def _taught(runs: Sequence[Run]) -> Run | None:
    """Return the run whose rewrites the probe learns from: the strongest of the first style that rewrites at all.

    Each run's own report has a probe of its own, and numbers of two probes cannot be compared.
    """
    changing = [run for run in runs if run.settings.style.changes]
    style = changing[0].settings.style.name if changing else ""
    same = [run for run in changing if run.settings.style.name == style]
    return max(same, key=lambda run: run.settings.style.intensity, default=None)


def _checks(
    sources: Sequence[VariantSource], settings: Settings, taught: Run | None, aligned: AlignedAnswers
) -> tuple[list[Check], list[str]]:
    """Return every instrument's differences to base and control; one probe scores all variants."""
    values, notes = _probed(taught, aligned)
    for name, replies in aligned.replies.items():
        values[PROFILE, name] = {key: profile(text).total for key, text in replies.items()}
    rows: list[Check] = []
    args = (settings.eval.bootstrap_samples, settings.seed)
    compared = [(one, reference) for one in sources for reference in _references(one.variant)]
    for instrument in (PROBE, SOCIOT, PROFILE, JUDGE):
        for one, reference in compared:
            name = one.variant.name
            if name not in aligned.replies or reference not in aligned.replies:
                continue
            if instrument in (PROBE, PROFILE):
                tuned, other = values.get((instrument, name)), values.get((instrument, reference))
            else:
                tuned, other = _measured(
                    one, "base" if reference == one.variant.base else "control", instrument, aligned
                )
            if tuned and other:
                rows.append(paired_check(instrument, name, reference, tuned, other, *args))
    return rows, notes + _apart(sources)


def _probed(taught: Run | None, aligned: AlignedAnswers) -> tuple[dict[tuple[str, str], dict[str, float]], list[str]]:
    """Score all replies by one probe."""
    if taught is None or not aligned.replies:
        return {}, ["No style probe: none of these runs rewrites anything."] if taught is None else []
    taught.require("probe")
    probe = load_probe(taught.stages["probe"].folder / STYLE_PROBE)
    left = iter(probe.scores([text for replies in aligned.replies.values() for text in replies.values()]))
    values = {(PROBE, name): {key: next(left) for key in replies} for name, replies in aligned.replies.items()}
    style = taught.settings.style
    pairs, auc = probe.figures["probe_pairs"], probe.figures["probe_auc"]
    note = (
        f"One style probe for all, learned from the {pairs} rewrites of {taught.name} ({style.name} at intensity"
        f" {style.intensity:g}; cross-validated AUC {auc}). The runs' own reports may have probes of their own, so"
        f" their figures may differ. Whether a variant of another style than {style.name} took its style on is told by"
        " its own run's probe."
    )
    return values, [note]


def _measured(
    one: VariantSource, role: str, instrument: str, aligned: AlignedAnswers
) -> tuple[dict[str, float], dict[str, float]]:
    """Return its own run's measurements of a variant and of its base or control, on the shared prompts.

    Both come from one run, because another may have measured with another language model or judge.
    """
    shared = {key.partition("\n")[0]: key for key in aligned.replies[one.variant.name]}
    rows = [
        row for row in _warmth(one.run.stages["warmth"].folder) if row.instrument == instrument and row.id in shared
    ]
    found = {(row.variant, row.reference): dict[str, float]() for row in rows}
    for row in rows:
        found[row.variant, row.reference][shared[row.id]] = row.value
    if instrument == JUDGE:  # its value is a comparison already
        judged = found.get((one.name_in_run, role), {})
        return judged, dict.fromkeys(judged, 0.0)
    return found.get((one.name_in_run, ""), {}), found.get((role, ""), {})


@cache
def _warmth(folder: Path) -> list[Warmth]:
    return read(folder / WARMTH, Warmth)


def _apart(sources: Sequence[VariantSource]) -> list[str]:
    """Return notes on runs that were measured in different ways, so that their figures are on different scales."""
    notes = []
    runs = {one.run.folder: one.run for one in sources}.values()
    kept = [json.loads((run.stages["warmth"].folder / INSTRUMENTS).read_text(encoding="utf-8")) for run in runs]
    models = {f"{one['sociot_model']}{', as released' if one['sociot_released'] else ''}" for one in kept}
    if len(models) > 1:
        notes.append(
            f"SocioT was measured with {len(models)} language models ({'; '.join(sorted(models))}): each lift compares"
            " replies within one run, and lifts measured with different models cannot be compared."
        )
    for role in ("base", "control"):
        marks: dict[str, set[str]] = {}
        for one in sources:
            if one.name_in_run == role:
                answers = one.run.stages[f"evaluate-{role}"].files[ANSWERS]
                marks.setdefault(answers, set()).add(marks_of(one.run, role))
        if any(len(ways) > 1 for ways in marks.values()):
            notes.append(
                f"The same answers of {role} were marked in more than one way (see the settings): each variant is"
                " paired with answers marked as its own were, and gaps of differently marked runs cannot be compared."
            )
    return notes


def _judged(one: VariantSource, checks: Sequence[Check], taught: Run | None) -> ComparedVariant:
    """Return a variant with the verdict of its manipulation check.

    The check uses the shared prompts. If the probe learned another style, the variant's own report gives the verdict.
    """
    variant, style = one.variant, one.run.settings.style
    if variant.kind in ("base", "control"):
        return variant
    name, measured = variant.name, [check for check in checks if check.variant == variant.name]
    if taught is not None and style.changes and style.name != taught.settings.style.name:
        name, measured = one.name_in_run, read(one.run.stages["report"].folder / CHECKS, Check)
    if not any(check.variant == name for check in measured):
        return replace(variant, verdict="warmth not measured")
    found = verdict(measured, style.measure.sociot, name)
    alone = "" if variant.control else ", against base alone"
    return replace(variant, verdict=found.says + alone, holds=found.holds)


def _points(one: ComparedVariant, gaps: Sequence[Gap], checks: Sequence[Check]) -> list[FrontierPoint]:
    """Return a variant's points in the plane, one per reference."""
    found = []
    for reference in _references(one):
        gap = next(g for g in over_all_prompts(gaps) if (g.variant, g.reference) == (one.name, reference))
        lift = next((c for c in checks if (c.instrument, c.variant, c.reference) == (PROBE, one.name, reference)), None)
        if lift is not None and gap.questions >= FEWEST:
            ends = (lift.difference, lift.low, lift.high, gap.gap, gap.low, gap.high)
            found.append(FrontierPoint(one.name, one.series, one.x, reference, *ends))
    return found


def _curves(sources: Sequence[VariantSource]) -> dict[str, list[dict[str, float]]]:
    """Return the training loss of the adapters that were trained in these runs."""
    curves = {}
    for one in sources:
        stage = one.run.stages.get(f"train-{one.name_in_run}")
        if stage is not None and (stage.folder / "curve.json").is_file():
            points = json.loads((stage.folder / "curve.json").read_text())
            curves[one.variant.name] = [{"step": p["step"], "loss": p["loss"]} for p in points if "loss" in p]
    return curves
