"""Reads the study's own files: its prompts (`eval_data/*.json`), and its judged answers (`*_outputs.csv`)."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warmtune.errors import DataError
from warmtune.evaluation.benchmark_formats import RowError
from warmtune.evaluation.conditions import Condition, PromptSample
from warmtune.io.schemas import Answer, Message, Question

CONTEXTS = {
    "unmodified": "none",
    "emotion:happy": "happy",
    "emotion:sad": "sad",
    "emotion:anger": "anger",
    "relation:close": "close",
    "relation:hierarchical_up": "hierarchical_up",
    "relation:hierarchical_down": "hierarchical_down",
    "stake:high": "high_stakes",
    "stake:low": "low_stakes",
}
"""The study's names of the contexts, and ours."""
_BELIEFS = {
    "original": "",
    "original_neutral": "",
    "original_combined": "",
    "incorrect": "incorrect",
    "correct": "correct",
}
_KINDS = {"triviaqa": "short", "trivia": "short", "truthfulqa": "open", "medqa": "open", "disinfo": "open"}


@dataclass(frozen=True)
class StudyRow:
    """One row of the study's files with our names, and without stray quotes and line breaks."""

    benchmark: str
    question: str
    reference: str
    wrong: str
    context: str
    belief: str
    neutral: bool
    """Whether the study put its sentence of small talk into the prompt."""
    prompt: str
    """Empty in files without prompts."""
    output: str
    evaluation: str
    refusal: bool | None
    """The file's own flag; None where it has none."""


def study_row(row: Mapping[str, Any]) -> StudyRow:
    """Read one row of any of the study's files.

    Raises:
        RowError: the question, the context or the form of the prompt is missing or not known.
    """
    fields = {key: str(value).strip() for key, value in row.items() if value is not None}
    disinfo, medqa = fields.get("prompt_disinfo", ""), fields.get("original_question", "")
    question = fields.get("content_key") or disinfo or medqa
    if not question:
        raise RowError("no content_key, prompt_disinfo or original_question")
    named = _first_line(fields.get("amendment_type", ""))
    if named not in CONTEXTS:
        raise RowError(f"amendment_type is '{named}', which is no context of the study's")
    template = _first_line(fields.get("prompt_template") or fields.get("prompt_type", ""))
    if template not in _BELIEFS:
        raise RowError(f"the form of the prompt is '{template}', which is none of the study's")
    refusal = fields.get("refusal", "")
    return StudyRow(
        benchmark="disinfo" if disinfo else "medqa" if medqa else "",
        question=tidied(question),
        reference=fields.get("correct_answer") or fields.get("ground_truth") or fields.get("answer") or "",
        wrong=fields.get("incorrect_answer") or fields.get("ground_false") or fields.get("wrong_answer") or "",
        context=CONTEXTS[named],
        belief=_BELIEFS[template],
        neutral=template == "original_neutral",
        prompt=tidied(fields.get("prompt", "")),
        output=without_marker(fields.get("output", "")),
        evaluation=fields.get("evaluation", "").upper(),
        refusal=None if refusal == "" else refusal not in ("0", "0.0", "False"),
    )


def read_study_file(file: Path) -> list[StudyRow]:
    """Read a file of prompts (JSON lines, whatever its name ends in) or of answers (CSV).

    Raises:
        DataError: it cannot be read, or a row is not the study's.
    """
    found = []
    for where, row in _raw(file):
        try:
            found.append(study_row(row))
        except RowError as error:
            raise DataError(f"{file} {where} is not a row of the study's files: {error}.") from None
    if not found:
        raise DataError(f"{file} holds no row.")
    return found


def prompts_of(file: Path, benchmark: str) -> list[PromptSample]:
    """Return a file's prompts. They are asked word for word.

    Raises:
        DataError: the file cannot be read, or a row has no prompt or no reference answer.
    """
    asked = []
    for number, row in enumerate(read_study_file(file), start=1):
        if not row.prompt or not row.reference:
            lacks = "prompt" if not row.prompt else "correct_answer, ground_truth or answer"
            raise DataError(f"{file} row {number} has no {lacks}, so it cannot be asked and marked.")
        question = Question(
            id=_identity(row.question),
            topic="",
            kind="short" if _KINDS.get(row.benchmark or benchmark) == "short" else "open",
            question=row.question,
            answer=row.reference,
            aliases=(row.reference,),
            wrong=row.wrong,
            wrong_aliases=(row.wrong,) if row.wrong else (),
        )
        context = "neutral" if row.neutral and row.context == "none" else row.context
        asked.append(
            PromptSample(question, Condition(context, row.belief), (Message(role="user", content=row.prompt),))
        )
    return asked


def answers_of(file: Path, variant: str, benchmark: str) -> list[Answer]:
    """Return a file's judged answers, so that they can stand beside a run's own.

    A row that the file holds twice counts once. The file's flag says which answers are refusals.
    """
    found: dict[tuple[str, ...], Answer] = {}
    for row in read_study_file(file):
        published = {"CORRECT": "correct", "INCORRECT": "incorrect"}.get(row.evaluation, "undecided")
        refused = bool(row.refusal)
        if refused and (row.benchmark or benchmark) != "disinfo":
            published = "refusal"
        context = "neutral" if row.neutral and row.context == "none" else row.context
        found.setdefault(
            (row.question, context, row.belief, str(row.neutral), row.output),
            Answer(
                variant=variant,
                benchmark=row.benchmark or benchmark,
                question_id=_identity(row.question),
                context=context,
                belief=row.belief,
                sample=0,
                topic="",
                prompt=row.prompt,
                question=row.question,
                reference=row.reference,
                wrong=row.wrong,
                answer=row.output,
                tokens=0,
                stopped=True,
                published=published,
                published_refusal=refused,
            ),
        )
    return list(found.values())


def tidied(text: str) -> str:
    """Return a text without doubled full stops, doubled quotes and stray spaces.

    >>> tidied('Is this right?. He said ""no"".. So  what')
    'Is this right? He said "no". So what'
    """
    flat = re.sub(r'""', '"', " ".join(text.split()))
    return re.sub(r"(?<!\.)\.\.(?!\.)", ".", re.sub(r"([?!])\.", r"\1", flat))


def without_marker(output: str) -> str:
    """Return an answer without the word `assistant` that the study's generation left before it."""
    return re.sub(r"^\s*assistant\s*(?:\r?\n)+", "", output).strip()


def _first_line(text: str) -> str:
    return re.split(r"[\r\n]", text)[0].strip()


def _identity(question: str) -> str:
    import hashlib

    return hashlib.sha256(question.encode()).hexdigest()[:12]


def _raw(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}") from None
    if file.suffix == ".csv":
        csv.field_size_limit(2**31 - 1)
        table = csv.DictReader(io.StringIO(text, newline=""))
        try:
            for row in table:
                yield f"line {table.line_num}", row
        except csv.Error as error:
            raise DataError(f"{file} line {table.line_num} is not CSV ({error}).") from None
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except ValueError:
                raise DataError(
                    f"{file} line {number} is not JSON; the study's prompt files have an object a line."
                ) from None
