"""Fixtures: the embedded model, a tiny model of the same family, and settings small enough for a test."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

if not os.environ.get("WARMTUNE_TEST_GPU"):
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # the suite is about exact numbers, which are the CPU's everywhere
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("TRACKIO_DIR", tempfile.mkdtemp(prefix="trackio-"))  # read when trackio is imported

from warmtune.config.compose import load
from warmtune.config.settings import Settings
from warmtune.models.base import Base, load_tokenizer, locate


@pytest.hookimpl(tryfirst=True)  # before the workers read the marks
def pytest_collection_modifyitems(items):
    """For two workers: a file stays on one, all that share the whole run stay on one, and these begin first."""
    for item in items:
        shared = "whole" in item.fixturenames
        item.add_marker(pytest.mark.xdist_group("whole" if shared else str(item.path)))
    items.sort(key=lambda item: "whole" not in item.fixturenames)


@pytest.fixture(autouse=True)
def quiet_log(monkeypatch):
    """What one test asks of the log is not asked of it by the next in the same process."""
    monkeypatch.setenv("WARMTUNE_LOG", "")


@pytest.fixture(scope="session")
def quickstart() -> Settings:
    return load("quickstart", [])


@pytest.fixture(scope="session")
def embedded(quickstart) -> Base:
    """The real SmolLM2-135M, converted once on a machine."""
    return locate(quickstart.model)


@pytest.fixture(scope="session")
def tokenizer(embedded):
    return load_tokenizer(embedded)


@pytest.fixture(scope="session")
def tiny_folder(tokenizer, tmp_path_factory) -> Path:
    """A Llama of two narrow layers with random weights and the embedded model's tokenizer and template."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    folder = tmp_path_factory.mktemp("tiny-model")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_overrides(tiny_folder) -> list[str]:
    """Overrides that make the quickstart run in seconds, every stage real."""
    return [
        "model=local",
        f"model.path={tiny_folder}",
        "model.hub=tests/tiny",
        "data.per_type=2",
        "data.held_out=6",
        "rewriter.sociot_pairs=2",
        "train.batch_size=2",
        "train.gradient_accumulation_steps=1",
        "train.save_steps=2",
        "train.learning_rate=0.01",
        "eval.questions=8",
        "eval.max_tokens=4",
        "eval.reply_tokens=8",
        "eval.batch_size=8",
        "eval.bootstrap_samples=200",
    ]


@pytest.fixture(scope="session")
def warmtune():
    """Run the command line in a process of its own; with `point`, killed there (see kill_at.py)."""

    def run(*arguments, point=None, timeout=400, **more):
        script = str(Path(__file__).parent / "kill_at.py")
        command = [sys.executable, "-m", "warmtune"] if point is None else [sys.executable, script, point]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=timeout, **more)

    return run


@pytest.fixture(scope="session")
def whole(tiny_overrides, tmp_path_factory, warmtune):
    """An unbroken run on the tiny model: its store, its arguments, and what it printed. Not to be written to."""
    store = tmp_path_factory.mktemp("whole")
    arguments = ["run", "quickstart", *tiny_overrides, f"store={store}"]
    done = warmtune(*arguments)
    assert done.returncode == 0, done.stderr
    return store, arguments, done


@pytest.fixture(scope="session")
def tiny_settings(tiny_overrides) -> Settings:
    return load("quickstart", tiny_overrides)


@pytest.fixture(scope="session")
def tiny_base(tiny_settings) -> Base:
    return locate(tiny_settings.model)


@pytest.fixture
def standin(monkeypatch):
    """Start stand-ins for a service; returns a function from its options to its address."""
    started = []
    monkeypatch.setenv("STANDIN_API_KEY", "sk-standin-0123456789")

    def start(**options: object) -> str:
        given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        script = Path(__file__).parent / "standin.py"
        process = subprocess.Popen([sys.executable, str(script), *given], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def jsonl(tmp_path):
    """Write rows to a JSON Lines file and return its path."""

    def write(*rows: object, name: str = "data.jsonl") -> Path:
        file = tmp_path / name
        file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
        return file

    return write
