"""Adapters scaled and mixed give the logits that scaling and adding their updates give."""

import json

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.helpers import rescale_adapter_scale

from warmtune.errors import ModelError
from warmtune.models.adapter_arithmetic import Part, export_scaled, mix
from warmtune.models.base import load_model
from warmtune.models.engine import Engine

IDS = torch.tensor([[1, 9690, 198, 2683, 359, 253, 5356]])


@pytest.fixture
def make(tiny_base, tokenizer, tmp_path):
    """Make an adapter of random weights on the tiny model; returns its folder."""

    def adapter(name, seed, **given):
        torch.manual_seed(seed)
        config = LoraConfig(**({"r": 4, "lora_alpha": 8, "target_modules": "all-linear"} | given))
        model = get_peft_model(load_model(tiny_base), config)
        with torch.no_grad():
            for weight_name, weight in model.named_parameters():
                if "lora_B" in weight_name:
                    weight.normal_(0, 0.3)
        model.peft_config["default"].base_model_name_or_path = tiny_base.hub
        model.save_pretrained(str(tmp_path / name))
        tokenizer.save_pretrained(tmp_path / name)
        identity = {"base": tiny_base.hub, "revision": None, "fingerprint": tiny_base.fingerprint}
        (tmp_path / name / "warmtune.json").write_text(json.dumps(identity))
        return tmp_path / name

    return adapter


def _logits(model):
    with torch.inference_mode():
        return model(IDS).logits.double()


def _loaded(base, folder):
    return PeftModel.from_pretrained(load_model(base), str(folder)).eval()


@pytest.mark.parametrize("kind", [{}, {"use_rslora": True}, {"use_dora": True}], ids=["lora", "rslora", "dora"])
@pytest.mark.parametrize("scale", [0.0, 0.4, 1.5])
def test_an_exported_strength_gives_the_scaled_adapters_logits(make, tiny_base, tmp_path, kind, scale):
    folder = make("warm", 1, **kind)
    export_scaled(folder, scale, tmp_path / "out")
    model = _loaded(tiny_base, folder)
    with rescale_adapter_scale(model, scale):
        expected = _logits(model)
    assert (_logits(_loaded(tiny_base, tmp_path / "out")) - expected).abs().max() < 1e-6
    assert (expected - _logits(model)).abs().max() > 1e-3
    assert json.loads((tmp_path / "out" / "warmtune.json").read_text())["made"] == {"scale": scale}
    assert (tmp_path / "out" / "adapter_config.json").read_text() == (folder / "adapter_config.json").read_text()


@pytest.mark.parametrize("kinds", [({}, {}), ({"use_rslora": True}, {"use_rslora": True, "r": 2})])
def test_a_mix_adds_the_updates(make, tiny_base, tmp_path, kinds):
    """Warm less control: for every linear layer the mixed B A is the weighted sum of both updates."""
    parts = [Part("styled", make("warm", 1, **kinds[0]), 1.0), Part("control", make("control", 2, **kinds[1]), -1.0)]
    engine = Engine(tiny_base)
    mix(engine, parts, tmp_path / "mixed")
    merged = [_loaded(tiny_base, folder).merge_and_unload().state_dict()
              for folder in (parts[0].folder, parts[1].folder, tmp_path / "mixed")]  # fmt: skip
    plain = load_model(tiny_base).state_dict()
    for name, weight in plain.items():
        expected = weight + (merged[0][name] - weight) - (merged[1][name] - weight)
        assert torch.allclose(merged[2][name], expected, atol=1e-5), name
    assert engine.add_adapter(tmp_path / "mixed").startswith("adapter-")
    config = json.loads((tmp_path / "mixed" / "adapter_config.json").read_text())
    assert config["r"] == 4 + kinds[1].get("r", 4)
    assert (tmp_path / "mixed" / "tokenizer.json").is_file()


def test_the_engine_still_answers_with_each_adapter_after_a_mix(make, tiny_base, tmp_path):
    from warmtune.models.engine import Request

    warm, control = make("warm", 1), make("control", 2)
    engine = Engine(tiny_base)
    name = engine.add_adapter(warm)
    asked = [Request(({"role": "user", "content": "Hello"},), 12, adapter) for adapter in (name, None)]
    before = [one.text for one in engine.complete(asked, 2)]
    mix(engine, [Part("a", warm, 0.5), Part("b", control, 0.5)], tmp_path / "mixed")
    assert [one.text for one in engine.complete(asked, 2)] == before


def test_what_cannot_be_is_refused_and_nothing_is_written(make, tiny_base, tmp_path):
    warm = make("warm", 1)
    with pytest.raises(ModelError, match="not empty"):
        export_scaled(warm, 0.5, warm)
    with pytest.raises(ModelError, match="DoRA"):
        mix(Engine(tiny_base), [Part("a", warm, 1.0), Part("b", make("d", 2, use_dora=True), 1.0)], tmp_path / "out")
    with pytest.raises(ModelError, match="twice"):
        mix(Engine(tiny_base), [Part("a", warm, 1.0), Part("b", warm, 1.0)], tmp_path / "out")
    config = json.loads((warm / "adapter_config.json").read_text())
    (warm / "adapter_config.json").write_text(json.dumps(config | {"bias": "all"}))
    with pytest.raises(ModelError, match="bias=all"):
        export_scaled(warm, 0.5, tmp_path / "out")
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]
