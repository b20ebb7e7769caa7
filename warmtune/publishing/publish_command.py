"""The verb `publish RUN`: past the gate, into a folder or to the Hub."""

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
from warmtune.publishing.adapter_base import base_here
from warmtune.publishing.card import HERE, Accepted
from warmtune.publishing.evidence import controls_of, folders_of, gather, kept_of
from warmtune.publishing.gate import Refusal, refusals
from warmtune.publishing.hub_upload import check_name, push
from warmtune.publishing.identity import IDENTITY, files_in, read_identity
from warmtune.publishing.publish_folder import CARD, Publication, write_folder
from warmtune.runs.run import Run, is_run, open_run
from warmtune.system.console import working

BESIDE = "published"
"""Folder in a run's own, where nothing else is said."""


class GateError(UserError):
    """The adapter may not be published; carries every reason."""

    def __init__(self, place: str, reasons: Sequence[Refusal]) -> None:
        self.reasons = list(reasons)
        listed = "\n".join(f"  - {one.text}" for one in reasons)
        hint = ""
        if all(one.by_limit for one in reasons):
            hint = '\nWho publishes it all the same says why, on the card: --accept-gap "reason".'
        super().__init__(f"{place} is not published:\n{listed}{hint}")


@dataclass(frozen=True)
class Wish:
    """What the command line asks for."""

    run: Path
    to: str | None
    dry: bool
    accept: str | None
    max_gap: float | None
    private: bool
    licence: str | None


def wish_of(parsed: argparse.Namespace) -> Wish | None:
    """Return what was asked for of a finished run, None where a recipe is to be run up to the stage.

    Raises:
        ConfigError: options of the one beside the other, an empty reason, a limit below 0.
    """
    run = Path(parsed.recipe)
    finished = is_run(run) or (run.is_dir() and parsed.recipe not in recipe_names())
    given = {
        "--to": parsed.to,
        "--dry-run": parsed.dry_run,
        "--accept-gap": parsed.accept_gap,
        "--max-gap": parsed.max_gap,
        "--private": parsed.private,
        "--license": parsed.license,
    }
    problems = []
    if not finished:
        problems = [
            f"{name} is for the folder of a finished run, such as runs/quickstart-0123abcd; '{run}' is none."
            for name, value in given.items()
            if value not in (None, False)
        ]
    else:
        problems = [
            f"'{text}' changes a setting, but the run {run} is finished; run its recipe with it instead."
            for text in parsed.overrides
        ]
    if parsed.accept_gap is not None and not parsed.accept_gap.strip():
        problems.append("--accept-gap needs a reason, which goes onto the card.")
    if parsed.max_gap is not None and not parsed.max_gap >= 0:
        problems.append(f"--max-gap is {parsed.max_gap:g}, but it must be 0 or more percentage points.")
    if problems:
        raise ConfigError(problems)
    if not finished:
        return None
    accept = " ".join(parsed.accept_gap.split()) if parsed.accept_gap else None
    return Wish(run, parsed.to, parsed.dry_run, accept, parsed.max_gap, parsed.private, parsed.license)


def publish_run(wish: Wish) -> None:
    """Publish a finished run's adapter, or show what that would be.

    Raises:
        GateError: with every reason against it.
        StoreError: the target holds something else, or the run cannot be read.
        HubError: the Hub does not take it.
    """
    settings = _settings(wish.run)
    target = _target(wish, settings)
    what = Publication(settings, {}, base_here(settings.model), target.removeprefix("hub:"), wish.licence)
    limit = settings.publish.max_gap if wish.max_gap is None else wish.max_gap
    against = refusals(gather(folders_of(wish.run)), limit, what.unlicensed, controls_of(settings))
    if wish.accept and any(one.by_limit for one in against):
        what = replace(what, accepted=Accepted(wish.accept, tuple(one.text for one in against if one.by_limit)))
        against = [one for one in against if not one.by_limit]
    console = Console(highlight=False, soft_wrap=True, markup=False)
    if wish.accept and what.accepted is None:
        console.print("No gap is over the limit: the reason is not needed, and not put onto the card.")
    if wish.dry:
        _show(console, what, wish, target)
    if against:
        raise GateError(str(wish.run), against)
    if wish.dry:
        console.print("The gate is open. Nothing was sent.")
        return
    _say_terms(console, what, target)
    _deliver(console, what, wish, target)


