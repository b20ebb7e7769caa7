import dataclasses
import json
import shutil

import pytest
import torch

from warmtune.config.compose import load
from warmtune.errors import ModelError
from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model
from warmtune.runs.keys import sha256
from warmtune.training import ADAPTER, CURVE, EPOCHS, ORDER, Job, train
from warmtune.training.lora_adapter import check_changed
from warmtune.training.metrics import METRICS, read_metrics
from warmtune.training.rows import IGNORE_INDEX

WEIGHTS = f"{ADAPTER}/adapter_model.safetensors"


@pytest.fixture(scope="module")
def rows(ragged_rows):
    return ragged_rows(9)


@pytest.fixture
def settings(tiny_settings):
    return dataclasses.replace(tiny_settings.train, epochs=2.0, save_steps=2)


LAUNCH = load("quickstart", []).launch


def _train(rows, base, settings, folder, seed=1, launch=LAUNCH):
    folder.mkdir(exist_ok=True)
    write(folder / "rows.parquet", TrainingRow, rows)
    return train(Job(folder / "rows.parquet", base, settings, launch, seed, "Training", folder))


def test_matched_arms_see_the_same_ids_in_the_same_order(rows, tiny_base, settings, tmp_path):
    longer = [TrainingRow(r.id, r.input_ids + r.input_ids[-5:], r.labels + r.labels[-5:], r.length) for r in rows]
    _train(rows, tiny_base, settings, tmp_path / "control")
    _train(longer, tiny_base, settings, tmp_path / "styled")
    orders = [json.loads((tmp_path / arm / ORDER).read_text()) for arm in ("control", "styled")]
    assert orders[0] == orders[1]
    assert len(orders[0]) == 18
    curves = [json.loads((tmp_path / arm / CURVE).read_text()) for arm in ("control", "styled")]
    assert [point["step"] for point in curves[0]] == [point["step"] for point in curves[1]] == list(range(1, 10))


