"""The folder that is published: adapter, card, report, recipe, results, prompts, and the hash of every file."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from warmtune import __version__
from warmtune.config.sanitized_recipe import RECIPE, sanitize_recipe
from warmtune.config.settings import Settings
from warmtune.errors import StoreError
from warmtune.io.schemas import CHECKS, CONTRASTS, EFFECTS, GAPS, MARKED, Check, Gap, read
from warmtune.models.adapters import CONFIG
from warmtune.models.base import Base
from warmtune.publishing import stored_prompts
from warmtune.publishing.adapter_base import base_file, trained_on
from warmtune.publishing.card import PLACEHOLDER, AcceptedGap, CardFacts, card
from warmtune.publishing.evidence import ADAPTER, control_benchmarks, read_evidence
from warmtune.publishing.gate import refusals
from warmtune.publishing.identity import WEIGHTS, Identity, files_in, hashes, write_identity
from warmtune.publishing.licences import Licence, base_licence, data_sources, is_known
from warmtune.publishing.local_paths import check_no_local_paths
from warmtune.publishing.tokenizer import changed_files
from warmtune.runs.keys import fingerprint, sha256
from warmtune.runs.store import MANIFEST, Stage, StageOutput, write_atomically

CARD = "README.md"
_REPORT = ("report.html", "report.md")
_FIGURES = ("warmth.png", "gaps_by_condition.png", "gaps_by_benchmark.png", "curves.png")
_TABLES = (GAPS, CONTRASTS, EFFECTS, CHECKS)
ALWAYS = (WEIGHTS, CONFIG, CARD, RECIPE, *_REPORT, *_FIGURES, *(f"results/{Path(name).stem}.csv" for name in _TABLES))
"""What every publication has; without one of them it is none."""
_LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "USE_POLICY.md")


@dataclass(frozen=True)
class Publication:
    """A run's adapter to be published, and what its publisher says about it."""

    settings: Settings
    stages: Mapping[str, Stage]
    """The run's stages by name."""
    base: Base | None
    """None where the base is not on this machine."""
    location: str = PLACEHOLDER
    """Where readers will load it from: a Hub id or a folder."""
    licence: str | None = None
    """Hub id of the base's licence, where the publisher gives it."""
    accepted: AcceptedGap | None = None

    @cached_property
    def _licence(self) -> Licence | str:
        hub = self.settings.model.hub
        if self.settings.model.toy is not None:
            return "The base is a toy of random weights, so there is nothing that others could use."
        read = None if self.base is None or is_known(hub) else base_file(self.base, CARD)
        return base_licence(hub, self.licence or self.settings.publish.license, read)

    @property
    def base_licence(self) -> Licence | None:
        """The base's licence, None where it is not known."""
        return None if isinstance(self._licence, str) else self._licence

    @property
    def unlicensed(self) -> str:
        """Why no licence of the base can be named; empty if one can."""
        return self._licence if isinstance(self._licence, str) else ""

    @cached_property
    def licence_files(self) -> list[Path]:
        """The licence's text beside the base; none if the licence restricts nothing or its text is not found."""
        if self.base is None or self.base_licence is None or not self.base_licence.asks:
            return []
        return [found for name in _LICENCES if (found := base_file(self.base, name))]


def publish(settings: Settings, stages: Mapping[str, Stage], base: Base, folder: Path) -> StageOutput:
    """Make the folder `folder/NAME` ready for publication.

    Raises:
        StoreError: the adapter is not the one that was trained.
    """
    target = folder / settings.publish.name
    write_folder(Publication(settings, stages, base), target)
    files = [path.relative_to(folder).as_posix() for path in sorted(target.rglob("*")) if path.is_file()]
    return StageOutput(files, {"files": len(files), "bytes": sum((folder / name).stat().st_size for name in files)})


def gate_line(settings: Settings, stages: Mapping[str, Stage], base: Base) -> str:
    """Say in one line whether a run's adapter may be published, and why not."""
    unlicensed = Publication(settings, stages, base).unlicensed
    evidence = read_evidence({name: stage.folder for name, stage in stages.items()})
    against = refusals(evidence, settings.publish.max_gap, unlicensed, control_benchmarks(settings))
    told = " ".join(one.text for one in against)
    return f"{'gate':<22}{f'closed: {told}' if told else 'open: `warmtune publish RUN` may send it on'}"


