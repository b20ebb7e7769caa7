"""The command `publish RUN`: pass the gate, then write the adapter into a folder or send it to the Hub."""

import argparse
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from warmtune.config.compose import convert, recipe_names
from warmtune.config.settings import Settings
from warmtune.errors import ConfigError, StoreError, UserError
from warmtune.presentation import terminal
from warmtune.publishing.adapter_base import find_base
from warmtune.publishing.card import PLACEHOLDER, AcceptedGap
from warmtune.publishing.evidence import read_evidence, read_run_file, stage_folders
from warmtune.publishing.gate import Refusal, refusals
from warmtune.publishing.hub_upload import check_name, push
from warmtune.publishing.identity import IDENTITY, files_in, read_identity
from warmtune.publishing.publish_folder import CARD, Publication, write_folder
from warmtune.runs.run import Run, is_run, open_run
from warmtune.system.console import spinner

BESIDE = "published"
"""Folder inside the run's own, for a publication without another target."""


class GateError(UserError):
    """The adapter may not be published; holds every reason."""

    def __init__(self, run: str, reasons: Sequence[Refusal]) -> None:
        self.reasons = list(reasons)
        listed = "\n".join(f"  - {one.text}" for one in reasons)
        hint = ""
        if all(one.by_limit for one in reasons):
            hint = '\nWho publishes it all the same says why, on the card: --accept-gap "reason".'
        super().__init__(f"{run} is not published:\n{listed}{hint}")


@dataclass(frozen=True)
class PublishRequest:
    """What the command line asks for."""

    run: Path
    to: str | None
    dry_run: bool
    accept_gap: str | None
    """Why a gap over the limit is accepted."""
    max_gap: float | None
    private: bool
    licence: str | None

    @classmethod
    def from_args(cls, parsed: argparse.Namespace) -> "PublishRequest | None":
        """Return what is asked for of a finished run; None where the arguments name a recipe to run.

        Raises:
            ConfigError: options that do not go together, an empty reason, a limit below 0.
        """
        run = Path(parsed.recipe)
        finished = is_run(run) or (run.is_dir() and parsed.recipe not in recipe_names())
        problems = _misplaced(parsed, run, finished)
        if parsed.accept_gap is not None and not parsed.accept_gap.strip():
            problems.append("--accept-gap needs a reason, which goes onto the card.")
        if parsed.max_gap is not None and not parsed.max_gap >= 0:
            problems.append(f"--max-gap is {parsed.max_gap:g}, but it must be 0 or more percentage points.")
        if problems:
            raise ConfigError(problems)
        if not finished:
            return None
        reason = " ".join(parsed.accept_gap.split()) if parsed.accept_gap else None
        return cls(run, parsed.to, parsed.dry_run, reason, parsed.max_gap, parsed.private, parsed.license)


def _misplaced(parsed: argparse.Namespace, run: Path, finished: bool) -> list[str]:
    """Name the options that a recipe does not take, or the settings that a finished run does not."""
    if finished:
        return [
            f"'{text}' changes a setting, but the run {run} is finished; run its recipe with it instead."
            for text in parsed.overrides
        ]
    options = {
        "--to": parsed.to,
        "--dry-run": parsed.dry_run,
        "--accept-gap": parsed.accept_gap,
        "--max-gap": parsed.max_gap,
        "--private": parsed.private,
        "--license": parsed.license,
    }
    return [
        f"{name} is for the folder of a finished run, such as runs/quickstart-0123abcd; '{run}' is none."
        for name, value in options.items()
        if value not in (None, False)
    ]


def publish_run(request: PublishRequest) -> None:
    """Publish a finished run's adapter, or show what would be published.

    Raises:
        GateError: the gate is closed; names every reason.
        StoreError: the target holds something else, or the run cannot be read.
        HubError: the Hub does not take it.
    """
    settings = _settings(request.run)
    target = _target(request, settings)
    base = find_base(settings.model)
    publication = Publication(settings, {}, base, target.removeprefix("hub:"), request.licence)
    publication, reasons = _judge(publication, request)
    console = terminal.console()
    if request.accept_gap and publication.accepted is None:
        console.print("No gap is over the limit: the reason is not needed, and not put onto the card.")
    if request.dry_run:
        _print_dry_run(console, publication, request, target)
    if reasons:
        raise GateError(str(request.run), reasons)
    if request.dry_run:
        console.print("The gate is open. Nothing was sent.")
        return
    _print_licence_terms(console, publication, target)
    _deliver(console, publication, request, target)


def _judge(publication: Publication, request: PublishRequest) -> tuple[Publication, list[Refusal]]:
    """Return the gate's reasons, less those that the publisher accepts; the publication then says which."""
    settings = publication.settings
    limit = settings.publish.max_gap if request.max_gap is None else request.max_gap
    evidence = read_evidence(stage_folders(request.run))
    asked = settings.eval
    reasons = refusals(evidence, limit, publication.unlicensed, asked.controls, asked.grid)
    over_limit = tuple(one.text for one in reasons if one.by_limit)
    if not (request.accept_gap and over_limit):
        return publication, reasons
    accepted = AcceptedGap(request.accept_gap, over_limit)
    return replace(publication, accepted=accepted), [one for one in reasons if not one.by_limit]


