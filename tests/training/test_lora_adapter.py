"""Adapters over a base in four bits, and adapters in other libraries' hands."""

import dataclasses
import json
import os
from pathlib import Path

import pytest
import torch

from warmtune.config.compose import load
from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model
from warmtune.models.engine import Engine
from warmtune.runs.keys import sha256
from warmtune.training import ADAPTER, CURVE, Job, train

WEIGHTS = f"{ADAPTER}/adapter_model.safetensors"
LAUNCH = load("quickstart", []).launch


def _train(rows, base, settings, folder):
    folder.mkdir(exist_ok=True)
    write(folder / "rows.parquet", TrainingRow, rows)
    return train(Job(folder / "rows.parquet", base, settings, LAUNCH, 1, "Training", folder))


@pytest.mark.slow
def test_qlora_trains_resumes_and_answers_on_the_embedded_model(embedded, ragged_rows, tmp_path, killed_at):
    settings = load("quickstart", ["train=qlora", "train.learning_rate=1e-3", "train.batch_size=2"]).train
    settings = dataclasses.replace(settings, epochs=2.0, gradient_accumulation_steps=1, save_steps=2)
    rows = ragged_rows(8)
    _train(rows, embedded, settings, tmp_path / "whole")

    with killed_at(3):
        _train(rows, embedded, settings, tmp_path / "broken")
    _train(rows, embedded, settings, tmp_path / "broken")
    assert sha256(tmp_path / "broken" / WEIGHTS) == sha256(tmp_path / "whole" / WEIGHTS)
    losses = [point["loss"] for point in json.loads((tmp_path / "whole" / CURVE).read_text())]
    assert len(losses) == 8
    assert sum(losses[4:]) < sum(losses[:4])  # the same rows, once more
    engine = Engine(embedded)
    assert engine.add_adapter(tmp_path / "whole" / ADAPTER).startswith("adapter-")


def test_the_adapter_opens_in_peft_and_in_transformers_with_the_same_logits(
    tiny_base, ragged_rows, tiny_settings, tmp_path
):
    from peft import PeftModel

    rows = ragged_rows(4)
    _train(rows, tiny_base, dataclasses.replace(tiny_settings.train, epochs=2.0), tmp_path / "one")
    folder, ids = str(tmp_path / "one" / ADAPTER), torch.tensor([rows[0].input_ids])
    plain = load_model(tiny_base).eval()
    other = load_model(tiny_base).eval()
    other.load_adapter(folder)
    with torch.inference_mode():
        base = plain(ids).logits
        peft = PeftModel.from_pretrained(plain, folder).eval()(ids).logits
        transformers = other(ids).logits
    assert not torch.allclose(peft, base, atol=1e-4)
    assert torch.allclose(peft, transformers, atol=1e-6)


def test_the_loss_is_trls_own(tiny_base, tokenizer, ragged_rows, tiny_settings, tmp_path):
    """The same rows in the same order by plain SFTTrainer: the same losses and the same adapter."""
    from datasets import Dataset
    from peft import LoraConfig
    from safetensors.torch import load_file
    from transformers import set_seed
    from trl import SFTConfig, SFTTrainer

    from warmtune.training.row_order import epoch_order

    rows = ragged_rows(9)
    settings = dataclasses.replace(
        tiny_settings.train,
        epochs=2.0,
        dropout=0.0,
        batch_size=3,
        gradient_accumulation_steps=2,
        lr_scheduler="constant",
        warmup_ratio=0.0,
    )
    _train(rows, tiny_base, settings, tmp_path / "ours")
    ordered = [rows[n] for n in epoch_order(9, 2.0, 1)]
    set_seed(1)
    trainer = SFTTrainer(
        model=load_model(tiny_base),
        args=SFTConfig(
            output_dir=str(tmp_path / "trl"),
            per_device_train_batch_size=3,
            gradient_accumulation_steps=2,
            num_train_epochs=1,
            train_sampling_strategy="sequential",
            learning_rate=settings.learning_rate,
            lr_scheduler_type="constant",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            bf16=False,
            use_cpu=True,
            gradient_checkpointing=False,
            seed=1,
        ),
        train_dataset=Dataset.from_dict({n: [getattr(r, n) for r in ordered] for n in ("input_ids", "labels")}),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    trainer.train()
    theirs = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    ours = [point["loss"] for point in json.loads((tmp_path / "ours" / CURVE).read_text())]
    assert ours == pytest.approx(theirs, abs=1e-5)
    found = load_file(tmp_path / "ours" / WEIGHTS)
    for name, parameter in trainer.model.named_parameters():
        if "lora_" in name:
            saved = found[name.replace(".default", "")]
            assert (parameter.detach() - saved).norm() / saved.norm() < 1e-3, name


@pytest.mark.parametrize("tracker", ["tensorboard", "trackio", "mlflow", "wandb"])
def test_trackers_are_given_the_curve_without_a_network(
    tiny_base, ragged_rows, tiny_settings, tmp_path, tracker, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "tensorboard"))
    monkeypatch.setenv("TRACKIO_DISABLE_AUTO_SYNC", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    pytest.importorskip(tracker)
    settings = dataclasses.replace(tiny_settings.train, report_to=(tracker,), epochs=1.0)
    _train(ragged_rows(4), tiny_base, settings, tmp_path / "one")
    places = (tmp_path, Path(os.environ["TRACKIO_DIR"]))
    written = [
        path for place in places for path in place.rglob("*") if path.is_file() and "one/adapter" not in str(path)
    ]
    marks = {"tensorboard": "tfevents", "trackio": "warmtune.db", "mlflow": "mlflow.db", "wandb": ".wandb"}
    assert any(marks[tracker] in str(path) for path in written)
