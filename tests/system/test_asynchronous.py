import asyncio

import pytest

from warmtune.system.asynchronous import off_the_loop, run_async


async def _answer():
    await asyncio.sleep(0)
    return 42


def test_a_coroutine_runs_without_a_loop_and_inside_one():
    async def cell():
        return run_async(_answer())

    assert run_async(_answer()) == 42
    assert asyncio.run(cell()) == 42


def test_an_error_comes_back_as_it_was_raised():
    def fails():
        raise RuntimeError("planted")

    async def cell():
        off_the_loop(fails)

    for call in (lambda: off_the_loop(fails), lambda: asyncio.run(cell())):
        with pytest.raises(RuntimeError, match="planted") as caught:
            call()
        assert caught.value.__context__ is None  # not the probe's "no running event loop"
