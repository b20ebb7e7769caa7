"""Ctrl-C that no library can swallow.

Python raises KeyboardInterrupt wherever it happens to be. Inside a destructor, a callback of the garbage collector or
some C extensions it is printed and forgotten, and the run would go on. So it is also remembered, and asked about before
each stage.
"""

import signal
import threading
from types import FrameType

_asked = threading.Event()


def listen() -> None:
    """Remember Ctrl-C from now on, and raise KeyboardInterrupt as before."""
    _asked.clear()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _remember)


def _remember(_: int, __: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed and swallowed."""
    if _asked.is_set():
        raise KeyboardInterrupt
