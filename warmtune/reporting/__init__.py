"""Answers and warmth into a report: gaps, figures, Markdown and one self-contained HTML page."""

from warmtune.reporting.build_report import report

__all__ = ["report"]
