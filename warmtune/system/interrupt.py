"""Ctrl-C that no library can swallow.

Python raises KeyboardInterrupt wherever it happens to be. A destructor, a callback of the garbage collector and some C
extensions print it and forget it, and the run would go on. So this module remembers it, and each stage asks before it
begins.
"""

import signal
import threading
from types import FrameType

_asked = threading.Event()


def install_sigint_handler() -> None:
    """Remember each Ctrl-C from now on, and raise KeyboardInterrupt as before."""
    _asked.clear()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _remember)


def _remember(_: int, __: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt if a library has swallowed one."""
    if _asked.is_set():
        raise KeyboardInterrupt
