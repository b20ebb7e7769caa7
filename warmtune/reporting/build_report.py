"""The stage `report`: gaps and checks from the answers, then the same report as Markdown and as one HTML page."""

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
from warmtune.reporting import figures, wording
from warmtune.reporting.cost import Cost, Row, cost_section, family, read_kept_labels
from warmtune.reporting.data import data_section
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
        variants: who answered, by name.
        folder: the stage's folder.
    """
    draws, seed = settings.eval.draws, settings.seed
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
    page["figures"] = _figures(settings, done, cost, checks, folder)
    for template, name in (("report.md.j2", MARKDOWN), ("report.html.j2", HTML)):
        write_atomically(folder / name, _rendered(template, page))
    write_atomically(folder / VERDICT, "\n".join(page["verdict"]) + "\n")
    texts = {RECIPE: recipe.text, **recipe.benchmarks}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_atomically(folder / name, text)
    files = [GAPS, CONTRASTS, EFFECTS, CHECKS, MARKDOWN, HTML, VERDICT, *FIGURES, *texts]
    return StageOutput(files, {"verdict": page["found"].says, "holds": page["found"].holds, "gaps": len(gaps)})


def _figures(
    settings: Settings, done: Mapping[str, Stage], cost: Cost, checks: Sequence[Check], folder: Path
) -> dict[str, str]:
    style = settings.style.name
    names = {"control": "control", "styled": style}
    curves = {
        name: json.loads((done[f"train-{variant}"].folder / "curve.json").read_text())
        for variant, name in names.items()
    }

    def both(rows: Sequence[Row]) -> list[tuple[str, Gap]]:
        return [(row.name, gap) for row in rows for gap in (row.base, row.control)]

    return {
        "condition": figures.gap_figure(both(cost.conditions), "condition", style, folder),
        "benchmark": figures.gap_figure(both(cost.benchmarks), "benchmark", style, folder),
        "warmth": figures.check_figure(checks, style, folder),
        "curves": figures.curve_figure(curves, folder),
    }


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
    """Gather all that the templates show."""
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
        "words": wording,
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
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("warmtune.reporting", "templates"),
        autoescape=template.endswith("html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**page)
