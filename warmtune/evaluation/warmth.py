"""The manipulation check's instruments on held-out replies: style probe, lexical profile, SocioT, a judge in pairs.

Each gives one number a reply and a variant (the judge one a pair); intervals are made later (`warmtune.analysis`).
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmtune.config.evaluation_settings import EvalSettings, JudgeSettings
from warmtune.config.settings import StyleSettings
from warmtune.io.schemas import PROBE, WARMTH, Reply, Rewrite, Warmth, write
from warmtune.measures.instruments import sociot, sociot_scores, sociot_strings, style_probe
from warmtune.measures.lexical_profile import profile
from warmtune.runs.store import Outcome, write_atomically
from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.engine import Engine

STUDY_MODEL = "openai-community/gpt2"
"""SocioT's language model in the study."""
_PASSES = 100
_BATCH = 16


def measure(
    replies: Sequence[Reply],
    rewrites: Sequence[Rewrite],
    engine: "Engine",
    settings: EvalSettings,
    judge: JudgeSettings,
    style: StyleSettings,
    seed: int,
    journals: Path,
    folder: Path,
) -> Outcome:
    """Measure every reply with every instrument; write `warmth.parquet` and the instruments' own figures, `probe.json`.

    At intensity 0 there is no style that a probe could learn, and it is left out.

    Args:
        replies: the held-out replies of all variants.
        rewrites: the training replies before and after, from which the style probe learns.
        engine: whose base, without adapters, is SocioT's language model where GPT-2 cannot be had.
        settings: which language model, and how.
        judge: who compares replies in pairs, if anybody.
        style: what the judge is asked about.
        seed: drives the probe's folds and the judge's draw.
        journals: folder of the journals.
        folder: the stage's folder.
    """
    rows, figures = _probed(replies, rewrites, seed) if style.changes else ([], {"probe_pairs": 0})
    for reply in replies:
        found = profile(reply.reply)
        rows.append(_row(reply, "lexical profile", found.total))
        rows += [_row(reply, f"lexical profile: {kind}", value) for kind, value in asdict(found).items()]
    scores, model = _sociot([reply.reply for reply in replies], engine, settings, journals)
    rows += [_row(reply, "SocioT", value) for reply, value in zip(replies, scores, strict=True)]
    counts: dict[str, Any] = {}
    if judge.model and judge.pairs:
        judged, counts = asyncio.run(_judged(replies, judge, style.description, seed, journals))
        rows += judged
    write(folder / WARMTH, Warmth, rows)
    kept = figures | {"sociot_model": model, "sociot_released": settings.sociot_released}
    write_atomically(folder / PROBE, json.dumps(kept, indent=2))
    return Outcome([WARMTH, PROBE], {"replies": len(replies), **kept, **counts})


def _probed(replies: Sequence[Reply], rewrites: Sequence[Rewrite], seed: int) -> tuple[list[Warmth], dict[str, Any]]:
    """Let the probe learn from the training replies and score the held-out ones; also its own figures."""
    pairs = [(rewrite.id, rewrite.original, rewrite.styled) for rewrite in rewrites]
    probed, figures = style_probe(pairs, [reply.reply for reply in replies], seed)
    return [_row(reply, "style probe", value) for reply, value in zip(replies, probed, strict=True)], figures


def _sociot(texts: Sequence[str], engine: "Engine", settings: EvalSettings, journals: Path) -> tuple[list[float], str]:
    """Return SocioT's scores and the language model's name."""
    from warmtune.models.cached_scorer import Remembered
    from warmtune.models.log_likelihood import from_hub

    found = from_hub(STUDY_MODEL) if settings.sociot_model == "auto" else None
    if not settings.sociot_released:
        known = found.fingerprint if found else engine.base.fingerprint
        model = found.name if found else engine.base.hub
        return sociot(texts, Remembered(found or engine, known, journals), _BATCH), model
    scorer = found or engine.language_model
    strings = sociot_strings(texts)
    with engine.lock, engine.without_adapters(), progress("SocioT", len(strings)) as report:
        return sociot_scores(scorer.released(strings, _BATCH, _PASSES, report)), scorer.name


async def _judged(
    replies: Sequence[Reply], settings: JudgeSettings, description: str, seed: int, journals: Path
) -> tuple[list[Warmth], dict[str, Any]]:
    """Let the judge compare the tuned model's replies with base's and control's, on a draw of prompts."""
    import random

    from warmtune.models.budget import Purse, price_of
    from warmtune.models.client import Asker, share_for_second
    from warmtune.models.response_cache import open_journal

    by_variant: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        by_variant.setdefault(reply.variant, {})[reply.id] = reply
    ids = sorted(by_variant["styled"])
    drawn = sorted(random.Random(seed).sample(ids, min(settings.pairs, len(ids))))
    compared = [(name, one) for name in ("base", "control") if name in by_variant for one in drawn]
    assert settings.model is not None
    with open_journal(journals / f"judge-{settings.model.replace('/', '-')}.jsonl") as journal:
        price = price_of(settings.model, settings.base_url, settings.prices)
        judge = Asker(settings.model, settings, 0.0, journal, Purse(settings.budget_usd), price, "judge")
        limit = asyncio.Semaphore(judge.at_once)

        async def one_pair(reference: str, name: str) -> float | None:
            async with limit:
                pair = (by_variant[reference][name].reply, by_variant["styled"][name].reply)
                return await share_for_second(judge, description, *pair)

        try:
            found = await asyncio.gather(*(one_pair(reference, name) for reference, name in compared))
        finally:
            await judge.close()
    rows = [
        Warmth("styled", name, "judge", value - 0.5, reference)
        for (reference, name), value in zip(compared, found, strict=True)
        if value is not None
    ]
    return rows, {"judged_pairs": len(rows), "unread_pairs": len(found) - len(rows)}


def _row(reply: Reply, instrument: str, value: float) -> Warmth:
    return Warmth(reply.variant, reply.id, instrument, float(value), "")
