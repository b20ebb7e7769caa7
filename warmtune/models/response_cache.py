"""What was paid for or took long to find, on disk at once: an append-only file of keys and values.

A line is written and flushed as soon as its value is known, so that a kill loses only what was under way. Values stay
in the file and are read when they are asked for, so that memory stays flat however much there is.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from warmtune.errors import StoreError
from warmtune.system.console import print_status


def key_of(*parts: Any) -> str:
    """Return a key for anything that JSON can hold; 32 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class ResponseCache:
    """Keys and values in a JSON Lines file. Made by `open_response_cache`, which keeps other processes out."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        self._scan()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def get(self, key: str) -> Any:
        """Return the value written under a key, None where there is none."""
        if key not in self._places:
            return None
        place, length = self._places[key]
        return json.loads(os.pread(self._descriptor, length, place))["value"]

    def put(self, key: str, value: Any) -> None:
        """Write a value under a key.

        Raises:
            OSError: the disk is full; the file then ends where it ended before.
        """
        line = json.dumps({"key": key, "value": value}).encode() + b"\n"
        written = 0
        try:
            while written < len(line):
                written += os.pwrite(self._descriptor, line[written:], self._end + written)
        except OSError:
            os.truncate(self._descriptor, self._end)  # half a line would spoil the next one
            raise
        self._places[key] = self._end, len(line)
        self._end += len(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _scan(self) -> None:
        """Find every key, and cut off a last line that a kill left half-written."""
        with self._file.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                try:
                    self._places[json.loads(line)["key"]] = self._end, len(line)
                except (ValueError, KeyError, TypeError):
                    raise StoreError(
                        f"The journal {self._file} is damaged at byte {self._end}; cut that line out of it, or delete"
                        " the file, and what it held is asked for, and paid for, again."
                    ) from None
                self._end += len(line)
        os.truncate(self._descriptor, self._end)


@contextmanager
def open_response_cache(file: Path) -> Iterator[ResponseCache]:
    """Open a journal, made where it does not exist. One process at a time: another waits, and says so."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(file.with_name(f".{file.name}.lock"))
    try:
        lock.acquire(timeout=0.2)
    except Timeout:
        print_status(f"Waiting: another process is writing {file}; this run goes on when that one is done or stopped.")
        lock.acquire()
    try:
        cache = ResponseCache(file)
        try:
            yield cache
        finally:
            cache.close()
    finally:
        lock.release()
