"""Memory that stays with the process between steps.

On the CPU every tensor of a step is freed, and asked for again in the next step. The C library returns large pieces to
the system, which hands them out again page by page, each page with a fault. That took up to a fifth of a training.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX = -1, -2, -4
_MAPPED = 65536
"""glibc's own limit on pieces that come straight from the system."""
_PAD = 128 * 1024


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let the C library keep what is freed, until the end; nothing happens where it is not glibc."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, -1)
    libc.mallopt(_TOP_PAD, 256 * 1024 * 1024)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_MAX, _MAPPED)
        libc.mallopt(_TRIM_THRESHOLD, _PAD)
        libc.mallopt(_TOP_PAD, _PAD)
        libc.malloc_trim(0)
