"""Terms beside the cross-entropy, shown on one that keeps the model near its base."""

import dataclasses
import json

import pytest
import torch
from torch.nn import functional

from warmtune.errors import ModelError
from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model
from warmtune.runs.store import sha256
from warmtune.training import ADAPTER, CURVE, Job, train
from warmtune.training.loss import output_layer, term_registry, terms
from warmtune.training.loss.model_loss import CROSS_ENTROPY, return_loss_sums
from warmtune.training.memory_estimate import estimate
from warmtune.training.model_shape import shape_of
from warmtune.training.rows import IGNORE_INDEX

WEIGHTS = f"{ADAPTER}/adapter_model.safetensors"


class KLToBase:
    """The divergence of the base from the model with its adapter, at the labelled tokens."""

    def __call__(self, tokens):
        def divergence(hidden, piece):
            ours = tokens.head.logits(hidden).log_softmax(-1)
            base = tokens.head.logits(tokens.reference[piece]).log_softmax(-1)
            return functional.kl_div(base, ours, reduction="sum", log_target=True)

        return tokens.sum_in_pieces(divergence)

    def memory(self, batch):
        return batch.logits(copies=5) + batch.reference_pass()


@pytest.fixture(autouse=True)
def kl(monkeypatch):
    monkeypatch.setitem(term_registry.TERMS, "kl", KLToBase())


@pytest.fixture
def trained(ragged_rows, tiny_base, tiny_settings, tmp_path):
    """Train with these terms and return the folder."""

    def go(name, loss_terms, **changed):
        settings = dataclasses.replace(tiny_settings.train, loss_terms=loss_terms, **changed)
        folder = tmp_path / name
        folder.mkdir()
        write(folder / "rows.parquet", TrainingRow, ragged_rows(9))
        train(Job(folder / "rows.parquet", tiny_base, settings, tiny_settings.launch, 1, "Training", folder))
        return folder

    return go


def test_weight_zero_leaves_the_adapter_as_it_was_to_the_byte(trained):
    plain, zero, half = trained("plain", {}), trained("zero", {"kl": 0.0}), trained("half", {"kl": 0.5})
    assert sha256(plain / WEIGHTS) == sha256(zero / WEIGHTS) != sha256(half / WEIGHTS)


def test_the_term_does_what_its_weight_asks_for(trained):
    """The heavier it is, the nearer the adapter stays to the base; in the first step there is nothing apart yet."""
    last = {}
    for weight in (0.01, 1.0, 100.0):
        curve = json.loads((trained(str(weight), {"kl": weight}, dropout=0.0, epochs=3.0) / CURVE).read_text())
        assert curve[0]["loss/kl"] == pytest.approx(0, abs=1e-6)
        for point in curve:
            assert point["loss"] == pytest.approx(point["loss/cross_entropy"] + weight * point["loss/kl"], rel=1e-5)
        last[weight] = curve[-1]["loss/kl"]
    assert last[0.01] > last[1.0] > 2 * last[100.0]


def test_without_terms_nothing_is_added_to_the_curve(trained):
    assert all(
        not key.startswith("loss/") for point in json.loads((trained("one", {}) / CURVE).read_text()) for key in point
    )


@pytest.mark.parametrize("at_once", [1, 10**9])
def test_value_and_gradient_are_those_of_all_logits_at_once(tiny_base, ragged_rows, monkeypatch, at_once):
    from peft import LoraConfig, get_peft_model

    monkeypatch.setitem(output_layer.AT_ONCE, "cpu", at_once)
    torch.manual_seed(0)
    model = get_peft_model(load_model(tiny_base), LoraConfig(target_modules="all-linear", lora_dropout=0.5)).train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    plain = load_model(tiny_base)
    (row,) = ragged_rows(1)
    ids, labels = torch.tensor([row.input_ids]), torch.tensor([row.labels])
    chosen = labels[:, 1:] != IGNORE_INDEX
    torch.manual_seed(7)
    ours = model(ids).logits[:, :-1][chosen].log_softmax(-1)
    base = plain(ids).logits[:, :-1][chosen].log_softmax(-1).detach()
    expected = (ours.exp() * (ours - base)).sum()
    expected.backward()
    wanted = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    model.zero_grad()
    return_loss_sums(model, {"kl": term_registry.TERMS["kl"]})
    torch.manual_seed(7)
    sums = model(input_ids=ids, labels=labels, loss_sums=True)
    assert sums.keys() == {CROSS_ENTROPY, "kl"}
    assert sums["kl"].item() == pytest.approx(expected.item(), rel=1e-5)
    sums["kl"].backward()
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert torch.allclose(parameter.grad, wanted[name], atol=1e-5), name
    assert model.training


def test_an_unknown_term_is_said_with_those_there_are():
    with pytest.raises(ModelError, match=r"train\.loss_terms names 'kll'.*Did you mean 'kl'.*There are kl;"):
        term_registry.weighted_terms({"kll": 1.0})


def test_a_terms_memory_is_in_the_estimate(tiny_base, tiny_settings):
    shape, launch = shape_of(tiny_base), tiny_settings.launch

    def memory(weights):
        settings = dataclasses.replace(tiny_settings.train, loss_terms=weights)
        return estimate(shape, settings, launch, world_size=1, device="cpu", tokens=600, loss_tokens=500)

    batch = terms.BatchSize(shape, tokens=600, labelled=500, device="cpu", bytes_each=4)
    assert memory({}).loss_terms == memory({"kl": 0.0}).loss_terms == 0
    assert memory({"kl": 0.1}).loss_terms == term_registry.TERMS["kl"].memory(batch) > 0
    assert memory({"kl": 0.1}).total - memory({}).total == pytest.approx(memory({"kl": 0.1}).loss_terms)


def test_a_terms_memory_holds_what_it_adds_and_is_not_much_more(tiny_settings, peak_memory, tmp_path):
    """Measured where the logits decide: few activations, a large vocabulary."""
    base = peak_memory.tiny_base("llama", tmp_path, 20_000)
    plain = dataclasses.replace(tiny_settings.train, batch_size=2, dropout=0.0)
    peaks = {
        weight: peak_memory.step(base, dataclasses.replace(plain, loss_terms={"kl": weight}), [150, 150], 140).peak
        for weight in (0.0, 1.0)
    }
    settings = dataclasses.replace(plain, loss_terms={"kl": 1.0})
    guess = estimate(
        shape_of(base), settings, tiny_settings.launch, world_size=1, device="cpu", tokens=300, loss_tokens=280
    )
    added = guess.loss_terms
    assert peaks[1.0] - peaks[0.0] <= added <= 1.5 * (peaks[1.0] - peaks[0.0])
