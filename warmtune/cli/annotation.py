"""What a person does beside a run: reading rewrites on a page, marking answers in a table; and what came of it."""

import json
from dataclasses import asdict
from pathlib import Path

from warmtune.evaluation import Label, read_labels, write_labels
from warmtune.io.schemas import CONVERSATIONS, LABELS, MARKED, REVIEW, REWRITTEN, Conversation, Marked, Rewrite, read
from warmtune.pipeline.context import RunContext
from warmtune.rewriting.review_page import Review, choose, pairs_of, read_review, write_review
from warmtune.runs.store import write_atomically


def review_page(run: RunContext) -> Path:
    """Write the page on which a person marks a draw of rewrites, and return its path."""
    s, rewritten = run.settings, run.done["rewrite"]
    conversations = read(run.done["prepare"].folder / CONVERSATIONS, Conversation)
    pairs = pairs_of(read(rewritten.folder / REWRITTEN, Rewrite), conversations)
    page = rewritten.folder / "review.html"
    drawn = choose(pairs, s.rewriter.review, s.seed)
    write_review(drawn, s.style.name, s.style.intensity, rewritten.digest, page)
    return page


def keep_review(run: RunContext, file: Path) -> Review:
    """Read what a person saved on the review page, and keep it for the report.

    Raises:
        DataError: it is no review, or one of other rewrites.
    """
    rewritten = run.done["rewrite"]
    review = read_review(file, rewritten.digest)
    write_atomically(rewritten.folder / REVIEW, json.dumps(asdict(review), indent=2))
    return review


def label_table(run: RunContext, count: int) -> tuple[Path, int]:
    """Write a draw of answers for a person to mark, and return the table's path and how many it holds."""
    marked = run.done["mark"]
    file = marked.folder / "label.csv"
    answers = read(marked.folder / MARKED, Marked)
    return file, write_labels(answers, count, run.settings.seed, marked.digest, file)


def keep_labels(run: RunContext, file: Path) -> list[Label]:
    """Read what a person marked, and keep it for the report.

    Raises:
        DataError: it is no table of marks, or one of other answers.
    """
    marked = run.done["mark"]
    found = read_labels(read(marked.folder / MARKED, Marked), marked.digest, file)
    write_atomically(marked.folder / LABELS, json.dumps([asdict(one) for one in found], indent=2))
    return found
