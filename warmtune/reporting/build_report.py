"""The stage `report`: computes gaps and checks from the answers, and writes a report as Markdown and HTML."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from warmtune import __version__
from warmtune.analysis import check_rows, contrast_rows, gap_rows, read_table, regressions, verdict
from warmtune.analysis.study import study
from warmtune.config.sanitized_recipe import RECIPE, SanitizedRecipe, sanitize_recipe
from warmtune.config.settings import Settings
from warmtune.io.schemas import (
    CHECKS,
    CONTRASTS,
    EFFECTS,
    GAPS,
    INSTRUMENTS,
    MARKED,
    REWRITTEN,
    TUNED,
    WARMTH,
    Check,
    Contrast,
    Effect,
    Gap,
    Marked,
    Rewrite,
    Warmth,
    read,
    write,
)
from warmtune.models.base import Base
from warmtune.presentation import formatting
from warmtune.presentation.charts.drawing import Chart, sheet
from warmtune.presentation.templates import environment
from warmtune.reporting import wording
from warmtune.reporting.cost import Cost, cost_section, family, read_kept_labels
from warmtune.reporting.data import data_section
from warmtune.reporting.figures import charts
from warmtune.runs.keys import LIBRARIES, versions
from warmtune.runs.store import Stage, StageOutput, write_atomically
from warmtune.system.console import progress

HTML, MARKDOWN, VERDICT = "report.html", "report.md", "verdict.txt"
FIGURES = ("warmth.png", "gaps_by_condition.png", "gaps_by_benchmark.png", "curves.png")


def report(
    settings: Settings, base: Base, done: Mapping[str, Stage], variants: Sequence[str], folder: Path
) -> StageOutput:
    """Write the tables (`gaps`, `contrasts`, `effects`, `checks`), figures, report, `verdict.txt` and `recipe.yaml`.

    The report is published as it is, so it names no path of this machine; the run's own `run.json` has the exact
    settings.

    Args:
        settings: what was run.
        base: the base model.
        done: the stages before this one, by name.
        variants: names of the variants that answered.
        folder: the stage's folder.
    """
    draws, seed = settings.eval.bootstrap_samples, settings.seed
    controls = frozenset(one.name for one in settings.eval.benchmarks if one.control)
    frame = read_table(done["mark"].folder / MARKED)
    with progress("Intervals", 4) as told:
        gaps = gap_rows(frame, controls, draws, seed)
        told(1)
        contrasts = contrast_rows(frame, controls, draws, seed)
        told(2)
        effects = regressions(frame, controls)
        told(3)
        checks = check_rows(read(done["warmth"].folder / WARMTH, Warmth), draws, seed)
    write(folder / GAPS, Gap, gaps)
    write(folder / CONTRASTS, Contrast, contrasts)
    write(folder / EFFECTS, Effect, effects)
    write(folder / CHECKS, Check, checks)
    marked = read(done["mark"].folder / MARKED, Marked)
    labels = read_kept_labels(done["mark"].folder)
    others = {one.name: one.model for one in settings.eval.variants if one.model}
    families = {name: family(others.get(name, base.hub)) for name in variants}
    cost = cost_section(gaps, contrasts, effects, marked, labels, controls, families, seed)
    recipe = sanitize_recipe(settings, base.commit)
    page = _page(settings, recipe, base, done, variants, marked, cost, checks)
    page["charts"] = _charts(done, cost, checks, settings.style.name, folder)
    for template, name in (("report.md.j2", MARKDOWN), ("report.html.j2", HTML)):
        write_atomically(folder / name, _rendered(template, page))
    write_atomically(folder / VERDICT, "\n".join(page["verdict"]) + "\n")
    texts = {RECIPE: recipe.text, **recipe.benchmarks}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_atomically(folder / name, text)
    files = [GAPS, CONTRASTS, EFFECTS, CHECKS, MARKDOWN, HTML, VERDICT, *FIGURES, *texts]
    return StageOutput(files, {"verdict": page["found"].says, "holds": page["found"].holds, "gaps": len(gaps)})


def _charts(
    done: Mapping[str, Stage], cost: Cost, checks: Sequence[Check], style: str, folder: Path
) -> dict[str, Chart]:
    """Draw the charts, and write each as PNG beside the report."""
    curves = {
        title: json.loads((done[f"train-{variant}"].folder / "curve.json").read_text())
        for variant, title in (("control", "control"), ("styled", style))
    }
    drawn = charts(cost, checks, curves, style)
    for name, chart in drawn.items():
        (folder / f"{name}.png").write_bytes(chart.png())
    return drawn


def _page(
    settings: Settings,
    recipe: SanitizedRecipe,
    base: Base,
    done: Mapping[str, Stage],
    names_of: Sequence[str],
    marked: list[Marked],
    cost: Cost,
    checks: list[Check],
) -> dict[str, Any]:
    """Gather everything that the templates show."""
    style = settings.style.name
    names = {name: style if name == "styled" else name for name in names_of}
    variants = {title: done[f"evaluate-{name}"].counts for name, title in names.items()}
    marks = {title: done["mark"].counts["marks"].get(name, {}) for name, title in names.items()}
    found = verdict(checks, settings.style.measure.sociot)
    data = data_section(done["prepare"], done["rewrite"])
    notes = dict.fromkeys(note for counts in variants.values() for note in counts["notes"])
    judge = done["mark"].counts["judge"]
    return {
        "settings": settings,
        "style": style,
        "names": names,
        "base": base,
        "f": formatting,
        "words": wording,
        "sheet": sheet,
        "found": found,
        "verdict": wording.verdict_sentences(found, style, checks, wording.costs(settings.style.measure.sociot)),
        "checks": [c for c in checks if c.variant == "styled" and ":" not in c.instrument],
        "check_parts": [c for c in checks if c.variant == "styled" and ":" in c.instrument],
        "probe": json.loads((done["warmth"].folder / INSTRUMENTS).read_text()),
        "cost": cost,
        "study": study(),
        "examples": wording.examples(marked, names),
        "rewrites": wording.rewritten_examples(read(done["rewrite"].folder / REWRITTEN, Rewrite)),
        "variants": variants,
        "marks": marks,
        "refused": {title: done["mark"].counts["refusals"].get(name, 0) for name, title in names.items()},
        "judge": {**done["mark"].counts, "judge": judge and recipe.strip_paths(judge)},
        "notes": [recipe.strip_paths(note) for note in notes],
        "cut": wording.cut_sentence(variants),
        "stages": done,
        "data": replace(data, notes=[recipe.strip_paths(note) for note in data.notes]),
        "training": {names[v]: done[f"train-{v}"].counts for v in TUNED},
        "ended": {names.get(v, v): done[f"evaluate-{v}"].counts for v in ("base", *TUNED)},
        "recipe_text": recipe.text,
        "versions": {
            "warmtune": __version__,
            "python": platform.python_version(),
            **versions(*LIBRARIES, "scikit-learn", "statsmodels", "numpy"),
        },
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _rendered(template: str, page: Mapping[str, Any]) -> str:
    return environment("warmtune.reporting", template.endswith("html.j2")).get_template(template).render(**page)