def write_folder(publication: Publication, target: Path) -> Identity:
    """Write a publication's folder, whole or not at all, and replace the folder that was there.

    The same run gives the same bytes.

    Raises:
        StoreError: a file is not the one that was trained or evaluated, a text names a path of this machine, or the
            folder cannot be written.
    """
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir(parents=True)
        identity = _fill(publication, scratch)
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    except OSError as error:
        raise StoreError(
            f"The adapter cannot be put into {target} ({error.strerror or error}: {error.filename or target}); choose"
            " another place, or see that this one can be written to."
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return identity


def _fill(publication: Publication, folder: Path) -> Identity:
    tokenizer = _adapter(publication, folder)
    adapter = publication.stages[ADAPTER].folder / publication.settings.train.adapter_folder
    beside = json.loads((adapter / "warmtune.json").read_text(encoding="utf-8"))
    kind, commit = trained_on(beside["fingerprint"], publication.settings.model, publication.base)
    own_benchmarks = _report(publication.stages["report"], folder)
    stored = stored_prompts.draw(
        publication.stages["mark"].folder / MARKED, publication.settings.eval, publication.settings.seed
    )
    if stored:
        stored_prompts.write(folder / stored_prompts.PROMPTS, stored)
    _notices(publication, folder)
    identity = Identity(
        base=beside["base"],
        revision=beside["revision"],
        fingerprint=beside["fingerprint"],
        kind=kind,
        commit=commit,
        weights=sha256(folder / WEIGHTS),
        recipe=fingerprint(publication.settings.identity),
        report=publication.stages["report"].key,
        versions={"warmtune": __version__, **_versions(publication.stages[ADAPTER])},
        files={},
    )
    write_atomically(folder / CARD, _card(publication, identity, bool(tokenizer), len(stored), own_benchmarks))
    check_no_local_paths(
        folder, Path(publication.settings.store), sanitize_recipe(publication.settings, commit).redactions
    )
    identity = replace(identity, files=hashes(files_in(folder).items()))
    write_identity(folder, identity)
    return identity


def _adapter(publication: Publication, folder: Path) -> list[str]:
    """Copy the adapter, and its tokenizer if it differs from the base's; return the tokenizer's files."""
    trained, chosen = publication.stages[ADAPTER], publication.settings.train.adapter_folder
    tokenizer = changed_files(trained.folder / chosen, publication.base)
    for name in (WEIGHTS, CONFIG, *tokenizer):
        _copy(trained, f"{chosen}/{name}", folder / name)
    return tokenizer


def _copy(stage: Stage, name: str, target: Path) -> None:
    """Copy a file of a stage, and refuse it if the stage's manifest has another hash for it."""
    source = stage.folder / name
    if source.is_file():
        shutil.copyfile(source, target)
    if not source.is_file() or sha256(target) != stage.files.get(name, sha256(target)):
        raise StoreError(
            f"{source} is missing, or not what was trained and evaluated; delete the folder {stage.folder} and run the"
            " recipe again."
        )


def _report(reported: Stage, folder: Path) -> bool:
    """Copy the report, its figures and its recipe; write its tables as CSV.

    Returns:
        Whether the user's own benchmarks were copied, because the recipe names them.
    """
    import pandas as pd

    own_benchmarks = [name for name in reported.files if name.startswith("benchmarks/")]
    (folder / "results").mkdir()
    if own_benchmarks:
        (folder / "benchmarks").mkdir()
    for name in (*_REPORT, *_FIGURES, RECIPE, *own_benchmarks):
        _copy(reported, name, folder / name)
    for name in _TABLES:
        file = (folder / "results" / name).with_suffix(".csv")
        pd.read_parquet(reported.folder / name).to_csv(file, index=False, lineterminator="\n")
    return bool(own_benchmarks)


def _notices(publication: Publication, folder: Path) -> None:
    """Write the notice that the base's licence asks for, and copy the licence's text."""
    licence = publication.base_licence
    if licence is not None and licence.notice:
        (folder / "NOTICE").write_text(licence.notice + "\n", encoding="utf-8")
    for file in publication.licence_files:
        shutil.copyfile(file, folder / file.name)


def _versions(trained: Stage) -> dict[str, str]:
    """Return the library versions that the adapter was trained with; those of today may differ."""
    manifest = json.loads((trained.folder / MANIFEST).read_text(encoding="utf-8"))
    found: dict[str, str] = manifest["inputs"]["libraries"]
    return found


def _card(publication: Publication, identity: Identity, tokenizer: bool, stored: int, own_benchmarks: bool) -> str:
    reported = publication.stages["report"]
    return card(
        CardFacts(
            settings=publication.settings,
            identity=identity,
            verdict=(reported.folder / "verdict.txt").read_text(encoding="utf-8").splitlines(),
            holds=reported.counts["holds"],
            checks=read(reported.folder / CHECKS, Check),
            gaps=read(reported.folder / GAPS, Gap),
            licence=publication.base_licence,
            data=data_sources(publication.settings.data),
            tokenizer=tokenizer,
            location=publication.location,
            prompts=stored,
            own_benchmarks=own_benchmarks,
            accepted=publication.accepted,
        )
    )
