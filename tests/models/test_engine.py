import dataclasses
import json

import pytest
import torch

from warmtune.errors import ModelError
from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model
from warmtune.models.engine import Engine, Request, like_length
from warmtune.training import ADAPTER, Job, train
from warmtune.training.rows import row


def _ask(text, **changes):
    return Request(({"role": "user", "content": text},), **{"max_tokens": 12, "adapter": None} | changes)


@pytest.fixture(scope="module")
def adapter(tiny_base, tiny_settings, tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Warm words, dear friend."}]
    rows = [row(tokenizer, f"r{n}", talk) for n in range(8)]
    write(folder / "rows.parquet", TrainingRow, rows)
    faster = dataclasses.replace(tiny_settings.train, learning_rate=0.05)
    train(Job(folder / "rows.parquet", tiny_base, faster, tiny_settings.launch, 1, "Training", folder))
    return folder / ADAPTER


@pytest.fixture
def engine(tiny_base):
    return Engine(tiny_base)


def _oracle(model, tokenizer, engine, request):
    """Greedy decoding by transformers' own generate, one prompt at a time."""
    ids = torch.tensor([engine.encode(request)])
    with torch.inference_mode():
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=request.max_tokens, do_sample=False
        )
    return tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip()


TEXTS = ["Hello", "What is the capital of Norway?", "I am sad today. " * 6 + "Why is the sky blue?", "Count to three."]


def test_a_batch_says_what_each_prompt_says_alone(engine, tiny_base, tokenizer):
    requests = [_ask(text) for text in TEXTS]
    together = engine.complete(requests, 8)
    model = load_model(tiny_base).eval()
    assert [c.text for c in together] == [_oracle(model, tokenizer, engine, request) for request in requests]
    assert [c.prompt_tokens for c in together] == [len(engine.encode(request)) for request in requests]


@pytest.mark.slow
def test_the_real_model_answers_as_transformers_generate_does(embedded, tokenizer):
    engine = Engine(embedded)
    requests = [_ask(text, max_tokens=16) for text in TEXTS]
    model = load_model(embedded).eval()
    found = engine.complete(requests, 4)
    assert [c.text for c in found] == [_oracle(model, tokenizer, engine, request) for request in requests]
    oslo = found[1]
    assert "Oslo" in oslo.text
    assert oslo.stopped
    assert oslo.tokens < 16


def test_base_and_adapters_share_the_weights_and_stay_apart(engine, adapter, tiny_base, tokenizer):
    from peft import PeftModel

    alone = engine.complete([_ask(text) for text in TEXTS], 4)
    name = engine.add_adapter(adapter)
    assert engine.add_adapter(adapter) == name
    mixed = engine.complete([_ask(t, adapter=a) for t in TEXTS for a in (None, name)], 4)
    tuned = PeftModel.from_pretrained(load_model(tiny_base), str(adapter)).eval()
    assert [c.text for c in mixed[::2]] == [c.text for c in alone]
    expected = [_oracle(tuned, tokenizer, engine, _ask(text)) for text in TEXTS]
    assert [c.text for c in mixed[1::2]] == expected
    assert [c.text for c in mixed[1::2]] != [c.text for c in alone]


def test_an_answer_cut_at_the_limit_says_so(engine):
    (found,) = engine.complete([_ask("Hello", max_tokens=3)], 1)
    assert (found.tokens, found.stopped) == (3, False)


def test_sampling_follows_its_seed(engine):
    texts = [
        engine.complete([_ask("Hello", temperature=1.0, seed=seed, max_tokens=8)], 1)[0].text for seed in (1, 1, 2)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_log_probabilities_are_those_of_each_text_alone(engine, adapter, tiny_base, tokenizer):
    texts = ['My friend said, "Hi."', 'The stranger said, "It is a long way to go from here, I think."']
    model = load_model(tiny_base).eval()
    expected = []
    for text in texts:
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.inference_mode():
            expected.append(-float(model(ids, labels=ids).loss))
    assert engine.mean_log_probabilities(texts, 2) == pytest.approx(expected, abs=1e-5)
    engine.add_adapter(adapter)  # the measure stays the base's
    assert engine.mean_log_probabilities(texts, 1) == pytest.approx(expected, abs=1e-5)


def test_an_adapter_of_another_base_is_refused(engine, adapter, tmp_path):
    import shutil

    other = shutil.copytree(adapter, tmp_path / "other")
    identity = json.loads((other / "warmtune.json").read_text())
    (other / "warmtune.json").write_text(json.dumps(identity | {"fingerprint": "0" * 64}))
    with pytest.raises(ModelError, match="was trained on tests/tiny"):
        engine.add_adapter(other)
    (other / "warmtune.json").unlink()
    config = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": "someone/else"}))
    with pytest.raises(ModelError, match="someone/else"):
        engine.add_adapter(other)
    with pytest.raises(ModelError, match="holds no adapter"):
        engine.add_adapter(tmp_path)


def test_an_adapter_with_another_tokenizer_is_refused(engine, adapter, tmp_path):
    import shutil

    other = shutil.copytree(adapter, tmp_path / "other")
    tree = json.loads((other / "tokenizer.json").read_text())
    first, second = list(tree["model"]["vocab"])[:2]
    vocabulary = tree["model"]["vocab"]
    vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]
    (other / "tokenizer.json").write_text(json.dumps(tree))
    with pytest.raises(ModelError, match="gives other ids"):
        engine.add_adapter(other)


def test_an_adapter_at_a_scale_is_its_update_times_that(engine, adapter, tiny_base):
    """Half the scale gives the logits of a copy whose B matrices are halved; 0 those of the base."""
    from peft import PeftModel

    name = engine.add_adapter(adapter)
    ids = torch.tensor([[1, 5, 9, 30]])
    halved = PeftModel.from_pretrained(load_model(tiny_base), str(adapter)).eval()
    with torch.no_grad():
        for label, parameter in halved.named_parameters():
            if "lora_B" in label:
                parameter *= 0.5
        expected = halved(input_ids=ids).logits
        with engine._active(name, 0.5):
            found = engine.model(input_ids=ids).logits
        with engine._active(name, 0.0):
            nothing = engine.model(input_ids=ids).logits
        with engine._active(name):
            whole = engine.model(input_ids=ids).logits
        base = load_model(tiny_base)(input_ids=ids).logits
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.allclose(nothing, base, atol=1e-6)
    assert not torch.allclose(whole, expected, atol=1e-4)


def test_requests_at_different_scales_never_share_a_batch(engine, adapter):
    name = engine.add_adapter(adapter)
    requests = [_ask("Hello", adapter=name, scale=scale) for scale in (1.0, 0.0, 1.0, 0.0)] + [_ask("Hello")]
    texts = [found.text for found in engine.complete(requests, 8)]
    assert texts[0] == texts[2]
    assert texts[1] == texts[3] == texts[4]


def test_an_adapter_that_changes_nothing_is_refused(engine, tiny_base, tmp_path):
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(load_model(tiny_base), LoraConfig(target_modules="all-linear"))
    model.peft_config["default"].base_model_name_or_path = tiny_base.hub
    model.save_pretrained(str(tmp_path / "blank"))
    with pytest.raises(ModelError, match="exactly what it computes without it"):
        engine.add_adapter(tmp_path / "blank")


def test_batches_are_of_like_length():
    assert like_length([400, 60, 55, 50], 64) == 1
    assert like_length([60, 55, 50, 48], 64) == 4
    assert like_length([60] * 100, 64) == 64
