"""Two processes on this machine, launched by accelerate over gloo."""

import dataclasses
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
import torch

from warmtune.config.compose import load
from warmtune.errors import LaunchError, ModelError
from warmtune.io.schemas import TrainingRow, write
from warmtune.training import ADAPTER, CURVE, Job, train
from warmtune.training.distributed.launch import accelerate_config, failure
from warmtune.training.distributed.world import world
from warmtune.training.rows import row

PAIR = dataclasses.replace(load("quickstart", ["launch=ddp"]).launch, nproc_per_node=2, device="cpu", timeout=60)
ONE = load("quickstart", []).launch


@pytest.fixture(scope="module")
def rows(tokenizer):
    def talk(n):
        words = "A number. " * (1 + n % 5)
        return [{"role": "user", "content": f"What is {n}?"}, {"role": "assistant", "content": words}]

    return [row(tokenizer, f"r{n}", talk(n)) for n in range(21)]


@pytest.fixture
def settings(tiny_settings):
    return dataclasses.replace(tiny_settings.train, epochs=1.0, save_steps=1, dropout=0.0)


def _train(rows, base, settings, launch, folder):
    folder.mkdir(exist_ok=True)
    write(folder / "rows.parquet", TrainingRow, rows)
    return train(Job(folder / "rows.parquet", base, settings, launch, 1, "Training", folder))


def _weights(folder):
    from safetensors.torch import load_file

    found = load_file(folder / ADAPTER / "adapter_model.safetensors")
    return torch.cat([found[name].flatten() for name in sorted(found)])


@pytest.mark.slow
def test_two_processes_train_the_adapter_that_one_trains(rows, tiny_base, settings, tmp_path):
    """21 ragged rows in steps of 16: 1 x 8 x 2, 2 x 4 x 2, 1 x 1 x 16; the last step has five rows."""
    cuts = {"one": (ONE, 8, 2), "two": (PAIR, 4, 2), "small": (ONE, 1, 16)}
    for name, (launch, batch, accumulation) in cuts.items():
        cut = dataclasses.replace(settings, batch_size=batch, gradient_accumulation_steps=accumulation)
        outcome = _train(rows, tiny_base, cut, launch, tmp_path / name)
        assert outcome.counts["rows_seen"] == 21
    curves = {name: json.loads((tmp_path / name / CURVE).read_text()) for name in cuts}
    losses = {name: [point["loss"] for point in curve] for name, curve in curves.items()}
    assert len(losses["one"]) == 2
    for name in ("two", "small"):
        assert losses[name] == pytest.approx(losses["one"], abs=1e-5)
        apart = (_weights(tmp_path / name) - _weights(tmp_path / "one")).norm() / _weights(tmp_path / "one").norm()
        assert apart < 1e-4


@pytest.mark.slow
def test_a_process_that_dies_ends_all_and_the_training_goes_on(rows, tiny_base, settings, tmp_path):
    many = dataclasses.replace(settings, batch_size=1, gradient_accumulation_steps=1, epochs=40.0)
    killed, workers, over = [], [], threading.Event()

    def kill_the_second():
        while not over.is_set() and not list((tmp_path / "one" / "checkpoints").glob("checkpoint-*[2-9]/complete")):
            time.sleep(0.05)
        workers.extend(_workers())
        for process in workers:
            if process.environ()["RANK"] == "1":
                process.kill()
                killed.append(time.monotonic())

    (tmp_path / "one").mkdir()
    thread = threading.Thread(target=kill_the_second, daemon=True)
    thread.start()
    with pytest.raises(LaunchError, match=r"Process 1 .* signal 9 \(SIGKILL\).*[Tt]he same command goes on"):
        _train(rows, tiny_base, many, PAIR, tmp_path / "one")
    over.set()
    thread.join()
    (moment,) = killed
    assert time.monotonic() - moment < 60
    assert len(workers) == 2
    assert not any(process.is_running() for process in workers)
    few = dataclasses.replace(many, epochs=1.0)
    _train(rows, tiny_base, few, PAIR, tmp_path / "two")
    assert (tmp_path / "two" / ADAPTER / "adapter_model.safetensors").is_file()


def _workers():
    """Return the processes that train, among those that this test started."""
    own = psutil.Process().children(recursive=True)
    module = "warmtune.training.distributed.worker"
    return [p for p in own if module in (said := p.cmdline()) and "accelerate.commands.launch" not in said]


