"""What only a GPU shows; skipped where there is none.

WARMTUNE_TEST_GPU=1 pytest tests/training/test_gpu.py tests/training/test_attention.py
"""

import dataclasses
import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from warmtune.config.compose import load
from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model
from warmtune.training import ADAPTER, CURVE, Job, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@pytest.fixture(scope="module")
def rows(ragged_rows):
    return ragged_rows(16)


@pytest.fixture
def trained(rows, tiny_base, tiny_settings, tmp_path):
    """Train with changed settings and return the adapter's tensors, the curve, and the folder."""

    def go(name, launch="single", **changed):
        settings = dataclasses.replace(tiny_settings.train, **{"epochs": 1.0, "dropout": 0.0, **changed})
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        write(folder / "rows.parquet", TrainingRow, rows)
        where = dataclasses.replace(load("quickstart", [f"launch={launch}"]).launch, nproc_per_node=1, device="cuda")
        train(Job(folder / "rows.parquet", tiny_base, settings, where, 1, "Training", folder))
        curve = [point["loss"] for point in json.loads((folder / CURVE).read_text())]
        return load_file(folder / ADAPTER / "adapter_model.safetensors"), curve, folder

    return go


def _apart(one, other):
    """Return how far two adapters are apart, as a share of the first's size."""
    assert one.keys() == other.keys()
    away = sum((one[name] - other[name]).float().square().sum() for name in one)
    return float((away / sum(tensor.float().square().sum() for tensor in one.values())).sqrt())


def test_the_same_rows_in_other_batches_give_the_same_adapter(trained):
    whole, losses, _ = trained("whole", precision="fp32", batch_size=4, gradient_accumulation_steps=1)
    parts, same, _ = trained("parts", precision="fp32", batch_size=1, gradient_accumulation_steps=4)
    assert same == pytest.approx(losses, abs=1e-5)
    assert _apart(whole, parts) < 1e-4


def test_half_precision_learns_what_full_precision_learns(trained):
    _, full, _ = trained("full", precision="fp32")
    _, half, _ = trained("half", precision="bf16")
    assert half == pytest.approx(full, abs=0.05)


@pytest.mark.parametrize(
    "changed",
    [
        {"quantization": "nf4", "optimizer": "adamw-8bit", "gradient_checkpointing": True},
        {"method": "dora"},
        {"method": "rslora"},
        {"neftune_noise_alpha": 5.0},
        {"packing": False},
        {"gradient_checkpointing": True, "dropout": 0.1},
        {"compile": "always"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_every_method_trains_and_opens_in_plain_peft(trained, tiny_base, changed):
    _, losses, folder = trained("one", **changed)
    assert losses[-1] < losses[0]
    model = load_model(tiny_base)
    ids = torch.randint(0, 1000, (1, 8), device=model.device)
    with torch.inference_mode():
        before = model(ids).logits
        after = PeftModel.from_pretrained(model, folder / ADAPTER).eval()(ids).logits
    assert not torch.equal(before, after)


def test_liger_gives_the_same_losses(trained):
    pytest.importorskip("liger_kernel")
    _, plain, _ = trained("plain")
    _, liger, _ = trained("liger", use_liger_kernel=True)
    assert liger == pytest.approx(plain, abs=0.02)


@pytest.mark.parametrize("launch", ["ddp", "fsdp", "zero2", "zero3"])
def test_shared_out_to_one_process_it_is_the_same_training(trained, launch):
    if launch.startswith("zero"):
        pytest.importorskip("deepspeed")
    single, losses, _ = trained("single", precision="fp32")
    shared, same, _ = trained("shared", launch, precision="fp32")
    assert same == pytest.approx(losses, abs=1e-4)
    assert _apart(single, shared) < 1e-3


def test_a_killed_training_goes_on_to_the_same_adapter(trained, killed_at):
    whole, losses, _ = trained("whole", precision="fp32", epochs=2.0)
    with killed_at(5):
        trained("broken", precision="fp32", epochs=2.0)
    again, same, _ = trained("broken", precision="fp32", epochs=2.0)
    assert same == pytest.approx(losses, abs=1e-5)
    assert _apart(whole, again) < 1e-4
