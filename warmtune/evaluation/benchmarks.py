"""Loads benchmarks: reads their rows, gives questions a wrong answer where they have none, and draws some."""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from warmtune.config.evaluation_settings import BenchmarkSettings
from warmtune.config.settings import SourceSettings
from warmtune.errors import DataError
from warmtune.evaluation.benchmark_formats import PREBUILT, READERS, RowError, named, with_wrong
from warmtune.evaluation.conditions import PromptSample
from warmtune.evaluation.study_files import prompts_of
from warmtune.io.schemas import Question
from warmtune.io.sources import Row, lines, parsed, rows

_BAD_SHOWN = 5
_KINDS = (
    ("year", re.compile(r"^(?:1\d|20)\d\d$")),
    ("number", re.compile(r"^[\d.,]+(?:\s\w+)?$")),
    ("name", re.compile(r"^(?:[A-Z][\w'.-]*\s+(?:[a-z]{2,3}\s+)?){1,3}[A-Z][\w'.-]*$")),
    ("proper", re.compile(r"^[A-Z]\S+$")),
    ("phrase", re.compile(r"")),
)
"""Sorts of answers, and the pattern that each is known by."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's questions."""

    settings: BenchmarkSettings
    questions: list[Question]
    notes: list[str]
    """Which of its rows were not used, and why."""
    prebuilt: tuple[PromptSample, ...] = ()
    """The prompts, where the benchmark is a file of prompts."""


def load_benchmark(settings: BenchmarkSettings) -> Benchmark:
    """Return a benchmark's questions, in the order of their ids.

    Raises:
        DataError: the source cannot be read, two different questions have one id, or more rows than the settings allow
            do not have the form that the settings name.
    """
    if settings.form == PREBUILT:
        return _prebuilt(settings)
    found: list[Question] = []
    bad: list[str] = []
    number = 0
    reader = READERS[settings.form]
    for row in _rows(settings):
        number += 1
        try:
            content = parsed(row)
            if not isinstance(content, dict):
                raise RowError("not an object")
            found.append(named(reader(content)))
        except (RowError, ValueError) as error:
            bad.append(f"{row.where}: {error}")
    shown = "; ".join(bad[:_BAD_SHOWN])
    if len(bad) > settings.max_bad * number:
        raise DataError(
            f"The benchmark {settings.name} ({settings.path}) has {len(bad)} of {number} rows that are not of the form"
            f" '{settings.form}', the first: {shown}. Mend the file, or name the form that it has."
        )
    if not found:
        raise DataError(f"The benchmark {settings.name} ({settings.path}) holds no question.")
    notes = [f"{settings.name}: {len(bad)} of {number} rows not used ({shown})"] if bad else []
    different = list(dict.fromkeys(found))
    if len(different) < len(found):
        notes.append(f"{settings.name}: {len(found) - len(different)} questions that occur again left out")
    _unique(different, settings)
    if settings.form == "triviaqa":
        different = with_plausible_wrong_answers(different)
    return Benchmark(settings, sorted(different, key=lambda question: question.id), notes)


def draw(benchmarks: Sequence[BenchmarkSettings], questions: int | Literal["all"], seed: int) -> list[Benchmark]:
    """Draw as many questions of each benchmark as its settings say, and of these `questions` in all, in proportion.

    Raises:
        ValueError: more are asked for than there are.
    """
    everything = [_drawn(load_benchmark(one), one.questions, seed) for one in benchmarks]
    total = sum(len(found.questions) for found in everything)
    if questions == "all":
        return everything
    if questions > total:
        raise ValueError(f"{questions} of {total} questions")
    exact = [questions * len(found.questions) / total for found in everything]
    take = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda n: (take[n] - exact[n], everything[n].settings.name))
    for n in by_remainder[: questions - sum(take)]:
        take[n] += 1
    return [_drawn(found, count, seed) for found, count in zip(everything, take, strict=True)]


def _drawn(found: Benchmark, count: int | None, seed: int) -> Benchmark:
    chosen = sampled(found.questions, count, found.settings.name, seed)
    names = {one.id for one in chosen}
    return replace(found, questions=chosen, prebuilt=tuple(one for one in found.prebuilt if one.question.id in names))


def _prebuilt(settings: BenchmarkSettings) -> Benchmark:
    """Return a benchmark whose prompts are the study's own, word for word."""
    asked = prompts_of(Path(settings.path), settings.name)
    kept = {(one.question.id, one.condition): one for one in reversed(asked)}
    notes = []
    if len(kept) < len(asked):
        notes.append(
            f"{settings.name}: {len(asked) - len(kept)} prompts left out, their question and condition occur twice"
        )
    questions = list({one.question.id: one.question for one in kept.values()}.values())
    order = sorted(kept, key=lambda key: (key[0], key[1].context, key[1].belief))
    return Benchmark(settings, sorted(questions, key=lambda q: q.id), notes, tuple(kept[key] for key in order))


def sampled(found: Sequence[Question], count: int | None, name: str, seed: int) -> list[Question]:
    """Draw some questions by a seed, and return them in the order of their ids."""
    if count is None or count >= len(found):
        return list(found)
    return sorted(random.Random(f"{seed}-{name}").sample(found, count), key=lambda question: question.id)


def with_plausible_wrong_answers(questions: Sequence[Question]) -> list[Question]:
    """Give each question that has no wrong answer the right answer of another question.

    The answer is of the same sort (a year, a person's name, ...) and comes from the question with the most similar
    words. It is never a form of a right answer.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit_transform(one.question for one in questions)
    likeness = (words @ words.T).tocsr()
    sorts = [next(name for name, look in _KINDS if look.search(one.answer)) for one in questions]
    made = []
    for place, one in enumerate(questions):
        right = {form.lower() for form in one.aliases}
        near = likeness[place].toarray()[0]
        order = sorted(range(len(questions)), key=lambda n: (sorts[n] != sorts[place], -near[n], questions[n].id))
        wrong = next((questions[n].answer for n in order if _other(questions[n].answer, right)), "")
        made.append(one if one.wrong or not wrong else with_wrong(one, wrong))
    return made


def _other(answer: str, right: set[str]) -> bool:
    small = answer.lower()
    return small not in right and not any(small in form or form in small for form in right)


def data_file(path: str) -> Path:
    """Return the file behind a benchmark's path, which may be embedded. For a Hub dataset it does not exist."""
    if not path.startswith("embedded:"):
        return Path(path)
    name = f"{path.removeprefix('embedded:')}.jsonl"
    return Path(str(resources.files("warmtune.evaluation").joinpath("embedded", name)))


def _rows(settings: BenchmarkSettings) -> Iterable[Row]:
    if settings.path.startswith("embedded:"):
        file = data_file(settings.path)
        if not file.is_file():
            raise DataError(f"There is no embedded benchmark '{settings.path}'.")
        return lines(settings.path, file.open("rb"))
    source = SourceSettings(settings.path, settings.split, settings.config, settings.files, revision=settings.revision)
    return rows(source, _is_row, f"the path of the benchmark {settings.name}")


def _is_row(content: Any) -> bool:
    return isinstance(content, dict) and any(isinstance(value, str) for value in content.values())


def _unique(found: Sequence[Question], settings: BenchmarkSettings) -> None:
    counts = Counter(one.id for one in found)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise DataError(
            f"The benchmark {settings.name} ({settings.path}) gives {len(twice)} ids to several questions, the first"
            f" '{twice[0]}'; every question needs an id of its own (leave ids out, and they are made from the text)."
        )
