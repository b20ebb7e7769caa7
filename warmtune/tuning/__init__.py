"""Conversations into a LoRA adapter: rows with their loss masks, TRL's trainer, and the checks around it."""

from warmtune.tuning.rows import build_rows
from warmtune.tuning.stage import ADAPTER, CURVE, ORDER, train

__all__ = ["ADAPTER", "CURVE", "ORDER", "build_rows", "train"]
