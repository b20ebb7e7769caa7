"""The stage `train`: builds rows with loss masks, then trains one adapter per arm, here or with a service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from warmtune.io.schemas import (
    CONTROL_ROWS,
    CONVERSATIONS,
    REWRITTEN,
    STYLED_ROWS,
    TUNED,
    Conversation,
    Rewrite,
    VariantName,
    read,
)
from warmtune.models.base import load_tokenizer
from warmtune.pipeline.context import TORCH, RunContext
from warmtune.runs.keys import fingerprint, optional_version, versions
from warmtune.runs.store import Stage, StageOutput

ROWS_VERSION = 1
"""Raise it when the same inputs give other rows or loss masks."""
VERSION = 1
"""Raise it when the training's code makes another adapter from the same inputs."""
SERVICE_VERSION = 1
"""Raise it when the code sends the service something else for the same inputs."""


def train(run: RunContext) -> None:
    """Carry out the stage for both arms, control and styled, in the same way."""
    if run.settings.train.service is not None:
        for arm in TUNED:
            _tune_by_service(run, arm)
        return
    rows = _rows(run)
    _train_arm(run, "control", rows, CONTROL_ROWS)
    same_rows = rows.files[CONTROL_ROWS] == rows.files[STYLED_ROWS]  # at intensity 0
    _train_arm(run, "styled", rows, STYLED_ROWS, alias_of="train-control" if same_rows else None)


def _data(run: RunContext) -> dict[str, Any]:
    """Return the inputs that decide which conversations the arms are trained on."""
    return {
        "conversations": run.done["prepare"].files[CONVERSATIONS],
        "rewrites": run.done["rewrite"].files[REWRITTEN],
        "others": sorted(stage.files[REWRITTEN] for stage in _other_rewrites(run)),
    }


def _other_rewrites(run: RunContext) -> list[Stage]:
    """Return the stages of the other intensities. A conversation must have a rewrite in each to be trained on."""
    return [stage for name, stage in run.done.items() if name.startswith("rewrite@")]


def _rows(run: RunContext) -> Stage:
    s, prepared, rewritten = run.settings, run.done["prepare"], run.done["rewrite"]
    inputs = {
        "version": ROWS_VERSION,
        **_data(run),
        "template": run.base.rendering,
        "max_tokens": s.train.max_tokens,
        "too_long": s.train.too_long,
        "libraries": versions("transformers", "tokenizers"),
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.rewriting import check_changed
        from warmtune.training import build_rows

        rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
        check_changed(rewrites, s.style)
        return build_rows(
            read(prepared.folder / CONVERSATIONS, Conversation),
            rewrites,
            load_tokenizer(run.base),
            s.train.max_tokens,
            s.train.too_long,
            folder,
            [read(stage.folder / REWRITTEN, Rewrite) for stage in _other_rewrites(run)],
        )

    return run.stage("rows", inputs, work, "train: rows")


def _train_arm(run: RunContext, variant: VariantName, rows: Stage, file: str, alias_of: str | None = None) -> None:
    s, base = run.settings, run.base
    inputs = {
        "version": VERSION,
        "rows": rows.files[file],
        "base": (base.hub, base.revision, base.fingerprint),  # its folder does not count
        "train": s.train.key_settings,
        "launch": (s.launch.kind, s.launch.nproc_per_node, s.launch.nnodes),
        "seed": run.train_seed,
        "loss_terms": _term_constants(s.train.loss_terms),
        "libraries": versions(*TORCH, "trl", "accelerate") | _optional_versions(run),
    }
    title = run.title(variant)

    def work(folder: Path) -> StageOutput:
        from warmtune.training import Job, train

        return train(Job(rows.folder / file, base, s.train, s.launch, run.train_seed, f"Training {title}", folder))

    run.stage(f"train-{variant}", inputs, work, f"train: {title}", shared=True, alias_of=alias_of)


def _term_constants(weights: Mapping[str, float]) -> dict[str, str]:
    """Return what decides the terms of the loss beside their weights; imports torch only where there are terms."""
    if not any(weights.values()):
        return {}
    from warmtune.training.loss.term_registry import constants_of

    return constants_of(weights)


def _optional_versions(run: RunContext) -> dict[str, str | None]:
    """Return the versions of the optional libraries that this training uses, None for one that is not installed."""
    train, launch = run.settings.train, run.settings.launch
    used = {
        "bitsandbytes": train.quantization is not None or train.optimizer == "adamw-8bit",
        "liger-kernel": train.use_liger_kernel,
        "deepspeed": launch.kind in ("zero2", "zero3"),
    }
    return {name: optional_version(name) for name, is_used in used.items() if is_used}


def _tune_by_service(run: RunContext, variant: VariantName) -> None:
    s, prepared, rewritten = run.settings, run.done["prepare"], run.done["rewrite"]
    service, title = s.train.service, run.title(variant)
    assert service is not None
    inputs = {
        "version": SERVICE_VERSION,
        **_data(run),
        "arm": variant,
        "service": (service.model, service.base_url, service.learning_rate_multiplier, service.batch_size),
        "epochs": s.train.epochs,
        "seed": run.train_seed,
    }

    def work(folder: Path) -> StageOutput:
        from warmtune.rewriting import check_changed
        from warmtune.training.openai_service import conversations_of, tune

        conversations = read(prepared.folder / CONVERSATIONS, Conversation)
        others = [{r.id for r in read(o.folder / REWRITTEN, Rewrite)} for o in _other_rewrites(run)]
        rewrites = [r for r in read(rewritten.folder / REWRITTEN, Rewrite) if all(r.id in ids for ids in others)]
        check_changed(rewrites, s.style)
        rows = conversations_of(conversations, rewrites, variant == "styled")
        key = fingerprint(inputs)
        return tune(rows, service, int(s.train.epochs), run.train_seed, key, f"Tuning {title}", folder)

    run.stage(f"train-{variant}", inputs, work, f"train: {title}")
