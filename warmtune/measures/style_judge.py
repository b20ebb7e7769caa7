"""The judge of style: a model chooses which of two versions of a reply has more of a style."""

import asyncio
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from warmtune.io.schemas import Message, Reply, Warmth
from warmtune.measures.instrument import Instrument, Measured, Setup
from warmtune.runs.keys import versions
from warmtune.system.asynchronous import run_async

if TYPE_CHECKING:
    from warmtune.models.client import ModelClient

_VERDICT_TOKENS = 200
_WHICH = """\
Two versions of the same reply are given. The style in question: {description} Decide which version has more of this \
style. Judge the style alone, not what is said or how long it is. Answer with one JSON object and nothing else: \
{{"more": "A" or "B"}}"""


async def share_for_second(judge: "ModelClient", description: str, one: str, other: str) -> float | None:
    """Let a judge choose which of two versions of a reply has more of a style: blind, and in both orders.

    Returns:
        1 where it chose the second version both times, 0 where it chose the first both times, 0.5 where its choices
        differ, None where a verdict could not be read.
    """
    from warmtune.models.client import NoAnswerError, json_in

    choices = []
    for first, second, wanted in ((one, other, "B"), (other, one, "A")):
        request = [
            Message(role="system", content=_WHICH.format(description=description)),
            Message(role="user", content=f"<A>\n{first}\n</A>\n\n<B>\n{second}\n</B>"),
        ]
        try:
            more = json_in((await judge.generate(request, _VERDICT_TOKENS)).text).get("more")
        except NoAnswerError:
            return None
        if more not in ("A", "B"):
            return None
        choices.append(more == wanted)
    return sum(choices) / 2


def _inputs(setup: Setup) -> Any:
    judge = setup.judge
    if not (judge.model and judge.pairs):
        return None
    return judge.model, judge.base_url, judge.pairs, setup.style.description, versions("inspect-ai")


def _measure(replies: Sequence[Reply], setup: Setup) -> Measured:
    return run_async(_compared(replies, setup))


async def _compared(replies: Sequence[Reply], setup: Setup) -> Measured:
    """Let the judge compare the tuned model's replies with base's and control's, on a draw of prompts."""
    from warmtune.models.budget import CostBudget, price_of
    from warmtune.models.client import ModelClient
    from warmtune.models.response_cache import open_response_cache

    settings = setup.judge
    by_variant: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        by_variant.setdefault(reply.variant, {})[reply.id] = reply
    ids = sorted(by_variant["styled"])
    drawn = sorted(random.Random(setup.seed).sample(ids, min(settings.pairs, len(ids))))
    compared = [(name, one) for name in ("base", "control") if name in by_variant for one in drawn]
    assert settings.model is not None
    with open_response_cache(setup.journals / f"judge-{settings.model.replace('/', '-')}.jsonl") as journal:
        price = price_of(settings.model, settings.base_url, settings.prices)
        judge = ModelClient(settings.model, settings, 0.0, journal, CostBudget(settings.budget_usd), price, "judge")
        limit = asyncio.Semaphore(judge.max_concurrency)

        async def one_pair(reference: str, name: str) -> float | None:
            async with limit:
                pair = (by_variant[reference][name].reply, by_variant["styled"][name].reply)
                return await share_for_second(judge, setup.style.description, *pair)

        try:
            found = await asyncio.gather(*(one_pair(reference, name) for reference, name in compared))
        finally:
            await judge.close()
    rows = [
        Warmth("styled", name, INSTRUMENT.name, value - 0.5, reference)
        for (reference, name), value in zip(compared, found, strict=True)
        if value is not None
    ]
    return Measured(rows, {"judged_pairs": len(rows), "unread_pairs": len(found) - len(rows)})


INSTRUMENT = Instrument("judge", unit="share of choices − 0.5", digits=2, measure=_measure, inputs=_inputs)
