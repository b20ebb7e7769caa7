"""A person's part beside a run: tables of rewrites and of answers to mark, and the marks read back for the report."""

import json
from dataclasses import asdict
from pathlib import Path

from warmtune.evaluation import Label, read_labels, write_labels
from warmtune.io.schemas import CONVERSATIONS, LABELS, MARKED, REVIEW, REWRITTEN, Conversation, Marked, Rewrite, read
from warmtune.pipeline.context import RunContext
from warmtune.rewriting.review import Review, read_review, write_review
from warmtune.runs.store import write_atomically


def write_review_table(run: RunContext) -> tuple[Path, int]:
    """Write a draw of rewrites for a person to mark, and return the table's path and how many it holds."""
    s, rewritten = run.settings, run.done["rewrite"]
    rewrites = read(rewritten.folder / REWRITTEN, Rewrite)
    conversations = read(run.done["prepare"].folder / CONVERSATIONS, Conversation)
    file = rewritten.folder / "review.csv"
    return file, write_review(rewrites, conversations, s.rewriter.review_size, s.seed, rewritten.digest, file)


def keep_review(run: RunContext, file: Path) -> Review:
    """Read what a person marked of the rewrites, and keep it for the report.

    Raises:
        DataError: it is no table of rewrites, or one of other rewrites.
    """
    rewritten = run.done["rewrite"]
    review = read_review(read(rewritten.folder / REWRITTEN, Rewrite), rewritten.digest, file)
    write_atomically(rewritten.folder / REVIEW, json.dumps(asdict(review), indent=2))
    return review


def write_label_table(run: RunContext, count: int) -> tuple[Path, int]:
    """Write a draw of answers for a person to mark, and return the table's path and how many it holds."""
    marked = run.done["mark"]
    file = marked.folder / "label.csv"
    answers = read(marked.folder / MARKED, Marked)
    return file, write_labels(answers, count, run.settings.seed, marked.digest, file)


def keep_labels(run: RunContext, file: Path) -> list[Label]:
    """Read what a person marked of the answers, and keep it for the report.

    Raises:
        DataError: it is no table of answers, or one of other answers.
    """
    marked = run.done["mark"]
    found = read_labels(read(marked.folder / MARKED, Marked), marked.digest, file)
    write_atomically(marked.folder / LABELS, json.dumps([asdict(one) for one in found], indent=2))
    return found
