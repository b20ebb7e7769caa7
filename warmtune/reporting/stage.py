"""The stage `report`: gaps and checks from the answers, then the same report as Markdown and as one HTML page."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from warmtune import __version__
from warmtune.analysis import check_rows, gap_rows, verdict
from warmtune.generation.base import Base
from warmtune.progress import progress
from warmtune.reporting import figures, words
from warmtune.reporting.data import data_section
from warmtune.schemas import (
    ANSWERS,
    CHECKS,
    GAPS,
    PROBE,
    REWRITTEN,
    VARIANTS,
    WARMTH,
    Answer,
    Check,
    Gap,
    Rewrite,
    Warmth,
    read,
    write,
)
from warmtune.settings import Settings
from warmtune.store import Outcome, Stage, versions, write_atomically

HTML, MARKDOWN, VERDICT = "report.html", "report.md", "verdict.txt"
_LIBRARIES = (
    "torch",
    "transformers",
    "trl",
    "peft",
    "accelerate",
    "inspect-ai",
    "scikit-learn",
    "statsmodels",
    "numpy",
)


def report(settings: Settings, base: Base, done: Mapping[str, Stage], folder: Path) -> Outcome:
    """Write `gaps.parquet`, `checks.parquet`, figures, `report.md`, `report.html` and `verdict.txt`.

    Args:
        settings: what was run.
        base: the base model.
        done: the stages before this one, by name.
        folder: the stage's folder.
    """
    answers = [a for v in VARIANTS for a in read(done[f"evaluate-{v}"].folder / ANSWERS, Answer)]
    with progress("Intervals", 2) as told:
        gaps = gap_rows(answers, settings.eval.draws, settings.seed)
        told(1)
        checks = check_rows(read(done["warmth"].folder / WARMTH, Warmth), settings.eval.draws, settings.seed)
    write(folder / GAPS, Gap, gaps)
    write(folder / CHECKS, Check, checks)
    page = _page(settings, base, done, answers, gaps, checks)
    curves = {
        name: json.loads((done[f"train-{v}"].folder / "curve.json").read_text())
        for v, name in page["names"].items()
        if v != "base"
    }
    page["figures"] = {
        "condition": figures.gap_figure(gaps, "condition", settings.style.name, folder),
        "benchmark": figures.gap_figure(gaps, "benchmark", settings.style.name, folder),
        "warmth": figures.check_figure(checks, settings.style.name, folder),
        "curves": figures.curve_figure(curves, folder),
    }
    for template, name in (("report.md.j2", MARKDOWN), ("report.html.j2", HTML)):
        write_atomically(folder / name, _rendered(template, page))
    write_atomically(folder / VERDICT, "\n".join(page["verdict"]) + "\n")
    return Outcome([GAPS, CHECKS, MARKDOWN, HTML, VERDICT], {"verdict": verdict(checks), "gaps": len(gaps)})


def _page(
    settings: Settings,
    base: Base,
    done: Mapping[str, Stage],
    answers: list[Answer],
    gaps: list[Gap],
    checks: list[Check],
) -> dict[str, Any]:
    """Gather all that the templates show."""
    style = settings.style.name
    names = {"base": "base", "control": "control", "styled": style}
    variants = {names[v]: done[f"evaluate-{v}"].counts for v in VARIANTS}
    return {
        "settings": settings,
        "style": style,
        "names": names,
        "base": base,
        "words": words,
        "verdict": words.verdict_sentences(verdict(checks), style, checks),
        "checks": [c for c in checks if c.variant == "styled" and ":" not in c.instrument],
        "check_parts": [c for c in checks if c.variant == "styled" and ":" in c.instrument],
        "probe": json.loads((done["warmth"].folder / PROBE).read_text()),
        "overall": {(g.condition, g.reference): g for g in gaps if g.variant == "styled" and g.benchmark == "all"},
        "conditions": ["all", *settings.eval.conditions],
        "cells": [g for g in gaps if g.variant == "styled" and (g.benchmark != "all" or g.condition != "all")],
        "by_benchmark": {(g.benchmark, g.reference): g for g in gaps if g.variant == "styled" and g.condition == "all"},
        "benchmarks": [name for name in settings.eval.benchmarks if any(a.benchmark == name for a in answers)],
        "fine_tuning": next(g for g in gaps if (g.variant, g.benchmark, g.condition) == ("control", "all", "all")),
        "study": json.loads((Path(__file__).parent / "study.json").read_text()),
        "examples": words.examples(answers, names),
        "rewrites": words.rewritten_examples(read(done["rewrite"].folder / REWRITTEN, Rewrite)),
        "variants": variants,
        "cut": words.cut_sentence(variants),
        "stages": done,
        "data": data_section(done["prepare"], done["rewrite"]),
        "training": {names[v]: done[f"train-{v}"].counts for v in ("control", "styled")},
        "recipe_text": _recipe_text(settings),
        "versions": {"warmtune": __version__, "python": platform.python_version(), **versions(*_LIBRARIES)},
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _recipe_text(settings: Settings) -> str:
    """Return the settings as YAML, without the place where results are kept."""
    tree = {name: value for name, value in asdict(settings).items() if name in settings.identity}
    return yaml.safe_dump(json.loads(json.dumps(tree)), sort_keys=False, width=110)


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
