"""The estimate of a training's memory, held to the bytes of the tensors that there are."""

import dataclasses

import pytest
import torch

from warmtune.training.lora_adapter import with_adapter
from warmtune.training.memory_estimate import _GAPS, adapter_parameters, estimate
from warmtune.training.model_shape import shape_of


@pytest.fixture
def guess(tiny_settings):
    """Return a function that estimates with changed settings."""

    def make(base, changed=None, tokens=100, labelled=50, processes=1, **launched):
        settings = dataclasses.replace(tiny_settings.train, **(changed or {}))
        launch = dataclasses.replace(tiny_settings.launch, **launched)
        return estimate(
            shape_of(base),
            settings,
            launch,
            world_size=processes,
            device="cpu",
            tokens=tokens,
            loss_tokens=labelled,
        )

    return make


def test_the_adapters_size_is_what_peft_makes(tiny_base, tiny_settings):
    shape = shape_of(tiny_base)
    for changed in ({}, {"method": "dora"}, {"target_modules": ("q_proj", "down_proj"), "rank": 4}):
        settings = dataclasses.replace(tiny_settings.train, **changed)
        model = with_adapter(tiny_base, settings, 1, "cpu")
        assert adapter_parameters(shape, settings) == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert shape.parameters == sum(p.numel() for p in model.get_base_model().parameters() if not p.requires_grad)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_weights_are_those_of_the_model_that_is_loaded(tiny_base, tiny_settings, guess, precision):
    model = with_adapter(tiny_base, dataclasses.replace(tiny_settings.train, precision=precision), 1, "cpu")
    frozen = sum(p.numel() * p.element_size() for p in model.parameters() if not p.requires_grad)
    assert guess(tiny_base, {"precision": precision}).weights == frozen


def test_the_adapter_counts_with_gradients_and_the_optimizers_states(tiny_base, tiny_settings, guess):
    model = with_adapter(tiny_base, dataclasses.replace(tiny_settings.train, packing=False), 1, "cpu")
    own = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(own)
    model(torch.tensor([[1, 2, 3]])).logits.sum().backward()
    optimizer.step()
    states = [tensor for state in optimizer.state.values() for name, tensor in state.items() if name != "step"]
    tensors = [*own, *(p.grad for p in own), *states]
    assert guess(tiny_base).adapter == sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_what_is_shared_out_is_divided_and_four_bits_are_four(tiny_base, guess):
    whole = guess(tiny_base)
    assert guess(tiny_base, processes=4, kind="fsdp").weights == whole.weights / 4
    assert guess(tiny_base, processes=4, kind="ddp").weights == whole.weights
    shape = shape_of(tiny_base)
    linear = sum(i * o for _, i, o in shape.linear)
    four = linear * (4 + 8 / 64 + 32 / (64 * 256)) / 8  # QLoRA's section 3: 8 bits per 64 weights, 32 per 256 of these
    assert guess(tiny_base, {"quantization": "nf4"}).weights == pytest.approx(
        whole.weights - 4 * linear + four, rel=0.02
    )


CASES = {
    "plain": ("llama", {}),
    "dropout": ("llama", {"dropout": 0.1}),
    "dora": ("llama", {"method": "dora"}),
    "checkpointing": ("llama", {"gradient_checkpointing": True}),
    "bounded scores": ("gemma2", {}),
    "bounded scores, padded": ("gemma2", {"packing": False}),
}


@pytest.mark.parametrize("row", [200, 400])
@pytest.mark.parametrize("case", CASES)
def test_activations_hold_those_of_a_step_and_are_not_much_more(case, row, guess, tiny_settings, peak_memory, tmp_path):
    kind, changed = CASES[case]
    base = peak_memory.tiny_base(kind, tmp_path, 500)
    changed = {"dropout": 0.0, "batch_size": 2, "max_tokens": row, **changed}
    step = peak_memory.step(base, dataclasses.replace(tiny_settings.train, **changed), [row, row], row // 2)
    gradients = sum(p.numel() * p.element_size() for p in step.model.parameters() if p.requires_grad)
    guessed = guess(base, changed, tokens=2 * row, labelled=row).activations / _GAPS["cpu"]
    assert step.peak - gradients <= guessed <= 1.5 * (step.peak - gradients)
