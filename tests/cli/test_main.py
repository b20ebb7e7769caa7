import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warmtune.cli import main as cli
from warmtune.config.compose import recipe_names


def _fails(arguments, capsys):
    """Run a command that must stop with a user's error: exit code 2, one paragraph, no traceback."""
    code = cli.main(arguments)
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith("warmtune: ")
    assert "Traceback" not in said
    return said


def test_help_loads_nothing_heavy():
    heavy = "{'torch', 'transformers', 'inspect_ai', 'hydra', 'pydantic', 'rich', 'numpy'}"
    code = (
        f"import sys; from warmtune.cli.main import _parser; _parser().format_help(); print({heavy} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_help_names_every_verb(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    for verb in ("run", "prepare", "rewrite", "train", "evaluate", "report", "publish", "plan", "recipes", "doctor"):
        assert verb in said


def test_recipes_lists_them_all(capsys):
    assert cli.main(["recipes"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in recipe_names())


def test_a_wrong_configuration(capsys):
    said = _fails(["run", "quickstrat", "style.intensity=2"], capsys)
    assert "Did you mean 'quickstart'?" in said
    assert "style.intensity is 2" in said
    assert "not an override" in _fails(["run", "quickstart", "intensity"], capsys)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        ("", "empty"),
        ("{", "line 1: not JSON"),
        ('{"messages": [{"role": "user", "content": "Hi"}]}', "no reply"),
    ],
)
def test_bad_data_leaves_nothing_half_written(capsys, tmp_path, tiny_overrides, content, says):
    file = tmp_path / "data.jsonl"
    if content is not None:
        file.write_text(content)
    said = _fails(["prepare", "quickstart", *tiny_overrides, f"data.path={file}", f"store={tmp_path}/runs"], capsys)
    assert says in said
    assert not list(tmp_path.glob("runs/stages/*/manifest.json"))
    assert not list(tmp_path.glob("runs/stages/*/*.parquet"))


def test_a_folder_that_cannot_be_written(capsys, tmp_path, tiny_overrides):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in _fails(["run", "quickstart", *tiny_overrides, f"store={tmp_path}/file"], capsys)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc] PytorchStreamWriter failed writing file data/0"),
    ],
)
def test_a_full_disk_says_what_was_kept(capsys, tmp_path, tiny_overrides, monkeypatch, error):
    def full(*_):
        raise error

    monkeypatch.setattr("warmtune.conversations.preparation.write", full)
    said = _fails(["prepare", "quickstart", *tiny_overrides, f"store={tmp_path}"], capsys)
    assert "The disk is full" in said
    assert "kept" in said


def test_a_model_without_a_chat_template(capsys, tmp_path, tiny_folder, tiny_overrides):
    import shutil

    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    arguments = ["prepare", "quickstart", *tiny_overrides, f"model.path={folder}", f"store={tmp_path}/runs"]
    assert "has no chat template" in _fails(arguments, capsys)


def test_ctrl_c_says_how_to_go_on(tmp_path, tiny_overrides):
    command = [sys.executable, "-m", "warmtune", "run", "quickstart", *tiny_overrides, f"store={tmp_path}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "200"})
    deadline = time.monotonic() + 120
    while not list(Path(tmp_path).glob("stages/prepare-*/manifest.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    assert f"store={tmp_path}" in said
    assert "Traceback" not in said


def test_a_ctrl_c_that_a_library_swallowed_stops_before_the_next_stage(capsys, tmp_path, tiny_overrides, monkeypatch):
    from warmtune.conversations import preparation as stage

    write = stage.write

    def swallowing(*arguments):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            write(*arguments)

    monkeypatch.setattr(stage, "write", swallowing)
    assert cli.main(["run", "quickstart", *tiny_overrides, f"store={tmp_path}"]) == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    assert len(list(tmp_path.glob("stages/prepare-*/manifest.json"))) == 1
    assert not list(tmp_path.glob("stages/rewrite-*"))


def test_a_review_is_written_read_back_and_refused_for_other_rewrites(capsys, tmp_path, tiny_overrides):
    arguments = ["rewrite", "quickstart", *tiny_overrides, "rewriter.sociot_pairs=0", f"store={tmp_path}/runs"]
    assert cli.main([*arguments, "--review"]) == 0
    said = capsys.readouterr().out
    written = Path(re.search(r"\d+ rewrites to mark, in the last columns of: (.*)", said)[1])
    with written.open(encoding="utf-8-sig", newline="") as stream:
        heading, *rows = csv.reader(stream)
    file = tmp_path / "mine.csv"
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([heading, *([*row[:-2], "yes", ""] for row in rows)])
    assert cli.main([*arguments, "--reviewed", str(file)]) == 0
    assert f"{len(rows)} of {len(rows)} pairs marked" in capsys.readouterr().out
    assert json.loads((written.parent / "review.json").read_text())["faithful"] == len(rows)
    assert cli.main([*arguments, "seed=2", "--reviewed", str(file)]) == 2
    assert "was written for other rewrites than this run's" in capsys.readouterr().err


def test_the_plan_is_free_and_says_what_it_would_cost(capsys, tmp_path, tiny_overrides):
    arguments = ["plan", "quickstart", *tiny_overrides, f"store={tmp_path}/runs"]
    assert cli.main(arguments) == 0
    assert "no requests, no cost" in capsys.readouterr().out
    assert cli.main([*arguments, "rewriter=model", "rewriter.model=openai/gpt-4o-2024-08-06"]) == 0
    said = capsys.readouterr().out
    assert "requests still to send" in said
    assert re.search(r"cost, at most +\$\d", said)
    assert cli.main([*arguments, "rewriter=model", "rewriter.model=openai/gpt-99"]) == 0
    assert "price of openai/gpt-99 is not known" in capsys.readouterr().out


def test_the_funnel_is_printed_and_adds_up(capsys, tmp_path, tiny_overrides):
    assert cli.main(["prepare", "quickstart", *tiny_overrides, f"store={tmp_path}/runs"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    read = next(line for line in lines if line[:1] == ["read"])
    kept = next(line[1:] for line in lines if line[:2] == ["=", "kept"])
    assert int(read[1]) == 144 == sum(map(int, read[2:]))
    assert int(kept[1]) == 12 == sum(map(int, kept[2:]))
