"""Every shipped model trains and answers: tiny models of its architecture, with the settings of conf/model."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from warmtune.config.compose import load
from warmtune.io.schemas import TrainingRow, write
from warmtune.models.base import load_model, load_tokenizer, locate
from warmtune.models.engine import Engine, Request
from warmtune.training import ADAPTER, CURVE, Job, train
from warmtune.training.rows import IGNORE_INDEX, row

spec = importlib.util.spec_from_file_location("families", Path(__file__).parent / "families.py")
families = importlib.util.module_from_spec(spec)
spec.loader.exec_module(families)

CONF = Path(__file__).parents[2] / "conf" / "model"


def test_every_shipped_model_is_among_them():
    shipped = {file.stem for file in CONF.glob("*.yaml")} - {"hub", "local", "debug"}
    assert shipped == families.ARCHITECTURES.keys() | families.SAME.keys()
    assert set(families.SAME.values()) <= families.ARCHITECTURES.keys()


@pytest.mark.parametrize(("model", "packing"), [*((m, True) for m in families.ARCHITECTURES), ("gemma-2-9b", False)])
def test_a_shipped_model_trains_and_answers(model, packing, embedded, tmp_path):
    """The first loss is the plain one of transformers' model, and the answers are those of its `generate`."""
    from peft import PeftModel

    families.tiny_model(model, embedded, tmp_path / "model")
    shipped = [] if packing else ["train.packing=false"]
    given = [f"model={model}", f"model.path={tmp_path / 'model'}", "train.dropout=0", "train.epochs=1", *shipped]
    settings = load(
        "quickstart", [*given, "train.batch_size=2", "train.gradient_accumulation_steps=1", "train.learning_rate=0.01"]
    )
    base = locate(settings.model)
    tokenizer = load_tokenizer(base)
    words = ["Nine.", "A number, dear friend. " * 3, "No. " * 9, "It is as it was, and so it stays."]
    rows = [
        row(tokenizer, f"r{n}", [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": said}])
        for n, said in enumerate(words)
    ]
    write(tmp_path / "rows.parquet", TrainingRow, rows)
    train(Job(tmp_path / "rows.parquet", base, settings.train, settings.launch, 1, "Training", tmp_path))
    curve = json.loads((tmp_path / CURVE).read_text())
    seen = [next(r for r in rows if r.id == id) for id in json.loads((tmp_path / "order.json").read_text())]
    assert [point["loss"] for point in curve][:1] == pytest.approx([_mean_loss(base, seen[:2])], abs=1e-5)

    engine = Engine(base)
    name = engine.add_adapter(tmp_path / ADAPTER)
    asked = [Request(({"role": "user", "content": text},), 8, name) for text in ("Hi", "And what is this? " * 6)]
    tuned = PeftModel.from_pretrained(load_model(base), str(tmp_path / ADAPTER)).eval()
    answers = [_generated(tuned, tokenizer, engine.encode(request)) for request in asked]
    assert [completion.text for completion in engine.complete(asked, 2)] == answers
    alone = engine.complete([dataclasses.replace(request, adapter=None) for request in asked], 2)
    assert [completion.text for completion in alone] != answers


def _mean_loss(base, rows):
    model, summed, count = load_model(base).eval(), 0.0, 0
    for one in rows:
        with torch.inference_mode():
            logits = model(torch.tensor([one.input_ids])).logits[0, :-1]
        labels = torch.tensor(one.labels[1:])
        summed += float(functional.cross_entropy(logits, labels, ignore_index=IGNORE_INDEX, reduction="sum"))
        count += int((labels != IGNORE_INDEX).sum())
    return summed / count


def _generated(model, tokenizer, prompt):
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        out = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False)
    return tokenizer.decode(out[0, len(prompt) :], skip_special_tokens=True).strip()
