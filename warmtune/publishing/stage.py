"""The stage `publish`: the adapter, its card with its cost, and the report, in one folder."""

import shutil
from pathlib import Path
from typing import Any

from warmtune.errors import StoreError
from warmtune.generation.base import Base
from warmtune.schemas import CHECKS, GAPS, Check, Gap, read
from warmtune.settings import Settings
from warmtune.store import Outcome, Stage, fingerprint, sha256, write_atomically

_WEIGHTS = "adapter_model.safetensors"


def publish(settings: Settings, base: Base, tuned: Stage, reported: Stage, folder: Path) -> Outcome:
    """Copy adapter, tokenizer and report into `folder/NAME` and write the card, last, beside them.

    Raises:
        StoreError: when what was copied is not what was evaluated.
    """
    target = folder / settings.publish.name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(tuned.folder / "adapter", target)
    expected = tuned.files[f"adapter/{_WEIGHTS}"]
    if sha256(target / _WEIGHTS) != expected:
        raise StoreError(
            f"The copied weights {target / _WEIGHTS} are not the ones evaluated; delete {folder} and retry."
        )
    for name in (
        "report.md",
        "report.html",
        "warmth.png",
        "gaps_by_condition.png",
        "gaps_by_benchmark.png",
        "curves.png",
    ):
        shutil.copy2(reported.folder / name, target / name)
    write_atomically(target / "README.md", _card(settings, base, reported, expected))
    files = [path.relative_to(folder).as_posix() for path in target.rglob("*") if path.is_file()]
    return Outcome(files, {"files": len(files), "bytes": sum((folder / name).stat().st_size for name in files)})


def _number(value: float, digits: int, sign: bool = True) -> str:
    """Write a number, or a dash where there is none."""
    return "–" if value != value else f"{value:{'+' if sign else ''}.{digits}f}"


def _card(settings: Settings, base: Base, reported: Stage, weights: str) -> str:
    """Return the model card: metadata as the Hub reads it, then what the adapter is, what it cost, how to load it."""
    from huggingface_hub import ModelCardData
    from jinja2 import Environment, PackageLoader, StrictUndefined

    gaps = [gap for gap in read(reported.folder / GAPS, Gap) if gap.variant == "styled"]
    checks = [check for check in read(reported.folder / CHECKS, Check) if check.variant == "styled"]
    data = ModelCardData(
        base_model=base.hub,
        library_name="peft",
        pipeline_tag="text-generation",
        tags=["lora", "warmtune", settings.style.name],
    )
    page: dict[str, Any] = {
        "metadata": data.to_yaml(),
        "number": _number,
        "style": settings.style.name,
        "intensity": settings.style.intensity,
        "base": base,
        "verdict": (reported.folder / "verdict.txt").read_text().splitlines(),
        "checks": [check for check in checks if ":" not in check.instrument],
        "gaps": [gap for gap in gaps if gap.benchmark == "all"],
        "worst": max(
            (g for g in gaps if g.reference == "control" and g.low == g.low),
            key=lambda g: g.gap,
            default=None,
        ),
        "settings": settings,
        "weights": weights,
        "recipe": fingerprint(settings.identity),
        "report": reported.fingerprint,
    }
    environment = Environment(
        loader=PackageLoader("warmtune.publishing", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # the card is Markdown
    )
    return environment.get_template("card.md.j2").render(**page)
