"""Stage outputs on disk: key, manifest, lock, resume.

The key of all that determines a stage's content names its folder. The stage is complete when its `manifest.json` is
there; the store writes that last, by an atomic rename. What an unfinished stage left behind stays, so that the stage's
own code can go on from it. Two runs that share a stage share the folder.
"""

import dataclasses
import errno
import json
import logging
import os
import resource
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from warmtune.errors import StoreError
from warmtune.runs.keys import fingerprint, plain, sha256
from warmtune.runs.provenance import provenance
from warmtune.system.console import print_status

_LOG = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_LOOK_EVERY = 1.0


@dataclass(frozen=True)
class Stage:
    """A complete stage: its folder and what its manifest says."""

    name: str
    folder: Path
    key: str
    digest: str
    """Hash of the contents of `files`; what later stages depend on."""
    files: Mapping[str, str]
    """Output files that later stages read, by path inside the folder, with their SHA-256."""
    counts: Mapping[str, Any]
    """What went in, what came out and what was left out, by reason."""
    seconds: float
    """Time spent on it, over all attempts but those that were killed."""
    peak_gb: float
    """Peak resident memory of the process at its end, in GB (1e9 bytes)."""
    reused: bool = False
    """True when nothing had to be done."""


@dataclass(frozen=True)
class StageOutput:
    """What a stage's work returns: the files that count as its output, and its counts."""

    files: list[str]
    counts: dict[str, Any] = field(default_factory=dict)


Work = Callable[[Path], StageOutput]


_FULL = (
    "The disk is full: there was no room left while writing in {folder}. Finished stages, checkpoints and answers are"
    " kept; free some space, or choose another place with store=FOLDER, and run the same command again."
)


def disk_is_full(error: BaseException) -> bool:
    """Tell whether an error comes from a full disk; libraries wrap it in errors of their own, so words count too."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in ("No space left on device", "PytorchStreamWriter failed writing"))


class Store:
    """A folder of stages and runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        try:
            (root / "stages").mkdir(parents=True, exist_ok=True)
            probe = root / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"The store folder {root} cannot be written ({error.strerror}); choose another with store=FOLDER, or"
                " change its permissions."
            ) from None

    def run(self, name: str, inputs: Mapping[str, Any], work: Work, remake: bool = False) -> Stage:
        """Return the stage's complete folder, doing `work` in it unless that was done before.

        Args:
            name: the stage, which also begins its folder's name.
            inputs: all that determines the content: settings, contents of what it reads, versions.
            work: does the work in the folder it is given; must be able to go on from what a killed attempt left.
            remake: throws away what is in the folder and does the work anew.

        Raises:
            StoreError: when the folder is damaged.
        """
        key = fingerprint(name, inputs)
        folder = self.root / "stages" / f"{name}-{key}"
        folder.mkdir(exist_ok=True)
        with _held(folder):
            if remake:
                _empty(folder)
            done = _read(name, folder, key)
            if done is not None:
                _LOG.info("kept %s: key %s, folder %s", name, key, folder)
                return done
            _LOG.info("making %s: key %s, folder %s", name, key, folder)
            _LOG.debug("what decides %s: %s", name, json.dumps(inputs, default=plain))
            started, before = time.monotonic(), _spent(folder)
            try:
                outcome = work(folder)
            except BaseException as error:
                if disk_is_full(error):
                    raise StoreError(_FULL.format(folder=folder)) from error
                raise
            finally:
                seconds = before + time.monotonic() - started
                _note_spent(folder, seconds)
            _LOG.info("made %s in %.1f s", name, seconds)
            return _finish(name, folder, key, inputs, outcome, seconds)

    def wait_for(self, name: str, inputs: Mapping[str, Any], timeout: float, participate: Work | None = None) -> Stage:
        """Return the complete folder of a stage that another machine makes in the same store.

        Args:
            name: as in `run`.
            inputs: as in `run`.
            timeout: seconds without an end after which it gives up.
            participate: this machine's share of the work, where it has one.

        Raises:
            StoreError: the other machine has not finished in time.
        """
        key = fingerprint(name, inputs)
        folder = self.root / "stages" / f"{name}-{key}"
        folder.mkdir(exist_ok=True)
        _LOG.info("waiting for %s from another machine: key %s, folder %s", name, key, folder)
        if participate is not None and not (folder / MANIFEST).is_file():
            participate(folder)
        until = time.monotonic() + timeout
        while (done := _read(name, folder, key)) is None:
            if time.monotonic() > until:
                raise StoreError(
                    f"The first machine has not finished the stage '{name}' in {folder} within {timeout:.0f} s; look"
                    " at its output, and whether both machines have the same store and settings. A longer wait:"
                    " launch.timeout=SECONDS."
                )
            time.sleep(_LOOK_EVERY)
        return done


