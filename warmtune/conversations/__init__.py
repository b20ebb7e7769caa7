"""Prepare instruction data: read, filter, label by query type, sample, and hold prompts out."""

from warmtune.conversations.preparation import prepare

__all__ = ["prepare"]
