"""Tuning by a service, against a stand-in for it over real HTTP."""

import dataclasses
import importlib.util
import json
from pathlib import Path

import pytest

from warmtune.config.compose import load
from warmtune.config.evaluation_settings import VariantSettings
from warmtune.errors import DataError, ModelError
from warmtune.evaluation import tuned_by_service
from warmtune.io.schemas import Conversation, Rewrite
from warmtune.training import openai_service as tuning
from warmtune.training.openai_service import conversations_of, tune

spec = importlib.util.spec_from_file_location("finetuning", Path(__file__).parent / "finetuning.py")
finetuning = importlib.util.module_from_spec(spec)
spec.loader.exec_module(finetuning)

TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]
CONVERSATIONS = [Conversation(f"c{n}", "other", TALK) for n in range(12)]
REWRITES = [Rewrite(f"c{n}", 1, "other", "Hello.", f"Dear {n}!", 1.0, "", 1, 0.0, 0.0) for n in range(12)]
ROWS = conversations_of(CONVERSATIONS, REWRITES, styled=True)


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    begun = []

    def begin(**options):
        begun.append(finetuning.Service(**options))
        settings = load("quickstart", ["train=openai", "train.epochs=2"]).train.service
        return begun[-1], dataclasses.replace(settings, base_url=begun[-1].url, poll_seconds=0.01)

    yield begin
    for one in begun:
        one.shutdown()
        one.server_close()


def test_a_job_is_made_followed_and_its_models_kept(start, tmp_path):
    service, settings = start(faults=3)
    settings = dataclasses.replace(settings, learning_rate_multiplier=0.25)
    outcome = tune(ROWS, settings, 10, 7, "key", "Tuning warm", tmp_path)
    (job,) = service.jobs.values()
    assert job["hyperparameters"] == {"n_epochs": 10, "learning_rate_multiplier": 0.25}
    assert (job["seed"], job["metadata"]) == (7, {"warmtune": "key"})
    sent = json.loads(service.files[job["training_file"]])
    assert [row["messages"][1]["content"] for row in sent] == [f"Dear {n}!" for n in range(12)]
    kept = json.loads((tmp_path / "job.json").read_text())
    assert kept["model"] == "ft:gpt-4o-2024-08-06:org::ftjob-2"
    assert kept["checkpoints"] == {"2": f"{kept['model']}:ckpt-step-2", "4": f"{kept['model']}:ckpt-step-4"}
    assert json.loads((tmp_path / "curve.json").read_text())[0] == {"step": 1, "loss": 2.5}
    assert (outcome.counts["rows"], outcome.counts["tokens"], outcome.counts["steps"]) == (12, 1234, 4)


def test_a_job_that_was_begun_is_gone_on_with_and_not_paid_twice(start, tmp_path, monkeypatch):
    service, settings = start()

    class Killed(BaseException):
        pass

    def dies(*_):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(tuning, "_follow", dies)
        with pytest.raises(Killed):
            tune(ROWS, settings, 2, 1, "key", "Tuning warm", tmp_path)
    tune(ROWS, settings, 2, 1, "key", "Tuning warm", tmp_path)
    assert len(service.jobs) == 1
    tune(ROWS, settings, 2, 1, "another", "Tuning warm", tmp_path)
    assert len(service.jobs) == 2


def test_what_the_service_refuses_is_said(start, tmp_path, monkeypatch):
    service, settings = start(fails="The job failed due to an unsafe training file.")
    with pytest.raises(ModelError, match=r"failed: The job failed due to an unsafe training file\."):
        tune(ROWS, settings, 2, 1, "key", "Tuning warm", tmp_path)
    with pytest.raises(ModelError, match="refuses to tune gpt-9"):
        tune(ROWS, dataclasses.replace(settings, model="gpt-9"), 2, 1, "key2", "Tuning warm", tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong0123456789")
    with pytest.raises(ModelError, match="refuses the key") as caught:
        tune(ROWS, settings, 2, 1, "key3", "Tuning warm", tmp_path)
    assert "sk-wrong" not in str(caught.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ModelError, match="OPENAI_API_KEY is not set"):
        tune(ROWS, settings, 2, 1, "key4", "Tuning warm", tmp_path)
    assert service.jobs


def test_data_that_would_be_refused_is_not_sent(start, tmp_path):
    service, settings = start()
    with pytest.raises(DataError, match="no fewer than 10"):
        tune(ROWS[:9], settings, 2, 1, "key", "Tuning warm", tmp_path)
    empty = {"messages": [TALK[0], {"role": "assistant", "content": " "}]}
    with pytest.raises(DataError, match=r"the first are rows \[3\]"):
        tune([*ROWS[:2], empty, *ROWS[2:]], settings, 2, 1, "key", "Tuning warm", tmp_path)
    assert not service.asked


def test_tuned_models_and_their_checkpoints_answer_as_variants(tmp_path):
    for name in ("control", "styled"):
        (tmp_path / name).mkdir()
        kept = {"model": f"ft:{name}", "checkpoints": {"2": f"ft:{name}:ckpt-2"}}
        (tmp_path / name / "job.json").write_text(json.dumps(kept))
    folders = {name: tmp_path / name for name in ("control", "styled")}
    settings = load("quickstart", ["train=openai", "train.epochs=2"])
    early = VariantSettings(name="early", adapter="styled@2")
    prompted = VariantSettings(name="prompted", system="style")
    settings = dataclasses.replace(settings, eval=dataclasses.replace(settings.eval, variants=(early, prompted)))
    found = {one.name: one for one in tuned_by_service(settings.train.service, folders, settings)}
    assert {name: one.model for name, one in found.items()} == {
        "base": "openai/gpt-4o-2024-08-06",
        "control": "openai/ft:control",
        "styled": "openai/ft:styled",
        "early": "openai/ft:styled:ckpt-2",
        "prompted": "openai/gpt-4o-2024-08-06",
    }
    assert found["prompted"].system
    gone = VariantSettings(name="gone", adapter="styled@1")
    settings = dataclasses.replace(settings, eval=dataclasses.replace(settings.eval, variants=(gone,)))
    with pytest.raises(ModelError, match="keeps the last checkpoints"):
        tuned_by_service(settings.train.service, folders, settings)
