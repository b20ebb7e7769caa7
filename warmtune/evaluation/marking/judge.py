"""The stage `mark`: the mark of every answer, by rule, and by a judge where no rule is sure."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from warmtune.config.evaluation_settings import JudgeSettings
from warmtune.errors import ModelError
from warmtune.evaluation.marking.rules import Mark, mark
from warmtune.io.schemas import MARKED, Answer, Marked, Message, Question, write
from warmtune.models.budget import CostBudget, price_of
from warmtune.models.client import ModelClient, NoAnswerError, json_in
from warmtune.models.response_cache import ResponseCache, open_response_cache
from warmtune.runs.store import StageOutput
from warmtune.system.asynchronous import run_async
from warmtune.system.console import progress

_TOKENS = 300
"""Most tokens of a verdict with its reason."""
_TRIES = 3
"""Times a judge is asked whose verdict cannot be read."""
_VERDICTS = ("correct", "incorrect", "refusal")


@dataclass(frozen=True)
class Verdict:
    """What a judge said of an answer."""

    mark: str
    reason: str


def mark_answers(
    answers: Sequence[Answer],
    questions: Mapping[tuple[str, str], Question],
    refusal_is_correct: frozenset[str],
    settings: JudgeSettings,
    seed: int,
    journals: Path,
    folder: Path,
) -> StageOutput:
    """Write `marked.parquet`: every answer with the mark that counts.

    Args:
        answers: of all variants.
        questions: what was asked, by benchmark and the question's id.
        refusal_is_correct: benchmarks in which a refusal is a right answer.
        settings: the judge, if there is one.
        seed: draws the second judge's sample.
        journals: folder of the journals, so that no verdict is paid for twice.
        folder: the stage's folder.

    Raises:
        ModelError: a judge cannot be used at all.
        BudgetError: the judge's budget is spent; verdicts so far are kept.
    """
    ruled = [_ruled(one, questions, one.benchmark in refusal_is_correct) for one in answers]
    first: dict[int, Verdict] = {}
    second: dict[int, Verdict] = {}
    counts: dict[str, Any] = {"judge": None}
    if settings.model:
        chosen = [n for n, one in enumerate(ruled) if settings.judges == "all" or not one.sure]
        chosen = [n for n in chosen if not answers[n].published]
        first, cost = _judged(answers, chosen, settings.model, settings, journals, "Judging")
        counts |= cost
        if settings.second:
            seconds = replace(settings, base_url=settings.second_base_url)
            drawn = sample_equally(answers, [one.verdict for one in ruled], chosen, settings.second_sample, seed)
            second, cost = _judged(answers, drawn, settings.second, seconds, journals, "Judging again")
            counts |= {f"second_{name}": value for name, value in cost.items()}
    rows = [
        _marked(one, ruled[n], first.get(n), second.get(n), one.benchmark in refusal_is_correct)
        for n, one in enumerate(answers)
    ]
    write(folder / MARKED, Marked, rows)
    refusals = dict(Counter(row.variant for row in rows if row.refuses))
    return StageOutput(
        [MARKED],
        {"marks": _by_variant(rows), "refusals": refusals, "by": dict(Counter(row.by for row in rows)), **counts},
    )


def _ruled(one: Answer, questions: Mapping[tuple[str, str], Question], refusal_is_correct: bool) -> Mark:
    """Mark an answer by the rules; one that was published with its mark keeps that."""
    if one.published:
        return Mark(one.published, "as published", refuses=one.published_refusal)  # type: ignore[arg-type]
    return mark(questions[one.benchmark, one.question_id], one.answer, refusal_is_correct)


def _marked(
    one: Answer, ruled: Mark, first: Verdict | None, second: Verdict | None, refusal_is_correct: bool
) -> Marked:
    counts: str = ruled.verdict
    if first is not None:
        counts = "correct" if first.mark == "refusal" and refusal_is_correct else first.mark
    by = "judge" if first is not None else "rule"
    return Marked(
        **vars(one),
        mark=counts,
        rule=ruled.rule,
        sure=ruled.sure,
        refuses=ruled.refuses,
        by="publication" if one.published else by,
        rule_mark=ruled.verdict,
        judge_mark=first.mark if first else "",
        judge_reason=first.reason if first else "",
        second_mark=second.mark if second else "",
    )


def sample_equally(
    answers: Sequence[Answer], marks: Sequence[str], among: Sequence[int], count: int, seed: int
) -> list[int]:
    """Draw places of answers, as equally over variants, benchmarks and marks as their numbers allow."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for n in among:
        groups.setdefault((answers[n].variant, answers[n].benchmark, marks[n]), []).append(n)
    generator = random.Random(seed)
    queues = [groups[key] for key in sorted(groups)]
    for queue in queues:
        generator.shuffle(queue)
    drawn: list[int] = []
    while any(queues) and len(drawn) < count:
        for queue in queues:
            if queue and len(drawn) < count:
                drawn.append(queue.pop())
    return sorted(drawn)


