import pytest
import torch
from torch.nn import functional

from warmtune.training import loss
from warmtune.training.rows import IGNORED


@pytest.mark.parametrize(("scale", "cap"), [(1.0, None), (0.25, None), (1.0, 30.0), (2.0, 15.0)])
@pytest.mark.parametrize("at_once", [1, 700, 10**6])
def test_sum_and_gradient_are_those_of_the_plain_loss(monkeypatch, scale, cap, at_once):
    monkeypatch.setitem(loss.AT_ONCE, "cpu", at_once)
    torch.manual_seed(0)
    weight = 3 * torch.randn(300, 16)
    labels = torch.randint(0, 300, (2, 9))
    labels[:, :4] = IGNORED
    hidden = torch.randn(2, 9, 16, requires_grad=True)
    logits = hidden[:, :-1].double() @ weight.double().T * scale
    if cap:
        logits = cap * torch.tanh(logits / cap)
    plain = functional.cross_entropy(logits.transpose(1, 2), labels[:, 1:], ignore_index=IGNORED, reduction="sum")
    (wanted,) = torch.autograd.grad(plain, hidden)
    found = loss.summed_loss(hidden, weight, labels, scale, cap)
    (gradient,) = torch.autograd.grad(found, hidden)
    assert found.item() == pytest.approx(plain.item(), rel=1e-6)
    assert torch.allclose(gradient, wanted.float(), atol=1e-6)


def test_nothing_trained_is_a_zero_that_can_go_back():
    hidden = torch.randn(1, 5, 16, requires_grad=True)
    found = loss.summed_loss(hidden, torch.randn(30, 16), torch.full((1, 5), IGNORED))
    found.backward()
    assert found.item() == 0
    assert hidden.grad.abs().sum() == 0
