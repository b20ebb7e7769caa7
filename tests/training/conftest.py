"""What several tests of training share: small rows, and a training that is killed."""

from contextlib import contextmanager

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
            patched.setattr(callbacks.Whole, "on_step_end", dies)
            with pytest.raises(Killed):
                yield

    return kill