def complete(name: str, folder: Path) -> Stage | None:
    """Return a stage from its folder, None where it is not complete.

    Raises:
        StoreError: a file of it is missing or not what was written.
    """
    return _read(name, folder, None)


def write_atomically(file: Path, text: str) -> None:
    """Write a text file so that it is either the old one or the new one, whole."""
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    with scratch.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(file)


def peak_gb() -> float:
    """Return the process's peak resident memory so far, in GB (1e9 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _finish(name: str, folder: Path, key: str, inputs: Any, outcome: StageOutput, seconds: float) -> Stage:
    files = {path: sha256(folder / path) for path in sorted(outcome.files)}
    manifest = {
        "stage": name,
        "key": key,
        "digest": fingerprint(files),
        "files": files,
        "counts": outcome.counts,
        "seconds": round(seconds, 2),
        "peak_gb": round(peak_gb(), 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": inputs,
        "made_by": provenance(),
    }
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2, default=plain))
    return dataclasses.replace(_stage(name, folder, manifest), reused=False)


def _read(name: str, folder: Path, key: str | None) -> Stage | None:
    """Return the stage if its folder is complete, checking that its files are what the manifest says."""
    if not (folder / MANIFEST).is_file():
        return None
    manifest = json.loads((folder / MANIFEST).read_text())
    if manifest.get("key") != (key or manifest.get("key", "")):
        raise StoreError(
            f"{folder / MANIFEST} was not written by this version of warmtune for the stage '{name}'; delete the folder"
            f" {folder} and run again, and the stage is made anew."
        )
    for path, expected in manifest["files"].items():
        if not (folder / path).is_file() or sha256(folder / path) != expected:
            raise StoreError(
                f"{folder / path} is missing or not what stage '{name}' wrote; delete the folder {folder} and run"
                " again, and the stage is made anew."
            )
    return _stage(name, folder, manifest)


def _stage(name: str, folder: Path, manifest: Mapping[str, Any]) -> Stage:
    kept = {key: manifest[key] for key in ("key", "digest", "files", "counts", "seconds", "peak_gb")}
    return Stage(name=name, folder=folder, reused=True, **kept)


def _empty(folder: Path) -> None:
    """Delete what a stage wrote, the manifest first, so that a kill on the way leaves no stage that looks whole."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.name not in (".lock", ".owner.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; a second process says who holds it and waits. The kernel frees it after a kill."""
    lock, owner = FileLock(folder / ".lock"), folder / ".owner.json"
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        who = json.loads(owner.read_text()) if owner.is_file() else {}
        print_status(
            f"Waiting: process {who.get('pid', '?')} on {who.get('host', '?')} has been working in {folder} since"
            f" {who.get('since', '?')}; this run goes on when that one is done or stopped."
        )
        lock.acquire()
    try:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        write_atomically(owner, json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since}))
        yield
    finally:
        lock.release()


def _spent(folder: Path) -> float:
    file = folder / ".seconds"
    return float(file.read_text()) if file.is_file() else 0.0


def _note_spent(folder: Path, seconds: float) -> None:
    with suppress(OSError):  # a full disk has been reported already, and a time is not worth another error
        (folder / ".seconds").write_text(str(seconds))
