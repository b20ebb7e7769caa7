"""Instruction data: read, label by query type, filter, sample, hold out."""

from warmtune.conversations.stage import prepare

__all__ = ["prepare"]
