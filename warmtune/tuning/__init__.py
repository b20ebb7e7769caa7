"""Conversations into a LoRA adapter: rows with their loss masks, TRL's trainer, and the checks around it."""

from warmtune.tuning.job import Job
from warmtune.tuning.rows import build_rows
from warmtune.tuning.stage import ADAPTER, CURVE, EPOCHS, ORDER, train

__all__ = ["ADAPTER", "CURVE", "EPOCHS", "ORDER", "Job", "build_rows", "train"]
