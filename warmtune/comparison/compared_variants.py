"""Chooses the variants of a comparison: each variant of the runs once, named by what distinguishes it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from warmtune.comparison.comparison_data import DIALLED, ComparedVariant, SettingDifference
from warmtune.config.evaluation_settings import VariantSettings
from warmtune.io.schemas import ANSWERS, BASE_AGAIN, MARKED, REPLIES
from warmtune.presentation.formatting import clipped
from warmtune.runs.run import Run

_NOT_SHOWN = (
    "recipe",
    "store",
    "publish",
    "sweep",
    "eval.variants",
    "eval.bootstrap_samples",
    "rewriter.shared_intensities",
)
"""Settings that do not distinguish variants."""
_LATER = ("eval.", "judge.")
"""Prefixes of settings of the questions. They distinguish tuned models only where no other setting does."""
_TOLD, _LETTERS = 3, 24
_ORDER = {"base": 0, "control": 1, "tuned": 2, "other": 3}


@dataclass(frozen=True)
class VariantSource:
    """Where a variant's answers are."""

    variant: ComparedVariant
    run: Run
    name_in_run: str


def sources_of(runs: Sequence[Run]) -> list[VariantSource]:
    """Return the variants of some evaluated runs: bases first, then controls, then the rest by series.

    A base or control whose answers and marks are the same in several runs appears once. So does a tuned model of the
    same stage. Each tuned model keeps the base and the control of its own run.
    """
    names = _Names(runs)
    found = {}
    for run in runs:
        for variant in _variants(run):
            key = names.key(run, variant)
            if key not in found:
                found[key] = VariantSource(_compared_variant(run, variant, names), run, variant)
    return sorted(found.values(), key=lambda one: (_ORDER[one.variant.kind], one.variant.series))


def marked(run: Run, variant: str) -> pd.DataFrame:
    """Read a variant's marked answers."""
    import pyarrow.parquet as parquet

    file = run.stages["mark"].folder / MARKED
    frame: pd.DataFrame = parquet.read_table(file, filters=[("variant", "=", variant)]).to_pandas()
    return frame


def marks_of(run: Run, variant: str) -> str:
    """Return a digest of how a variant's answers were marked, and by whom."""
    text = marked(run, variant)[["benchmark", "question_id", "context", "belief", "sample", "mark", "by"]]
    return hashlib.sha256(text.to_csv(index=False).encode()).hexdigest()


