"""Measure the house: its size, the debug recipe, the suite's coverage, and how long marking kept answers anew takes.

    make coverage
    make bench-house

Writes benchmarks/results/house.json. Coverage is that of the last `make coverage`; without one the figure is null.
"""

import ast
import io
import json
import subprocess
import sys
import tempfile
import time
import tokenize
from dataclasses import replace
from pathlib import Path
from typing import Any

from quickstart import LIBRARIES, document

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results" / "house.json"
ANSWERS = 100_000
ROOM = "warmtune"


def main() -> None:
    """Measure everything and write the figures."""
    files = sorted((ROOT / ROOM).rglob("*.py"))
    figures = {
        "root_files": len(list((ROOT / ROOM).glob("*.py"))),
        "python_files": len(files),
        "code_lines": sum(code_lines(file) for file in files),
        "debug_s": round(debug_seconds(), 1),
        "coverage_percent": coverage_percent(),
        "remark_100k_s": round(remark_seconds(), 1),
    }
    RESULTS.write_text(json.dumps(document(figures, LIBRARIES), indent=2) + "\n")
    print(RESULTS.read_text())


def code_lines(file: Path) -> int:
    """Count a file's lines of code: those that hold more than blanks, comments and docstrings."""
    source = file.read_text(encoding="utf-8")
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for statement in getattr(node, "body", []) if isinstance(getattr(node, "body", None), list) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                told |= set(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1))
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    held: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in empty:
            held |= set(range(token.start[0], token.end[0] + 1))
    return len(held - told)


def debug_seconds() -> float:
    """Run the recipe `debug` twice into fresh stores, and time the second run, whose caches are warm."""
    for _ in range(2):
        with tempfile.TemporaryDirectory() as store:
            started = time.monotonic()
            command = [sys.executable, "-m", "warmtune", "run", "debug", f"store={store}"]
            subprocess.run(command, check=True, capture_output=True)
            taken = time.monotonic() - started
    return taken


def coverage_percent() -> float | None:
    """Return the share of lines that the last `make coverage` saw run."""
    data = ROOT / ".coverage"
    if not data.is_file():
        return None
    command = [sys.executable, "-m", "coverage", "report", "--format=total", "--precision=1"]
    return float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def remark_seconds() -> float:
    """Mark 100,000 kept answers anew: the committed answers whose marks are known, each told apart by a number."""
    from warmtune.config.compose import benchmark_settings, load
    from warmtune.evaluation.benchmarks import load_benchmark
    from warmtune.io.schemas import ANSWERS as FILE
    from warmtune.io.schemas import QUESTIONS, Answer, Question, write
    from warmtune.pipeline.context import RunContext
    from warmtune.pipeline.mark_stage import mark
    from warmtune.runs.keys import sha256
    from warmtune.runs.store import Stage

    names = ("trivia", "misconceptions", "health", "conspiracy")
    loaded = [load_benchmark(benchmark_settings(name)) for name in names]
    asked = {q.id: replace(q, benchmark=one.settings.name) for one in loaded for q in one.questions}
    rows = _known()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "answers"
        folder.mkdir()
        answers = [_answer(asked[row["question_id"]], row["answer"], n) for n, row in enumerate(rows)]
        write(folder / FILE, Answer, answers)
        write(folder / QUESTIONS, Question, list(asked.values()))
        files = {name: sha256(folder / name) for name in (FILE, QUESTIONS)}
        from warmtune.evaluation import Variant

        stage = Stage("evaluate-base", folder, "kept", "kept", files, {}, 0.0, 0.0)
        run = RunContext(load("debug", [f"store={place}/runs"]), {"evaluate-base": stage})
        run.variants = [Variant("base")]
        started = time.monotonic()
        mark(run)
        return time.monotonic() - started


def _known() -> list[dict[str, Any]]:
    file = ROOT / "tests" / "evaluation" / "marking" / "marked_answers.jsonl"
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [rows[n % len(rows)] for n in range(ANSWERS)]


def _answer(question: Any, text: str, number: int) -> Any:
    from warmtune.io.schemas import Answer

    return Answer(
        variant="base",
        benchmark=question.benchmark,
        question_id=question.id,
        context="none",
        belief="",
        sample=number,
        topic="",
        prompt=question.question,
        question=question.question,
        reference=question.answer,
        wrong=question.wrong,
        answer=f"{text} ({'x' * (number % 97)})",
        tokens=len(text) // 4,
        stopped=True,
        published="",
        published_refusal=False,
    )


if __name__ == "__main__":
    main()