def judge_request(one: Answer, prompt: str) -> list[Message]:
    """Return what a judge is asked about an answer.

    Raises:
        ModelError: the prompt has a placeholder that is not known.
    """
    known: Mapping[str, str] = {
        "question": one.question,
        "reference": one.reference,
        "wrong": one.wrong or "(none is listed)",
        "answer": one.answer,
    }
    try:
        return [Message(role="user", content=prompt.format(**known))]
    except (KeyError, IndexError, ValueError) as error:
        raise ModelError(
            f"judge.prompt cannot be filled in ({type(error).__name__}: {error}); its placeholders are {{question}},"
            " {reference}, {wrong} and {answer}, and other braces are doubled."
        ) from None


def _judged(
    answers: Sequence[Answer], chosen: Sequence[int], name: str, settings: JudgeSettings, journals: Path, title: str
) -> tuple[dict[int, Verdict], dict[str, Any]]:
    price = price_of(name, settings.base_url, settings.prices)
    if settings.budget_usd and price is None:
        raise ModelError(
            f"judge.budget_usd is set, but the price of {name} is not known, so the budget cannot be kept; give it in a"
            " file named by judge.prices."
        )
    with open_response_cache(journals / f"judge-{name.replace('/', '-')}.jsonl") as journal:
        return run_async(_all(answers, chosen, name, settings, journal, CostBudget(settings.budget_usd), price, title))


async def _all(
    answers: Sequence[Answer],
    chosen: Sequence[int],
    name: str,
    settings: JudgeSettings,
    journal: ResponseCache,
    purse: CostBudget,
    price: Any,
    title: str,
) -> tuple[dict[int, Verdict], dict[str, Any]]:
    judge = ModelClient(name, settings, 0.0, journal, purse, price, "judge")
    limit = asyncio.Semaphore(judge.max_concurrency)
    asked: dict[str, asyncio.Task[Verdict]] = {}
    done = 0

    async def verdict(request: list[Message]) -> Verdict:
        nonlocal done
        async with limit:
            found = await _verdict(judge, request)
        done += 1
        report(done)
        return found

    requests = {n: judge_request(answers[n], settings.prompt) for n in chosen}
    with progress(title, len({request[0]["content"] for request in requests.values()})) as report:
        try:
            for request in requests.values():
                text = request[0]["content"]
                if text not in asked:  # the same answer to the same question is judged once
                    asked[text] = asyncio.create_task(verdict(request))
            await asyncio.gather(*asked.values())
        finally:
            for task in asked.values():
                task.cancel()
            await asyncio.gather(*asked.values(), return_exceptions=True)
            await judge.close()
    found = {n: asked[request[0]["content"]].result() for n, request in requests.items()}
    unread = sum(one.mark == "undecided" for one in found.values())
    counts = {"judge": name, "judged": len(found), "requests": judge.sent, "kept": judge.reused, "unread": unread}
    return found, counts | {"judge_usd": round(purse.spent, 4), "judge_tokens": list(judge.tokens)}


async def _verdict(judge: ModelClient, request: list[Message]) -> Verdict:
    said = ""
    for again in range(_TRIES):
        try:
            answered = await judge.generate(request, _TOKENS, again)
        except NoAnswerError as error:
            return Verdict("undecided", f"the judge gave no verdict: {error}")
        tree = json_in(answered.text)
        said = " ".join(answered.text.split())[:200]
        if tree.get("verdict") in _VERDICTS:
            return Verdict(str(tree["verdict"]), " ".join(str(tree.get("reason", "")).split()))
    return Verdict("undecided", f"the judge's verdict could not be read: {said}")


def _by_variant(rows: Sequence[Marked]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.variant, Counter())[row.mark] += 1
    return {name: dict(counter) for name, counter in found.items()}
