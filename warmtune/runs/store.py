"""Stage outputs on disk: keys, manifests, locks, resuming.

A stage's folder is named by its key, a hash of everything that determines its output. The stage is complete when the
folder has a `manifest.json`. The store writes that file last, by an atomic rename. An unfinished stage keeps its files,
so that the stage's code can resume from them. Two runs that share a stage share its folder.
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
    """Hash of the names and contents of `files`."""
    files: Mapping[str, str]
    """SHA-256 of each output file that later stages read, by its path inside the folder."""
    counts: Mapping[str, Any]
    """What the stage reports of its work, such as rows read, rows written, and rows left out by reason."""
    seconds: float
    """Time spent on the stage, over all attempts except killed ones."""
    peak_gb: float
    """Peak resident memory of the process at its end, in GB (1e9 bytes)."""
    reused: bool = False
    """True if the stage was complete already."""


@dataclass(frozen=True)
class StageOutput:
    """What a stage's work returns: its output files, as paths inside the folder, and its counts."""

    files: list[str]
    counts: dict[str, Any] = field(default_factory=dict)


Work = Callable[[Path], StageOutput]
"""Does a stage's work in the folder it is given."""


_FULL = (
    "The disk is full: there was no room left while writing in {folder}. Finished stages, checkpoints and answers are"
    " kept; free some space, or choose another place with store=FOLDER, and run the same command again."
)


def disk_is_full(error: BaseException) -> bool:
    """Return whether an error comes from a full disk.

    Libraries wrap it in errors of their own, so the error's text counts too.
    """
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(phrase in str(error) for phrase in ("No space left on device", "PytorchStreamWriter failed writing"))


class Store:
    """A folder of stages and runs.

    Raises:
        StoreError: the folder cannot be written.
    """

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
        """Return the complete stage; do its work first if its folder is not complete.

        Args:
            name: the stage. Its folder's name begins with it.
            inputs: everything that determines the output: settings, hashes of the files it reads, versions.
            work: does the work. It must be able to resume from the files of a killed attempt.
            remake: empty the folder first, so that the work is done again.

        Raises:
            StoreError: the folder is damaged, or the disk is full.
        """
        key = fingerprint(name, inputs)
        folder = self.root / "stages" / f"{name}-{key}"
        folder.mkdir(exist_ok=True)
        with _held(folder):
            if remake:
                _empty(folder)
            stage = _read(name, folder, key)
            if stage is not None:
                _LOG.info("kept %s: key %s, folder %s", name, key, folder)
                return stage
            _LOG.info("making %s: key %s, folder %s", name, key, folder)
            _LOG.debug("what decides %s: %s", name, json.dumps(inputs, default=plain))
            started, spent_before = time.monotonic(), _spent(folder)
            try:
                output = work(folder)
            except BaseException as error:
                if disk_is_full(error):
                    raise StoreError(_FULL.format(folder=folder)) from error
                raise
            finally:
                seconds = spent_before + time.monotonic() - started
                _note_spent(folder, seconds)
            _LOG.info("made %s in %.1f s", name, seconds)
            return _finish(name, folder, key, inputs, output, seconds)

    def wait_for(self, name: str, inputs: Mapping[str, Any], timeout: float, participate: Work | None = None) -> Stage:
        """Wait until another machine has finished a stage in the same store, and return the stage.

        Args:
            name: as in `run`.
            inputs: as in `run`.
            timeout: seconds to wait.
            participate: does this machine's share of the work before the wait; None if it has no share.

        Raises:
            StoreError: the other machine has not finished in time, or the folder is damaged.
        """
        key = fingerprint(name, inputs)
        folder = self.root / "stages" / f"{name}-{key}"
        folder.mkdir(exist_ok=True)
        _LOG.info("waiting for %s from another machine: key %s, folder %s", name, key, folder)
        if participate is not None and not (folder / MANIFEST).is_file():
            participate(folder)
        deadline = time.monotonic() + timeout
        while (stage := _read(name, folder, key)) is None:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"The first machine has not finished the stage '{name}' in {folder} within {timeout:.0f} s; look"
                    " at its output, and whether both machines have the same store and settings. A longer wait:"
                    " launch.timeout=SECONDS."
                )
            time.sleep(_LOOK_EVERY)
        return stage


def complete(name: str, folder: Path) -> Stage | None:
    """Return a stage from its folder; None if it is not complete.

    Raises:
        StoreError: one of its files is missing or was changed.
    """
    return _read(name, folder, None)


def write_atomically(file: Path, text: str) -> None:
    """Write a text file so that, even after a kill, it is either the whole old one or the whole new one."""
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    with scratch.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    scratch.replace(file)


def peak_gb() -> float:
    """Return the process's peak resident memory so far, in GB (1e9 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def _finish(name: str, folder: Path, key: str, inputs: Any, output: StageOutput, seconds: float) -> Stage:
    files = {path: sha256(folder / path) for path in sorted(output.files)}
    manifest = {
        "stage": name,
        "key": key,
        "digest": fingerprint(files),
        "files": files,
        "counts": output.counts,
        "seconds": round(seconds, 2),
        "peak_gb": round(peak_gb(), 3),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": inputs,
        "made_by": provenance(),
    }
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=2, default=plain))
    return dataclasses.replace(_stage(name, folder, manifest), reused=False)


def _read(name: str, folder: Path, key: str | None) -> Stage | None:
    """Return the stage if its folder is complete, after a check of its files against the manifest."""
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
    fields = {key: manifest[key] for key in ("key", "digest", "files", "counts", "seconds", "peak_gb")}
    return Stage(name=name, folder=folder, reused=True, **fields)


def _empty(folder: Path) -> None:
    """Delete a stage's files. The manifest goes first, so that after a kill the stage does not look complete."""
    (folder / MANIFEST).unlink(missing_ok=True)
    for path in folder.iterdir():
        if path.name not in (".lock", ".owner.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the folder's lock. If another process holds it, say which one and wait. The kernel frees it after a kill."""
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
    with suppress(OSError):  # on a full disk another error is raised already; a lost time is not worth a second one
        (folder / ".seconds").write_text(str(seconds))