def test_two_trainings_give_the_same_bytes_and_another_seed_does_not(rows, tiny_base, settings, tmp_path):
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        _train(rows, tiny_base, settings, tmp_path / name, seed)
    one, two, three = (sha256(tmp_path / name / WEIGHTS) for name in ("one", "two", "three"))
    assert one == two != three


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(rows, tiny_base, settings, tmp_path, killed_at):
    _train(rows, tiny_base, settings, tmp_path / "whole")

    with killed_at(5):
        _train(rows, tiny_base, settings, tmp_path / "broken")
    checkpoints = tmp_path / "broken" / "checkpoints"
    assert {path.name for path in checkpoints.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
    shutil.copytree(checkpoints / "checkpoint-4", checkpoints / "checkpoint-6")  # cut short by the kill
    (checkpoints / "checkpoint-6" / "complete").unlink()
    _train(rows, tiny_base, settings, tmp_path / "broken")
    assert sha256(tmp_path / "broken" / WEIGHTS) == sha256(tmp_path / "whole" / WEIGHTS)
    assert sha256(tmp_path / "broken" / CURVE) == sha256(tmp_path / "whole" / CURVE)
    steps = [point["step"] for point in json.loads((tmp_path / "broken" / CURVE).read_text())]
    assert steps == list(range(1, 10))


def test_metrics_are_written_step_by_step_and_each_step_once_after_a_kill(
    rows, tiny_base, settings, tmp_path, killed_at
):
    settings = dataclasses.replace(settings, save_steps=3)
    _train(rows, tiny_base, settings, tmp_path / "whole")
    with killed_at(6):
        _train(rows, tiny_base, settings, tmp_path / "broken")
    file = tmp_path / "broken" / METRICS
    assert [point["step"] for point in read_metrics(file)] == [1, 2, 3, 4, 5]  # while it ran; the checkpoint has 3
    with file.open("a") as lines:
        lines.write('{"step": 6, "lo')  # the kill cut a line short
    _train(rows, tiny_base, settings, tmp_path / "broken")
    broken, whole = read_metrics(file), read_metrics(tmp_path / "whole" / METRICS)
    assert [point["step"] for point in broken] == list(range(1, 10))
    assert [point["epoch"] for point in whole] == pytest.approx([step / 9 * 2 for step in range(1, 10)], abs=1e-4)
    assert all(point.pop("tokens_per_second") > 0 for point in [*broken, *whole])
    assert broken == whole
    assert whole[0].keys() == {"step", "epoch", "loss", "learning_rate", "grad_norm"}


def test_the_adapter_loads_with_plain_peft_and_names_its_base(rows, tiny_base, settings, tmp_path):
    from peft import PeftModel

    _train(rows, tiny_base, settings, tmp_path / "one")
    folder = tmp_path / "one" / ADAPTER
    config = json.loads((folder / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tests/tiny"
    assert str(tmp_path) not in (folder / "adapter_config.json").read_text()
    assert json.loads((folder / "warmtune.json").read_text())["fingerprint"] == tiny_base.fingerprint
    ids = torch.tensor([rows[0].input_ids])
    plain = load_model(tiny_base).eval()
    with torch.inference_mode():
        before = plain(ids).logits
        after = PeftModel.from_pretrained(plain, str(folder)).eval()(ids).logits
    assert not torch.equal(before, after)


def test_the_loss_is_the_mean_over_trained_tokens(rows, tiny_base, settings, tmp_path):
    """The first step's loss against a cross-entropy computed by hand on the same rows, dropout off."""
    still = dataclasses.replace(settings, dropout=0.0, batch_size=3, gradient_accumulation_steps=3, epochs=1.0)
    _train(rows, tiny_base, still, tmp_path / "one")
    model = load_model(tiny_base).eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for one in rows:
            logits = model(torch.tensor([one.input_ids])).logits[0, :-1]
            labels = torch.tensor(one.labels[1:])
            total += float(
                torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORE_INDEX, reduction="sum")
            )
            count += int((labels != IGNORE_INDEX).sum())
    first = json.loads((tmp_path / "one" / CURVE).read_text())[0]["loss"]
    assert first == pytest.approx(total / count, abs=1e-5)


def test_unknown_modules_are_said(rows, tiny_base, settings, tmp_path):
    with pytest.raises(ModelError, match=r"train\.target_modules names q_porj.*Did you mean 'q_proj'"):
        _train(rows, tiny_base, dataclasses.replace(settings, target_modules=("q_porj",)), tmp_path / "one")


def test_the_output_layer_takes_no_adapter(rows, tiny_base, settings, tmp_path):
    with pytest.raises(ModelError, match="lm_head, the output layer"):
        _train(rows, tiny_base, dataclasses.replace(settings, target_modules=("q_proj", "lm_head")), tmp_path / "one")


def test_padded_and_end_to_end_rows_give_the_same_losses(rows, tiny_base, settings, tmp_path):
    still = dataclasses.replace(settings, dropout=0.0, batch_size=3)
    for name, packing in (("padded", False), ("packed", True)):
        _train(rows, tiny_base, dataclasses.replace(still, packing=packing), tmp_path / name)
    curves = [json.loads((tmp_path / name / CURVE).read_text()) for name in ("padded", "packed")]
    assert [p["loss"] for p in curves[0]] == pytest.approx([p["loss"] for p in curves[1]], abs=1e-5)
    assert _apart(tmp_path / "padded", tmp_path / "packed") < 1e-4


def _weights(folder):
    from safetensors.torch import load_file

    found = load_file(folder / WEIGHTS)
    return torch.cat([found[name].flatten() for name in sorted(found)])


def _apart(one, other):
    """Return the distance of two adapters as a share of their length."""
    return float((_weights(one) - _weights(other)).norm() / _weights(other).norm())


def test_batches_and_accumulation_make_no_difference(rows, tiny_base, settings, tmp_path):
    """The same order in steps of eight rows, as 8 x 1, 4 x 2 and 1 x 8; the tokens of a step are counted over all."""
    still = dataclasses.replace(settings, dropout=0.0)
    for batch, accumulation in ((8, 1), (4, 2), (1, 8)):
        cut = dataclasses.replace(still, batch_size=batch, gradient_accumulation_steps=accumulation)
        _train(rows, tiny_base, cut, tmp_path / str(batch))
    curves = [[p["loss"] for p in json.loads((tmp_path / str(n) / CURVE).read_text())] for n in (8, 4, 1)]
    assert len(curves[0]) == 3  # 18 rows: the last step has two
    assert curves[1] == pytest.approx(curves[0], abs=1e-5)
    assert curves[2] == pytest.approx(curves[0], abs=1e-5)
    for n in (4, 1):
        assert _apart(tmp_path / str(n), tmp_path / "8") < 1e-4


def test_adapters_are_kept_after_epochs_and_one_is_used(rows, tiny_base, settings, tmp_path):
    kept = dataclasses.replace(settings, save_epochs=(0.5, 1.0), use=1.0)
    assert kept.adapter_folder == f"{EPOCHS}/1"
    assert dataclasses.replace(kept, use=None).adapter_folder == ADAPTER
    outcome = _train(rows, tiny_base, kept, tmp_path / "one")
    folders = {path.name for path in (tmp_path / "one" / EPOCHS).iterdir()}
    assert folders == {"0.5", "1"}
    last, *early = (
        tmp_path / "one" / WEIGHTS,
        *(folder / "adapter_model.safetensors" for folder in (tmp_path / "one" / EPOCHS).iterdir()),
    )
    assert len({sha256(file) for file in (last, *early)}) == 3  # training went on after each
    assert f"{EPOCHS}/0.5/adapter_model.safetensors" in outcome.files
    with pytest.raises(ModelError, match="same adapter twice"):
        _train(rows, tiny_base, dataclasses.replace(settings, save_epochs=(0.9, 1.0)), tmp_path / "two")


@pytest.mark.parametrize("method", ["rslora", "dora"])
def test_other_methods_train_and_load(rows, tiny_base, settings, tmp_path, method):
    from peft import PeftModel

    _train(rows, tiny_base, dataclasses.replace(settings, method=method), tmp_path / method)
    config = json.loads((tmp_path / method / ADAPTER / "adapter_config.json").read_text())
    assert (config["use_rslora"], config["use_dora"]) == (method == "rslora", method == "dora")
    loaded = PeftModel.from_pretrained(load_model(tiny_base), str(tmp_path / method / ADAPTER))
    assert loaded(torch.tensor([rows[0].input_ids])).logits.isfinite().all()


def test_gradient_checkpointing_changes_nothing_but_memory(rows, tiny_base, settings, tmp_path):
    still = dataclasses.replace(settings, dropout=0.0)
    for name, on in (("kept", False), ("again", True)):
        _train(rows, tiny_base, dataclasses.replace(still, gradient_checkpointing=on), tmp_path / name)
    assert _apart(tmp_path / "again", tmp_path / "kept") < 1e-4


def test_an_adapter_that_learned_nothing_is_refused(tiny_base):
    from peft import LoraConfig, get_peft_model

    untouched = get_peft_model(load_model(tiny_base), LoraConfig(target_modules="all-linear"))
    with pytest.raises(ModelError, match="at zero"):
        check_changed(untouched)
