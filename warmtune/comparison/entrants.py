"""Who takes part in a comparison: every run's variants, each once, named by what tells it from the others."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from warmtune.comparison.content import DIALLED, Difference, Entrant
from warmtune.runs import Run
from warmtune.schemas import ANSWERS, BASE_AGAIN, REPLIES
from warmtune.settings_evaluation import VariantSettings

_NOT_SHOWN = ("recipe", "store", "publish", "sweep", "eval.variants", "eval.draws", "rewriter.common")
"""Settings that say nothing about what a variant is."""


@dataclass(frozen=True)
class Source:
    """Where an entrant's answers are."""

    entrant: Entrant
    run: Run
    variant: str
    """Its name in that run."""


def sources_of(runs: Sequence[Run]) -> list[Source]:
    """Return the entrants of some evaluated runs: bases first, then controls, then the rest by line and place.

    A variant whose answers are the same file's in several runs (the base and control of a sweep) takes part once.
    """
    names = _run_labels(runs)
    bases = _named("base", runs, names)
    controls = _named("control", runs, names)
    found: dict[str, Source] = {}
    for run, label in zip(runs, names, strict=True):
        base, control = bases[run.folder], controls[run.folder]
        for variant in _variants(run):
            key = _content(run, variant)
            if key in found:
                continue
            found[key] = Source(_entrant(run, variant, label, base, control, len(set(names)) > 1), run, variant)
    order = {"base": 0, "control": 1, "tuned": 2, "other": 3}
    ordered = sorted(found.values(), key=lambda one: (order[one.entrant.kind], one.entrant.line))
    return _distinct(ordered)


def differences_of(runs: Sequence[Run]) -> list[Difference]:
    """Return the settings in which runs differ."""
    flat = [dict(_flat(asdict(run.settings))) for run in runs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    rows = [Difference(key, tuple(_text(settings.get(key)) for settings in flat)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1 and row.setting not in ("store", "recipe")]


def _variants(run: Run) -> list[str]:
    names = [name.removeprefix("evaluate-") for name in run.stages if name.startswith("evaluate-")]
    first = [name for name in ("base", "control", "styled") if name in names]
    return first + [name for name in names if name not in first]


def _content(run: Run, variant: str) -> str:
    """Return what tells one variant's answers from another's."""
    files = run.stages[f"evaluate-{variant}"].files
    return json.dumps([files[ANSWERS], files[REPLIES], variant if variant in ("base", "control") else ""])


def _entrant(run: Run, variant: str, label: str, base: str, control: str, several: bool) -> Entrant:
    """Return a variant as an entrant; its verdict comes later, when all are measured by one probe."""
    blank = Entrant("", "other", run.name, "", None, base, control, verdict="", holds=False)
    if variant == "base":
        return replace(blank, name=base, kind="base", base="", control="")
    if variant == "control":
        return replace(blank, name=control, kind="control", control="")
    if variant == "styled":
        return replace(blank, name=label, kind="tuned", line="sweep", place=run.settings.style.intensity)
    if variant == BASE_AGAIN:  # chance alone: nothing that was tuned
        return replace(blank, name=f"{base} again", kind="base", control="")
    settings = {one.name: one for one in run.settings.eval.variants}[variant]
    name, line, place = _further(settings, label)
    if line:
        return replace(blank, name=name, kind="tuned", line=line, place=place)
    return replace(blank, name=f"{name} ({label})" if several else name)


def _further(one: VariantSettings, label: str) -> tuple[str, str, float | None]:
    """Return a further variant's name, line and place: an own adapter at a scale, or as it was after some epochs."""
    if one.adapter == "styled" and not one.system:
        return f"{label}{DIALLED}{one.scale:g}", "dial", one.scale
    if one.adapter and one.adapter.startswith("styled@") and not one.system and one.scale == 1:
        epoch = one.adapter.removeprefix("styled@")
        return f"{label} after {epoch} epochs", "checkpoints", float(epoch)
    return one.name, "", None


def _named(variant: str, runs: Sequence[Run], labels: Sequence[str]) -> dict[Any, str]:
    """Return each run's name of its base or control: the plain word where all runs share it."""
    contents = [_content(run, variant) for run in runs]
    distinct = list(dict.fromkeys(contents))
    if len(distinct) == 1:
        return {run.folder: variant for run in runs}
    models = [run.settings.model.name for run in runs]
    by_content: dict[str, str] = {}
    for content, model, label in zip(contents, models, labels, strict=True):
        more = model if len(set(models)) == len(distinct) else label
        by_content.setdefault(content, f"{variant} {more}")
    return {run.folder: by_content[content] for run, content in zip(runs, contents, strict=True)}


def _run_labels(runs: Sequence[Run]) -> list[str]:
    """Return a name for each run's tuned model: the style, and the settings in which the runs differ."""
    flat = [dict(_flat(asdict(run.settings))) for run in runs]
    keys = [key for key in dict.fromkeys(key for settings in flat for key in settings) if _tells(key)]
    apart = [key for key in keys if len({_text(settings.get(key)) for settings in flat}) > 1]
    labels = []
    for run, settings in zip(runs, flat, strict=True):
        said = [run.settings.style.name]
        if "style.intensity" in apart:
            said.append(f"{run.settings.style.intensity:g}")
        rest = [key for key in apart if not key.startswith("style.") and not key.startswith("model.")]
        if any(key.startswith("model.") for key in apart):
            said.append(run.settings.model.name)
        said += [f"{key.rsplit('.', 1)[-1]}={_text(settings.get(key))}" for key in rest[:3]]
        labels.append(" ".join(said))
    return labels


def _tells(key: str) -> bool:
    return not any(key == name or key.startswith(f"{name}.") for name in _NOT_SHOWN)


def _flat(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):  # of further variants only what is said of each
        value = [{k: v for k, v in one.items() if v is not None} if isinstance(one, dict) else one for one in value]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _distinct(sources: Sequence[Source]) -> list[Source]:
    """Number names that several entrants would have, so that each is the only one."""
    seen: dict[str, int] = {}
    found = []
    for source in sources:
        name = source.entrant.name
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            source = replace(source, entrant=replace(source.entrant, name=f"{name} ({seen[name]})"))
        found.append(source)
    return found
