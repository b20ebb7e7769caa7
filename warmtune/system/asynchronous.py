"""Event loops of one's own, also where one runs already, as in a notebook."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result."""
    return off_the_loop(asyncio.run, coroutine)


def off_the_loop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that starts an event loop of its own; inside a running loop, call it in another thread."""
    if not _inside_a_loop():
        return function(*args, **kwargs)
    with ThreadPoolExecutor(1) as pool:
        context = contextvars.copy_context()
        return pool.submit(lambda: context.run(function, *args, **kwargs)).result()


def _inside_a_loop() -> bool:
    """Return whether an event loop runs in this thread.

    It is a function of its own so that the probe's error is no context of errors that the call raises later.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
