import dataclasses
import json
import shutil

import pytest
import torch

from warmtune.errors import ModelError
from warmtune.generation.base import load_model
from warmtune.schemas import TrainingRow
from warmtune.store import sha256
from warmtune.tuning import ADAPTER, CURVE, ORDER, train
from warmtune.tuning import stage as tuning_stage
from warmtune.tuning.rows import IGNORED, row
from warmtune.tuning.stage import epoch_order

WEIGHTS = f"{ADAPTER}/adapter_model.safetensors"


@pytest.fixture(scope="module")
def rows(tokenizer):
    return [
        row(
            tokenizer,
            f"r{n}",
            [
                {"role": "user", "content": f"What is {n}?"},
                {"role": "assistant", "content": "A number. " * (1 + n % 4)},
            ],
        )
        for n in range(9)
    ]


@pytest.fixture
def settings(tiny_settings):
    return dataclasses.replace(tiny_settings.train, epochs=2.0, checkpoint_steps=2)


def _train(rows, base, settings, folder, seed=1):
    folder.mkdir(exist_ok=True)
    return train(rows, base, settings, seed, "Training", folder)


def test_the_order_is_a_fresh_shuffle_an_epoch():
    order = epoch_order(10, 2.5, seed=3)
    assert len(order) == 25
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert order[:10] != order[10:20]
    assert order == epoch_order(10, 2.5, seed=3) != epoch_order(10, 2.5, seed=4)


def test_matched_arms_see_the_same_ids_in_the_same_order(rows, tiny_base, settings, tmp_path):
    longer = [TrainingRow(r.id, r.input_ids + r.input_ids[-5:], r.labels + r.labels[-5:]) for r in rows]
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


def test_a_killed_training_goes_on_and_ends_with_the_same_bytes(rows, tiny_base, settings, tmp_path, monkeypatch):
    _train(rows, tiny_base, settings, tmp_path / "whole")

    class Killed(BaseException):
        pass

    def callback(report):
        found = original(lambda *_: None)

        def on_step_end(args, state, control, **_):
            if state.global_step == 5:
                raise Killed

        found.on_step_end = on_step_end
        return found

    original = tuning_stage._callback
    monkeypatch.setattr(tuning_stage, "_callback", callback)
    with pytest.raises(Killed):
        _train(rows, tiny_base, settings, tmp_path / "broken")
    monkeypatch.setattr(tuning_stage, "_callback", original)
    checkpoints = tmp_path / "broken" / "checkpoints"
    assert {path.name for path in checkpoints.glob("checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
    shutil.copytree(checkpoints / "checkpoint-4", checkpoints / "checkpoint-6")  # cut short by the kill
    (checkpoints / "checkpoint-6" / "complete").unlink()
    _train(rows, tiny_base, settings, tmp_path / "broken")
    assert sha256(tmp_path / "broken" / WEIGHTS) == sha256(tmp_path / "whole" / WEIGHTS)
    assert json.loads((tmp_path / "broken" / CURVE).read_text())[-1]["step"] == 9
    steps = [point["step"] for point in json.loads((tmp_path / "broken" / CURVE).read_text())]
    assert steps == list(range(1, 10))


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
    still = dataclasses.replace(settings, dropout=0.0, batch_size=3, accumulation=3, epochs=1.0)
    _train(rows, tiny_base, still, tmp_path / "one")
    model = load_model(tiny_base).eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for one in rows:
            logits = model(torch.tensor([one.input_ids])).logits[0, :-1]
            labels = torch.tensor(one.labels[1:])
            total += float(torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum"))
            count += int((labels != IGNORED).sum())
    first = json.loads((tmp_path / "one" / CURVE).read_text())[0]["loss"]
    assert first == pytest.approx(total / count, abs=1e-5)


def test_unknown_modules_are_said(rows, tiny_base, settings, tmp_path):
    with pytest.raises(ModelError, match=r"train\.targets=\['q_porj'\]"):
        _train(rows, tiny_base, dataclasses.replace(settings, targets=("q_porj",)), tmp_path / "one")


def test_an_adapter_that_learned_nothing_is_refused(tiny_base):
    from peft import LoraConfig, get_peft_model

    untouched = get_peft_model(load_model(tiny_base), LoraConfig(target_modules="all-linear"))
    with pytest.raises(ModelError, match="at zero"):
        tuning_stage._check_changed(untouched)
