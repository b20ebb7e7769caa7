"""What several tests of training share: small rows, and a training that is killed."""

import importlib.util
from contextlib import contextmanager
from pathlib import Path

import pytest

from warmtune.training import callbacks
from warmtune.training.rows import row


@pytest.fixture(scope="session")
def ragged_rows(tokenizer):
    """Return a function that makes so many rows, of four lengths."""

    def make(count):
        talks = [
            [
                {"role": "user", "content": f"What is {n}?"},
                {"role": "assistant", "content": "A number. " * (1 + n % 4)},
            ]
            for n in range(count)
        ]
        return [row(tokenizer, f"r{n}", talk) for n, talk in enumerate(talks)]

    return make


@pytest.fixture
def killed_at(monkeypatch):
    """Return a context in which a training is killed after a step; what it wrote by then stays."""

    class Killed(BaseException):
        pass

    @contextmanager
    def kill(step):
        def dies(self, args, state, control, **_):
            if state.global_step == step:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(callbacks.MarkCheckpointComplete, "on_step_end", dies)
            with pytest.raises(Killed):
                yield

    return kill


@pytest.fixture(scope="session")
def peak_memory():
    """Return the module that counts the memory of a training step."""
    spec = importlib.util.spec_from_file_location("peak_memory", Path(__file__).parent / "peak_memory.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
