"""Instruction data: read, label by query type, filter, sample, hold out."""

from warmtune.conversations.preparation import prepare

__all__ = ["prepare"]
