import copy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear

from warmtune.models.base import load_model
from warmtune.training.kernels.fused_lora import fuse


def _adapted(base, **options):
    torch.manual_seed(0)
    model = get_peft_model(load_model(base), LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM", **options))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    return model


def _gradients(model, ids):
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_numbers_and_gradients_are_pefts(tiny_base):
    plain, ids = _adapted(tiny_base), torch.randint(0, 1000, (2, 12))
    fused = copy.deepcopy(plain)
    assert fuse(fused) == 14  # seven linear layers in each of two
    loss, wanted = _gradients(plain, ids)
    same, found = _gradients(fused, ids)
    assert same == pytest.approx(loss, abs=1e-6)
    assert found.keys() == wanted.keys()
    for name, gradient in wanted.items():
        assert torch.allclose(found[name], gradient, atol=1e-6), name


def test_in_half_precision_it_is_no_further_from_the_truth_than_pefts(tiny_base):
    exact, ids = _adapted(tiny_base), torch.randint(0, 1000, (2, 12))
    plain = copy.deepcopy(exact)
    for module in (m for m in plain.modules() if isinstance(m, Linear)):
        module.get_base_layer().to(torch.bfloat16)
    fused = copy.deepcopy(plain)
    assert fuse(fused) == 14
    _, wanted = _gradients(exact, ids)
    with torch.autocast("cpu", torch.bfloat16):
        (_, theirs), (_, ours) = _gradients(plain, ids), _gradients(fused, ids)
    for name in wanted:
        assert ours[name].dtype == theirs[name].dtype == torch.float32
    apart = [sum((found[name] - g).square().sum() for name, g in wanted.items()).sqrt() for found in (ours, theirs)]
    assert apart[0] < 1.2 * apart[1] < 0.1 * sum(g.square().sum() for g in wanted.values()).sqrt()


def test_dropout_keeps_the_mean_and_is_off_when_answering(tiny_base):
    model = _adapted(tiny_base, lora_dropout=0.5)
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    x = torch.randn(3, 32)
    model.eval()
    still = layer(x)
    fuse(model)
    assert torch.allclose(layer(x), still, atol=1e-6)
    model.train()
    drawn = torch.stack([layer(x) for _ in range(2000)])
    assert not torch.equal(drawn[0], drawn[1])
    assert torch.allclose(drawn.mean(0), still, atol=0.07)


def test_with_dropout_the_gradient_is_that_of_what_was_computed(tiny_base):
    """Against numerical differences under the same draw."""
    model = _adapted(tiny_base, lora_dropout=0.5).double()
    layer = model.base_model.model.model.layers[0].self_attn.q_proj
    layer.double()
    from warmtune.training.kernels.fused_lora import _Linear

    weight = layer.get_base_layer().weight.double()
    a, b = (layer.lora_A["default"].weight, layer.lora_B["default"].weight)

    def draw(x, a, b):
        torch.manual_seed(5)
        return _Linear.apply(x, weight, None, a, b, 2.0, 0.5)

    x = torch.randn(2, 32, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(draw, (x, a, b))


def test_dora_keeps_pefts_own_arithmetic(tiny_base):
    assert fuse(_adapted(tiny_base, use_dora=True)) == 0