def differences_of(runs: Sequence[Run]) -> list[SettingDifference]:
    """Return the settings in which runs differ."""
    flat = [dict(_flat(asdict(run.settings))) for run in runs]
    keys = dict.fromkeys(key for settings in flat for key in settings)
    rows = [SettingDifference(key, tuple(_text(settings.get(key)) for settings in flat)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1 and row.setting not in ("store", "recipe")]


def _variants(run: Run) -> list[str]:
    names = [name.removeprefix("evaluate-") for name in run.stages if name.startswith("evaluate-")]
    first = [name for name in ("base", "control", "styled") if name in names]
    return first + [name for name in names if name not in first]


def _content(run: Run, variant: str) -> str:
    """Return a key of a variant's answers and of how they were marked."""
    stage = run.stages[f"evaluate-{variant}"]
    own = "" if variant in ("base", "control") else stage.folder.name  # two models may chance to answer alike
    return json.dumps([variant, own, stage.files[ANSWERS], stage.files[REPLIES], marks_of(run, variant)])


class _Names:
    """Names every variant of every run: the same variant has one name in all runs, and no other variant has it."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = runs
        self.labels = _run_labels(runs, intensity=True)
        self.lines = dict(zip((run.folder for run in runs), _run_labels(runs, intensity=False), strict=True))
        self._keys = {(run.folder, variant): _content(run, variant) for run in runs for variant in _variants(run)}
        self._names: dict[str, str] = {}
        for role in ("base", "control"):
            self._name_role(role)
        for run, label in zip(runs, self.labels, strict=True):
            self._give(run, "styled", label)
        for run in runs:
            for variant in _variants(run):
                if variant not in ("base", "control", "styled"):
                    self._give(run, variant, self._further(run, variant))

    def key(self, run: Run, variant: str) -> str:
        """Return a key that is equal for the same variant of two runs."""
        return self._keys[run.folder, variant]

    def of(self, run: Run, variant: str) -> str:
        """Return the name of a run's variant; empty if the run has no such variant."""
        key = self._keys.get((run.folder, variant))
        return "" if key is None else self._names[key]

    def _give(self, run: Run, variant: str, wished: str) -> None:
        key = self._keys.get((run.folder, variant))
        if key is None or key in self._names:
            return
        taken, name, number = set(self._names.values()), wished, 1
        while name in taken:
            number += 1
            name = f"{wished} ({number})"
        self._names[key] = name

    def _name_role(self, role: str) -> None:
        """Name bases or controls: by the role alone if all runs share one, else by the model, else by the run."""
        keys = [self._keys.get((run.folder, role)) for run in self.runs]
        models = [run.settings.model.name for run in self.runs]
        for run, model in zip(self.runs, models, strict=True):
            by_model = len(set(models)) == len(set(keys))
            # not by the label: several runs share this variant, and an intensity would name only one of them
            more = model if by_model else self.lines[run.folder]
            self._give(run, role, role if len(set(keys)) == 1 else f"{role} {more}")

    def _further(self, run: Run, variant: str) -> str:
        if variant == BASE_AGAIN:
            return f"{self.of(run, 'base')} again"
        one, own = _settings(run, variant), self.of(run, "styled")
        series, x = _series(run, one)
        if series == "dial":
            return f"{own}{DIALLED}{x:g}"
        if series == "checkpoints":
            return f"{own} after {x:.3g} epochs"
        elsewhere = one.adapter is not None and not _of_this_run(one)
        return one.name if elsewhere or len(set(self.labels)) == 1 else f"{one.name} ({own})"


def _compared_variant(run: Run, variant: str, names: _Names) -> ComparedVariant:
    """Return a run's variant for the comparison, still without a verdict, which `gather` adds."""
    name, base, control = names.of(run, variant), names.of(run, "base"), names.of(run, "control")
    settings = run.settings

    def made(
        kind: Any, base: str, control: str, series: str = "", x: float | None = None, **more: Any
    ) -> ComparedVariant:
        return ComparedVariant(name, kind, run.name, series, x, base, control, verdict="", holds=False, **more)

    if variant == "base":
        return made("base", "", "")
    if variant in ("control", BASE_AGAIN):  # the latter shows chance alone: nothing was tuned
        return made("control" if variant == "control" else "base", base, "")
    if variant == "styled":
        epochs = settings.train.use or settings.train.epochs
        of = f"{control}, {names.lines[run.folder]}"
        return made("tuned", base, control, "sweep", settings.style.intensity, origin=of, epochs=epochs)
    one = _settings(run, variant)
    series, x = _series(run, one)
    if series:
        return made("tuned", base, control, series, x, origin=names.of(run, "styled"))
    return made("other", base, control if _of_this_run(one) else "")


def _settings(run: Run, variant: str) -> VariantSettings:
    return next(one for one in run.settings.eval.variants if one.name == variant)


def _series(run: Run, one: VariantSettings) -> tuple[str, float | None]:
    """Return a further variant's series and x: the tuned adapter at a scale, or as it was after some epochs."""
    if one.adapter == "styled" and not one.system:
        return "dial", one.scale
    if one.adapter and one.adapter.startswith("styled@") and not one.system and one.scale == 1:
        after = float(one.adapter.removeprefix("styled@"))
        if run.settings.train.service is not None:  # which names its checkpoints by the step
            after *= run.settings.train.epochs / run.stages["train-styled"].counts["steps"]
        return "checkpoints", after
    return "", None


def _of_this_run(one: VariantSettings) -> bool:
    """Return whether a variant uses what the run trained; only then is the run's control its control."""
    adapters = list(one.mix or ()) or [one.adapter or ""]
    return all(name.partition("@")[0] in ("styled", "control") for name in adapters)


def _run_labels(runs: Sequence[Run], intensity: bool) -> list[str]:
    """Return a name for each run's tuned model: the style, and the settings in which the runs differ."""
    flat = [dict(_flat(asdict(run.settings))) for run in runs]
    keys = [key for key in dict.fromkeys(key for settings in flat for key in settings) if _tells(key)]
    apart = [key for key in keys if len({_text(settings.get(key)) for settings in flat}) > 1]
    trained = [key for key in apart if not key.startswith(_LATER)]
    rest = [key for key in trained or apart if not key.startswith(("style.", "model."))]
    labels = []
    for run, settings in zip(runs, flat, strict=True):
        said = [run.settings.style.name]
        if "style.intensity" in apart and intensity:
            said.append(f"{run.settings.style.intensity:g}")
        if any(key.startswith("model.") for key in apart):
            said.append(run.settings.model.name)
        said += [f"{_short_key(key)}={clipped(_text(settings.get(key)), _LETTERS)}" for key in rest[:_TOLD]]
        labels.append(" ".join(said))
    return labels


def _short_key(key: str) -> str:
    return key if key.startswith(_LATER) else key.rsplit(".", 1)[-1]


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