def _settings(run: Path) -> Settings:
    """Return a run's settings, even if its stages are damaged: the gate says so of them."""
    if is_run(run):
        kept = read_run_file(run)["settings"]
        with suppress(ConfigError):
            return _with_weights(convert(kept | {"store": str(run.resolve().parent)}), run)
    return _opened(run).settings  # raises, and says why the settings cannot be read


def _opened(run: Path) -> Run:
    """Open a run.

    Raises:
        StoreError: the folder is no run, or a stage in it is damaged.
    """
    try:
        return open_run(run)
    except (ValueError, KeyError, TypeError):
        raise StoreError(
            f"The run {run} cannot be read: the manifest.json of a stage in it is damaged. Delete that stage's folder,"
            " and run the recipe again."
        ) from None


def _with_weights(settings: Settings, run: Path) -> Settings:
    if settings.train.service is not None:
        raise StoreError(
            f"The run {run} was tuned by a service, and its model stays there (train-styled/job.json names it);"
            " there are no weights to publish."
        )
    return settings


def _target(request: PublishRequest, settings: Settings) -> str:
    """Return where the adapter goes: `hub:org/name`, or a folder's path.

    Raises:
        HubError: the Hub does not allow the name.
        ConfigError: a folder cannot be private.
        StoreError: the folder holds something else.
    """
    to = request.to or settings.publish.to
    if to.startswith("hub:"):
        check_name(to.removeprefix("hub:"))
        return to
    if "://" in to:
        raise ConfigError([f"--to {to} is an address, but an adapter goes to a folder or to hub:org/name; give one."])
    if request.private:
        raise ConfigError([f"--private is for a repository on the Hub, but this goes into a folder ({to})."])
    folder = request.run / BESIDE if to == "folder" else Path(to)
    try:
        _check_folder(folder.resolve(), Path(settings.store) / "stages")
    except OSError as error:
        raise StoreError(
            f"{folder} cannot be looked into ({error.strerror}); choose another place with --to."
        ) from None
    return str(folder)


def _check_folder(folder: Path, stages: Path) -> None:
    """Refuse to write over anything but an earlier publication."""
    if folder.is_relative_to(stages.resolve()):
        raise StoreError(
            f"{folder} belongs to a stage of the run, which stays as it was written; choose another folder with --to."
        )
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    known = set(read_identity(folder).files) if (folder / IDENTITY).is_file() else set()
    if not known or set(files_in(folder)) - known or (folder / ".git").exists():
        raise StoreError(
            f"{folder} is there already and holds something else than what warmtune published; choose another place"
            " with --to, or empty it."
        )


def _print_dry_run(console: Console, publication: Publication, request: PublishRequest, target: str) -> None:
    """Print what would be sent: target, files, the card's metadata, and what the base's licence asks."""
    kind = ", private" if request.private else ", private until it is whole, then public"
    console.print(f"To:  {target}{kind if target.startswith('hub:') else ''}")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = _write(publication, request, target, Path(scratch))
        except StoreError as error:
            console.print(f"Its files cannot be shown: {error}")
            return
        files = files_in(folder) | {IDENTITY: folder / IDENTITY}
        for name, path in files.items():
            console.print(f"{path.stat().st_size:>12,}  {name}")
        console.print(f"{sum(path.stat().st_size for path in files.values()):>12,}  bytes in {len(files)} files\n")
        console.print((folder / CARD).read_text(encoding="utf-8").split("---\n")[1].strip() + "\n")
    console.print("The report and prompts.jsonl hold prompts, answers and a few training replies as they are.")
    if publication.accepted:
        console.print(f"Over the limit, and accepted: {publication.accepted.reason}")
    _print_licence_terms(console, publication, target)


def _print_licence_terms(console: Console, publication: Publication, target: str) -> None:
    """Print what the base's licence asks of whoever publishes."""
    licence = publication.base_licence
    if licence is None or not licence.asks:
        return
    console.print(f"The base's licence ({licence.title}, {licence.link}) asks:")
    for text in licence.asks:
        console.print(f"  - {text}")
    if not publication.licence_files:
        console.print("  No copy of it was found with the base, so none is among the files; add one.")
    name = target.split("/")[-1]
    if licence.begins and target.startswith("hub:") and not name.startswith(licence.begins):
        console.print(f'  The name {name} does not begin with "{licence.begins}".')


def _write(publication: Publication, request: PublishRequest, target: str, scratch: Path) -> Path:
    """Write the folder as it is sent, and return it.

    Raises:
        StoreError: a stage of the run is damaged or missing.
    """
    run = _opened(request.run)
    run.require("train-styled", "mark", "report")
    # A path on this machine says nothing to a reader.
    location = publication.location if target.startswith("hub:") else PLACEHOLDER
    folder = scratch / publication.settings.publish.name
    write_folder(replace(publication, stages=run.stages, location=location), folder)
    return folder


def _deliver(console: Console, publication: Publication, request: PublishRequest, target: str) -> None:
    if not target.startswith("hub:"):
        folder = Path(target).resolve()
        write_folder(replace(publication, stages=_opened(request.run).stages, location=PLACEHOLDER), folder)
        console.print(f"Published: {target}")
        return
    with tempfile.TemporaryDirectory() as scratch, spinner("publish"):
        folder = _write(publication, request, target, Path(scratch))
        pushed = push(folder, target.removeprefix("hub:"), request.private)
    seen = "private" if pushed.private else "public"
    console.print(f"Published: {pushed.url} ({seen}; {pushed.sent} files sent)")
