"""Annotation by a person: write tables of rewrites and answers to mark, and read the marks back for the report."""

import json
from dataclasses import asdict
from pathlib import Path

from warmtune.evaluation import Label, read_labels, write_labels
from warmtune.io.schemas import CONVERSATIONS, LABELS, MARKED, REVIEW, REWRITTEN, Conversation, Marked, Rewrite, read
from warmtune.pipeline.context import RunContext
from warmtune.rewriting.review import Review, read_review, write_review
from warmtune.runs.store import write_atomically


def write_review_table(run: RunContext) -> tuple[Path, int]:
    """Write a draw of rewrites for a person to mark; return the table's path and its number of rows."""
    s, rewritten = run.settings, run.done["rewrite"]
    rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
    conversations = read(run.done["prepare"].folder / CONVERSATIONS, Conversation)
    file = rewritten.folder / "review.csv"
    return file, write_review(rewrites, conversations, s.rewriter.review_size, s.seed, rewritten.digest, file)


def keep_review(run: RunContext, file: Path) -> Review:
    """Read a person's marks of the rewrites, and keep them for the report.

    Raises:
        DataError: the file is not a table of this run's rewrites.
    """
    rewritten = run.done["rewrite"]
    review = read_review(read(rewritten.folder / REWRITTEN, Rewrite), rewritten.digest, file)
    write_atomically(rewritten.folder / REVIEW, json.dumps(asdict(review), indent=2))
    return review


def write_label_table(run: RunContext, count: int) -> tuple[Path, int]:
    """Write a draw of answers for a person to mark; return the table's path and its number of rows."""
    marked = run.done["mark"]
    file = marked.folder / "label.csv"
    answers = read(marked.folder / MARKED, Marked)
    return file, write_labels(answers, count, run.settings.seed, marked.digest, file)


def keep_labels(run: RunContext, file: Path) -> list[Label]:
    """Read a person's marks of the answers, and keep them for the report.

    Raises:
        DataError: the file is not a table of this run's answers.
    """
    marked = run.done["mark"]
    labels = read_labels(read(marked.folder / MARKED, Marked), marked.digest, file)
    write_atomically(marked.folder / LABELS, json.dumps([asdict(label) for label in labels], indent=2))
    return labels
