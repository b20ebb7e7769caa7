"""Conversations into a LoRA adapter: rows with their loss masks, TRL's trainer, and the checks around it."""

from warmtune.training.distributed.job import Job
from warmtune.training.finetune import ADAPTER, CURVE, EPOCHS, ORDER, train
from warmtune.training.rows import build_rows

__all__ = ["ADAPTER", "CURVE", "EPOCHS", "ORDER", "Job", "build_rows", "train"]