@pytest.mark.slow
def test_a_user_error_of_a_process_comes_back_as_it_is(rows, tiny_base, settings, tmp_path):
    with pytest.raises(ModelError, match="names q_porj"):
        _train(rows, tiny_base, dataclasses.replace(settings, target_modules=("q_porj",)), PAIR, tmp_path / "one")
    assert not (tmp_path / "one" / ADAPTER).exists()


REPORT = """
Failures:
[0]:
  time      : 2026-01-01_10:00:00
  host      : here
  rank      : 0 (local_rank: 0)
  exitcode  : {first} (pid: 10) {name}
  error_file: <N/A>
------------------------------------------------------------
Root Cause (first observed failure):
[1]:
  time      : 2026-01-01_10:00:00
  host      : here
  rank      : 1 (local_rank: 1)
  exitcode  : -9 (pid: 11)  (SIGKILL)
  error_file: <N/A>
  traceback : Signal 9 (SIGKILL) received by PID 11
"""


def test_what_the_others_left_is_said_beside_a_process_that_died_without_a_word(rows, tiny_base, settings, tmp_path):
    job = Job(tmp_path / "rows", tiny_base, settings, PAIR, 1, "Training", tmp_path)
    (tmp_path / "launch-0.log").write_text(REPORT.format(first=-15, name=" (SIGTERM)"))
    alone = failure(job, 1)
    assert isinstance(alone, LaunchError)
    assert re.match(r"Process 1 of the training was ended by signal 9 \(SIGKILL\).*memory runs out\. The", str(alone))
    (tmp_path / "launch-0.log").write_text(REPORT.format(first=2, name=""))
    left = {"rank": 0, "kind": "RuntimeError", "message": "Connection closed by peer."}
    (tmp_path / "failed-0.json").write_text(json.dumps(left))
    assert re.match(r"Process 1 .*signal 9.*Process 0 .*died with RuntimeError: Connection", str(failure(job, 1)))
    said = {"rank": 1, "kind": "ModelError", "message": "train.target_modules names q_porj."}
    (tmp_path / "failed-1.json").write_text(json.dumps(said))
    found = failure(job, 1)
    assert isinstance(found, ModelError)
    assert str(found) == "train.target_modules names q_porj."


def test_what_came_up_is_compared_with_what_was_asked_for(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(LaunchError, match="asks for 2 processes, but 1 came up"):
        world(PAIR)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert (world(PAIR).world_size, world(PAIR).is_main) == (2, False)


@pytest.mark.parametrize("kind", ["fsdp", "zero2", "zero3"])
def test_sharing_out_on_the_cpu_is_refused(kind):
    with pytest.raises(LaunchError, match="accelerate falls back"):
        accelerate_config(dataclasses.replace(PAIR, kind=kind))


def test_a_gpu_that_is_not_there_and_a_port_in_use_are_said():
    if not torch.cuda.is_available():
        with pytest.raises(LaunchError, match="finds no GPU"):
            accelerate_config(dataclasses.replace(PAIR, device="cuda"))
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        with pytest.raises(LaunchError, match=r"launch\.master_port"):
            accelerate_config(dataclasses.replace(PAIR, master_port=taken.getsockname()[1]))
    with pytest.raises(LaunchError, match="needs a port"):
        accelerate_config(dataclasses.replace(PAIR, nnodes=2))


@pytest.mark.slow
def test_two_machines_train_together(tiny_overrides, tmp_path):
    """The same command twice, with its own `launch.node_rank`, one process each, over the same store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "warmtune", "train", "quickstart", *tiny_overrides, f"store={tmp_path}/runs"]
    command += ["launch=ddp", "launch.nproc_per_node=1", "launch.device=cpu", "launch.nnodes=2", "launch.timeout=200"]
    command += [f"launch.master_port={port}", "train.save_steps=100"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    machines = [
        subprocess.Popen([*command, f"launch.node_rank={node}"], env=environment, stdout=subprocess.PIPE, text=True)
        for node in (0, 1)
    ]
    said = [machine.communicate(timeout=300)[0] for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    (manifest,) = (tmp_path / "runs" / "stages").glob("train-styled-*/manifest.json")
    assert json.loads(manifest.read_text())["counts"]["rows"] > 2
