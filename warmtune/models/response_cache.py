"""A cache on disk for answers that cost money or time: an append-only file of keys and values.

The cache writes a value as soon as it gets it, so that a kill loses only requests under way. It keeps only the keys in
memory and reads a value from the file on demand, so that memory does not grow with the values.
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
    """Return a key of 32 hexadecimal digits for anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class ResponseCache:
    """Keys and values in a JSON Lines file. Open it with `open_response_cache`, which keeps other processes out."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._positions: dict[str, tuple[int, int]] = {}
        self._end = 0
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        self._scan()

    def __contains__(self, key: str) -> bool:
        return key in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def get(self, key: str) -> Any:
        """Return the value of a key; None if there is none."""
        if key not in self._positions:
            return None
        start, length = self._positions[key]
        return json.loads(os.pread(self._descriptor, length, start))["value"]

    def put(self, key: str, value: Any) -> None:
        """Write the value of a key.

        Raises:
            OSError: the disk is full. The file is as it was before.
        """
        line = json.dumps({"key": key, "value": value}).encode() + b"\n"
        written = 0
        try:
            while written < len(line):
                written += os.pwrite(self._descriptor, line[written:], self._end + written)
        except OSError:
            os.truncate(self._descriptor, self._end)  # half a line would spoil the next one
            raise
        self._positions[key] = self._end, len(line)
        self._end += len(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _scan(self) -> None:
        """Read all keys, and cut off a last line that a kill left half-written.

        Raises:
            StoreError: another line is damaged.
        """
        with self._file.open("rb") as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                try:
                    self._positions[json.loads(line)["key"]] = self._end, len(line)
                except (ValueError, KeyError, TypeError):
                    raise StoreError(
                        f"The journal {self._file} is damaged at byte {self._end}; cut that line out of it, or delete"
                        " the file, and what it held is asked for, and paid for, again."
                    ) from None
                self._end += len(line)
        os.truncate(self._descriptor, self._end)


@contextmanager
def open_response_cache(file: Path) -> Iterator[ResponseCache]:
    """Open a cache, and create its file if needed. Only one process can have it open; another waits, and says so.

    Raises:
        StoreError: the file is damaged.
    """
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
