"""Answers and warmth into a report: gaps, figures, Markdown and one self-contained HTML page."""

from warmtune.reporting.stage import report

__all__ = ["report"]
