"""The adapter with its cost on the card, into a folder."""

from warmtune.publishing.stage import publish

__all__ = ["publish"]
