"""What stops a training before its first step."""

import dataclasses
import importlib.util
from types import SimpleNamespace

import pytest

from warmtune.config.compose import load
from warmtune.errors import ConfigError, DataError, LaunchError, ModelError
from warmtune.io.schemas import Conversation, Rewrite, TrainingRow
from warmtune.training import Job, build_rows, memory_estimate, preflight
from warmtune.training.distributed.world import World, check_installed
from warmtune.training.rows import IGNORE_INDEX, row

TALK = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]


@pytest.fixture
def job(tiny_base, tiny_settings, tmp_path):
    return Job(tmp_path / "rows", tiny_base, tiny_settings.train, tiny_settings.launch, 1, "Training", tmp_path)


@pytest.fixture
def rows(tokenizer):
    return [row(tokenizer, str(n), TALK) for n in range(3)]


def test_too_little_memory_is_said_with_what_needs_it(job, rows, monkeypatch):
    preflight.check_room(rows, job, World(1, 0, "cpu"))
    monkeypatch.setattr(memory_estimate, "free", lambda device: 0.1e9)
    with pytest.raises(ModelError, match=r"needs about .* GB .*weights .*activations .*0\.1 GB are free.*train=qlora"):
        preflight.check_room(rows, job, World(1, 0, "cpu"))


def test_too_little_disk_is_said(job, rows, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=10))
    with pytest.raises(ModelError, match="store=FOLDER"):
        preflight.check_room(rows, job, World(1, 0, "cpu"))


def test_more_processes_than_rows_are_refused(job, rows):
    with pytest.raises(LaunchError, match="4 processes would share 3 rows"):
        preflight.check_room(rows, job, World(4, 0, "cpu"))


def test_a_single_conversation_is_refused(tokenizer, tmp_path):
    rewrites = [Rewrite("c", 1, "other", "Hello.", "Dear!", 1.0, "", 1, 0.0, 0.0)]
    with pytest.raises(DataError, match="One single conversation"):
        build_rows([Conversation("c", "other", TALK)], rewrites, tokenizer, 500, "drop", tmp_path)


def test_a_conversation_without_a_reply_is_refused(tokenizer):
    with pytest.raises(DataError, match="no reply to train on"):
        row(tokenizer, "c", TALK[:1])


def test_the_pad_token_is_not_the_end_of_a_turn(tokenizer, rows):
    end = next(label for label in reversed(rows[0].labels) if label != IGNORE_INDEX)
    assert tokenizer.pad_token_id == end  # as the embedded model comes
    assert tokenizer.convert_tokens_to_ids(preflight.padding(tokenizer, rows[0])) != end


def test_a_model_in_which_rows_see_each_other_is_refused(tiny_base, tiny_settings, rows):
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    from warmtune.training.lora_adapter import with_adapter

    def leaking(module, query, key, value, attention_mask, **options):
        return sdpa_attention_forward(module, query, key, value, None, **options)

    AttentionInterface.register("leaking", leaking)
    model = with_adapter(tiny_base, tiny_settings.train, 1, "cpu")
    preflight.prove_separate(model, rows)
    model.get_base_model().set_attn_implementation("leaking")
    with pytest.raises(ModelError, match=r"see each other.*train\.packing=false"):
        preflight.prove_separate(model, [TrainingRow("a", [5, 6, 7, 8], [1] * 4, 4), *rows])


@pytest.mark.parametrize(("checkpointing", "times"), [(False, 1), (True, 2)])
def test_the_longest_batch_is_tried_as_it_will_be_trained(
    tiny_base, tiny_settings, rows, tmp_path, checkpointing, times
):
    """With checkpointing a layer is computed once more on the way back, in the trial as in the training."""
    from warmtune.training import Job, finetune
    from warmtune.training.distributed.world import world

    settings = dataclasses.replace(tiny_settings.train, gradient_checkpointing=checkpointing)
    job = Job(tmp_path / "rows", tiny_base, settings, tiny_settings.launch, 1, "Training", tmp_path)
    trainer, _ = finetune._trainer(rows, job, world(job.launch))
    seen = []
    layer = trainer.model.get_base_model().model.layers[0].mlp
    layer.register_forward_pre_hook(lambda *_: seen.append(1))
    preflight.try_longest(trainer, rows, job)
    assert len(seen) == times


def test_an_unknown_architecture_is_said(tiny_base, tiny_settings, tmp_path):
    from warmtune.training.lora_adapter import with_adapter

    (tmp_path / "config.json").write_text('{"model_type": "frobnicator"}')
    with pytest.raises(ModelError, match="does not know"):
        with_adapter(dataclasses.replace(tiny_base, folder=tmp_path), tiny_settings.train, 1, "cpu")


def test_missing_libraries_are_named_with_their_extra():
    settings = load("quickstart", ["launch=zero2", "train.use_liger_kernel=true"])
    with pytest.raises(LaunchError, match=r"deepspeed, liger_kernel.*warmtune\[deepspeed,liger\]"):
        check_installed(settings.train, settings.launch)


def test_a_tracker_is_one_that_transformers_knows_and_finds():
    def check(tracker):
        settings = load("quickstart", [f"train.report_to=[{tracker}]"])
        check_installed(settings.train, settings.launch)

    with pytest.raises(LaunchError, match=r"names 'wandbb'.*Did you mean 'wandb'\?.*comet_ml.*trackio"):
        check("wandbb")
    if importlib.util.find_spec("dvclive") is None:
        with pytest.raises(LaunchError, match=r"names dvclive, which cannot be used here:.*pip install dvclive"):
            check("dvclive")
    check("tensorboard")


def test_an_unknown_term_of_the_loss_stops_a_run_before_it_begins():
    settings = load("quickstart", ["train.loss_terms={frobnicate: 0.5}"])
    with pytest.raises(ModelError, match=r"train\.loss_terms names 'frobnicate'"):
        check_installed(settings.train, settings.launch)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["train.save_epochs=[1,3]"], "train.save_epochs names 3"),
        (["train.save_epochs=[1,0.5]"], "rising epochs"),
        (["train.use=0.5"], "no epoch whose adapter is kept"),
        (["train.neftune_noise_alpha=5"], "train.packing=false"),
        (["train=qlora", "launch=fsdp"], "cannot be shared out"),
        (["launch.nproc_per_node=2"], "launch.kind=single is one process"),
        (["launch.node_rank=1"], "counted from 0"),
        (["train=openai", "train.epochs=1.5"], "whole epochs only"),
        (["train.learning_rate=5"], "at most 0.1"),
        (["train.rank=5000"], "at most 1024"),
        (["train.loss_terms={kl: -1}"], "train.loss_terms"),
    ],
)
def test_settings_that_cannot_be_are_said(overrides, says):
    with pytest.raises(ConfigError, match=says.replace(".", r"\.")):
        load("quickstart", overrides)
