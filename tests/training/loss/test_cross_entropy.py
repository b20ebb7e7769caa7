import pytest
import torch
from torch.nn import functional

from warmtune.training.loss import output_layer
from warmtune.training.loss.cross_entropy import summed_cross_entropy
from warmtune.training.loss.output_layer import OutputLayer
from warmtune.training.loss.terms import LabelledTokens
from warmtune.training.rows import IGNORE_INDEX


def _summed(hidden, weight, labels, scale=1.0, cap=None):
    tokens = LabelledTokens(None, {}, labels, hidden, OutputLayer(weight, scale, cap))
    return summed_cross_entropy(tokens.hidden, tokens.head, tokens.labels)


@pytest.mark.parametrize(("scale", "cap"), [(1.0, None), (0.25, None), (1.0, 30.0), (2.0, 15.0)])
@pytest.mark.parametrize("at_once", [1, 700, 10**6])
def test_sum_and_gradient_are_those_of_the_plain_loss(monkeypatch, scale, cap, at_once):
    monkeypatch.setitem(output_layer.AT_ONCE, "cpu", at_once)
    torch.manual_seed(0)
    weight = 3 * torch.randn(300, 16)
    labels = torch.randint(0, 300, (2, 9))
    labels[:, :4] = IGNORE_INDEX
    hidden = torch.randn(2, 9, 16, requires_grad=True)
    logits = hidden[:, :-1].double() @ weight.double().T * scale
    if cap:
        logits = cap * torch.tanh(logits / cap)
    plain = functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], ignore_index=IGNORE_INDEX, reduction="sum")
    (wanted,) = torch.autograd.grad(plain, hidden)
    found = _summed(hidden, weight, labels, scale, cap)
    (gradient,) = torch.autograd.grad(found, hidden)
    assert found.item() == pytest.approx(plain.item(), rel=1e-6)
    assert torch.allclose(gradient, wanted.float(), atol=1e-6)


def test_nothing_trained_is_a_zero_that_can_go_back():
    hidden = torch.randn(1, 5, 16, requires_grad=True)
    found = _summed(hidden, torch.randn(30, 16), torch.full((1, 5), IGNORE_INDEX))
    found.backward()
    assert found.item() == 0
    assert hidden.grad.abs().sum() == 0


@pytest.mark.parametrize(
    ("gain", "least", "most"),
    [(0.0, 0.0, 0.01), (12.0, 0.8, 0.95), (15.0, 0.99, 0.999), (18.0, 0.999, 1.0)],
    ids=["unsure", "mostly sure", "sure", "very sure"],
)
@pytest.mark.parametrize("cap", [None, 50.0])
def test_in_half_precision_the_gradient_is_as_exact_as_that_of_plain_logits(gain, least, most, cap):
    """Against float64, token by token: where the model is sure, a difference of rounded numbers would be all error."""
    torch.manual_seed(0)
    weight = (torch.randn(4000, 256) / 16).bfloat16()
    labels = torch.randint(0, 4000, (1, 201))
    hidden = torch.zeros(1, 201, 256)
    hidden[:, :-1] = torch.randn(1, 200, 256) + gain * weight[labels[:, 1:]].float()
    hidden = hidden.bfloat16().requires_grad_()

    def gradient(hidden, weight):
        logits = (hidden[:, :-1] @ weight.T).to(torch.promote_types(hidden.dtype, torch.float32))
        logits = cap * torch.tanh(logits / cap) if cap else logits
        summed = functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], reduction="sum")
        sure = logits.softmax(-1).gather(2, labels[:, 1:, None]).median().item()
        return torch.autograd.grad(summed, hidden)[0][0, :-1].double(), sure

    exact, sure = gradient(hidden.detach().double().requires_grad_(), weight.double())
    assert least <= sure <= most
    plain, _ = gradient(hidden, weight)
    (ours,) = torch.autograd.grad(_summed(hidden, weight, labels, cap=cap), hidden)
    apart, plainly = ((found - exact).norm(dim=1) / exact.norm(dim=1) for found in (ours[0, :-1].double(), plain))
    assert apart.median() < 1.1 * plainly.median()
    assert apart.quantile(0.9) < 1.1 * plainly.quantile(0.9)