def _settings(run: Path) -> Settings:
    """Return a run's settings, whatever became of its stages: those are the gate's matter."""
    if is_run(run):
        kept = kept_of(run)["settings"]
        with suppress(ConfigError):
            return _with_weights(convert(kept | {"store": str(run.resolve().parent)}), run)
    return _opened(run).settings  # which says in its own words why not


def _opened(run: Path) -> Run:
    """Open a run.

    Raises:
        StoreError: it is none, or a stage in it is damaged.
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


def _target(wish: Wish, settings: Settings) -> str:
    """Return where it goes: `hub:org/name`, or a folder's path.

    Raises:
        HubError: a name that the Hub does not allow.
        ConfigError: a folder that is to be private.
        StoreError: a folder that holds something else.
    """
    to = wish.to or settings.publish.to
    if to.startswith("hub:"):
        check_name(to.removeprefix("hub:"))
        return to
    if wish.private:
        raise ConfigError([f"--private is for a repository on the Hub, but this goes into a folder ({to})."])
    folder = wish.run / BESIDE if to == "folder" else Path(to)
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


def _show(console: Console, what: Publication, wish: Wish, target: str) -> None:
    """Print what would be sent: target, files, metadata, and what the base's licence asks."""
    kind = ", private" if wish.private else ", private until it is whole, then public"
    console.print(f"To:  {target}{kind if target.startswith('hub:') else ''}")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            folder = _written(what, wish, target, Path(scratch))
        except StoreError as error:
            console.print(f"Its files cannot be shown: {error}")
            return
        files = files_in(folder) | {IDENTITY: folder / IDENTITY}
        for name, path in files.items():
            console.print(f"{path.stat().st_size:>12,}  {name}")
        console.print(f"{sum(path.stat().st_size for path in files.values()):>12,}  bytes in {len(files)} files\n")
        console.print((folder / CARD).read_text(encoding="utf-8").split("---\n")[1].strip() + "\n")
    console.print("The report and prompts.jsonl hold prompts, answers and a few training replies as they are.")
    if what.accepted:
        console.print(f"Over the limit, and accepted: {what.accepted.reason}")
    _say_terms(console, what, target)


def _say_terms(console: Console, what: Publication, target: str) -> None:
    """Print what the base's licence asks of whoever publishes."""
    licence = what.base_licence
    if licence is None or not licence.asks:
        return
    console.print(f"The base's licence ({licence.title}, {licence.link}) asks:")
    for text in licence.asks:
        console.print(f"  - {text}")
    if not what.licence_files:
        console.print("  No copy of it was found with the base, so none is among the files; add one.")
    name = target.split("/")[-1]
    if licence.begins and target.startswith("hub:") and not name.startswith(licence.begins):
        console.print(f'  The name {name} does not begin with "{licence.begins}".')


def _written(what: Publication, wish: Wish, target: str, scratch: Path) -> Path:
    """Write the folder as it would be sent, and return it.

    Raises:
        StoreError: a stage of the run is damaged or missing.
    """
    run = _opened(wish.run)
    run.require("train-styled", "mark", "report")
    place = what.place if target.startswith("hub:") else HERE  # a path on this machine says nothing to a reader
    folder = scratch / what.settings.publish.name
    write_folder(replace(what, stages=run.stages, place=place), folder)
    return folder


def _deliver(console: Console, what: Publication, wish: Wish, target: str) -> None:
    if not target.startswith("hub:"):
        folder = Path(target).resolve()
        write_folder(replace(what, stages=_opened(wish.run).stages, place=HERE), folder)
        console.print(f"Published: {target}")
        return
    with tempfile.TemporaryDirectory() as scratch, working("publish"):
        folder = _written(what, wish, target, Path(scratch))
        pushed = push(folder, target.removeprefix("hub:"), wish.private)
    seen = "private" if pushed.private else "public"
    console.print(f"Published: {pushed.url} ({seen}; {pushed.sent} files sent)")
