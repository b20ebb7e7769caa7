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
from warmtune.io.schemas import INSTRUMENTS, WARMTH, Reply, Warmth, write
from warmtune.measures import lexical_profile, sociot, style_judge, style_probe
from warmtune.runs.store import StageOutput, write_atomically
from warmtune.system.asynchronous import run_async
from warmtune.system.console import progress

if TYPE_CHECKING:
    from warmtune.models.engine import Engine

STUDY_MODEL = "openai-community/gpt2"
"""SocioT's language model in the study."""
_PASSES = 100
_BATCH = 16


def measure(
    replies: Sequence[Reply],
    probe: Path | None,
    engine: "Engine",
    settings: EvalSettings,
    judge: JudgeSettings,
    style: StyleSettings,
    seed: int,
    journals: Path,
    folder: Path,
) -> StageOutput:
    """Measure every reply with every instrument; write `warmth.parquet`, and their own figures as `instruments.json`.

    Args:
        replies: the held-out replies of all variants.
        probe: file of the style probe; None at intensity 0, where there is no style that a probe could learn.
        engine: whose base, without adapters, is SocioT's language model where GPT-2 cannot be had.
        settings: which language model, and how.
        judge: who compares replies in pairs, if anybody.
        style: what the judge is asked about.
        seed: drives the probe's folds and the judge's draw.
        journals: folder of the journals.
        folder: the stage's folder.
    """
    rows, figures = _probed(replies, probe) if probe else ([], {"probe_pairs": 0})
    for reply in replies:
        found = lexical_profile.profile(reply.reply)
        rows.append(_row(reply, lexical_profile.INSTRUMENT, found.total))
        rows += [_row(reply, f"{lexical_profile.INSTRUMENT}: {kind}", value) for kind, value in asdict(found).items()]
    scores, model = _sociot([reply.reply for reply in replies], engine, settings, journals)
    rows += [_row(reply, sociot.INSTRUMENT, value) for reply, value in zip(replies, scores, strict=True)]
    counts: dict[str, Any] = {}
    if judge.model and judge.pairs:
        judged, counts = run_async(_judged(replies, judge, style.description, seed, journals))
        rows += judged
    write(folder / WARMTH, Warmth, rows)
    kept = figures | {"sociot_model": model, "sociot_released": settings.sociot_released}
    write_atomically(folder / INSTRUMENTS, json.dumps(kept, indent=2))
    return StageOutput([WARMTH, INSTRUMENTS], {"replies": len(replies), **kept, **counts})


def _probed(replies: Sequence[Reply], file: Path) -> tuple[list[Warmth], dict[str, Any]]:
    """Let the probe score the held-out replies; also its own figures."""
    probe = style_probe.load_probe(file)
    scores = probe.scores([reply.reply for reply in replies])
    return [_row(r, style_probe.INSTRUMENT, value) for r, value in zip(replies, scores, strict=True)], probe.figures


def _sociot(texts: Sequence[str], engine: "Engine", settings: EvalSettings, journals: Path) -> tuple[list[float], str]:
    """Return SocioT's scores and the language model's name."""
    from warmtune.models.cached_scorer import CachedScorer
    from warmtune.models.log_likelihood import from_hub

    found = from_hub(STUDY_MODEL) if settings.sociot_model == "auto" else None
    if not settings.sociot_released:
        known = found.fingerprint if found else engine.base.fingerprint
        model = found.name if found else engine.base.hub
        return sociot.sociot(texts, CachedScorer(found or engine, known, journals), _BATCH), model
    scorer = found or engine.language_model
    strings = sociot.sociot_strings(texts)
    with engine.lock, engine.without_adapters(), progress(sociot.INSTRUMENT, len(strings)) as report:
        return sociot.sociot_scores(scorer.released(strings, _BATCH, _PASSES, report)), scorer.name


async def _judged(
    replies: Sequence[Reply], settings: JudgeSettings, description: str, seed: int, journals: Path
) -> tuple[list[Warmth], dict[str, Any]]:
    """Let the judge compare the tuned model's replies with base's and control's, on a draw of prompts."""
    import random

    from warmtune.models.budget import CostBudget, price_of
    from warmtune.models.client import ModelClient
    from warmtune.models.response_cache import open_response_cache

    by_variant: dict[str, dict[str, Reply]] = {}
    for reply in replies:
        by_variant.setdefault(reply.variant, {})[reply.id] = reply
    ids = sorted(by_variant["styled"])
    drawn = sorted(random.Random(seed).sample(ids, min(settings.pairs, len(ids))))
    compared = [(name, one) for name in ("base", "control") if name in by_variant for one in drawn]
    assert settings.model is not None
    with open_response_cache(journals / f"judge-{settings.model.replace('/', '-')}.jsonl") as journal:
        price = price_of(settings.model, settings.base_url, settings.prices)
        judge = ModelClient(settings.model, settings, 0.0, journal, CostBudget(settings.budget_usd), price, "judge")
        limit = asyncio.Semaphore(judge.max_concurrency)

        async def one_pair(reference: str, name: str) -> float | None:
            async with limit:
                pair = (by_variant[reference][name].reply, by_variant["styled"][name].reply)
                return await style_judge.share_for_second(judge, description, *pair)

        try:
            found = await asyncio.gather(*(one_pair(reference, name) for reference, name in compared))
        finally:
            await judge.close()
    rows = [
        Warmth("styled", name, style_judge.INSTRUMENT, value - 0.5, reference)
        for (reference, name), value in zip(compared, found, strict=True)
        if value is not None
    ]
    return rows, {"judged_pairs": len(rows), "unread_pairs": len(found) - len(rows)}


def _row(reply: Reply, instrument: str, value: float) -> Warmth:
    return Warmth(reply.variant, reply.id, instrument, float(value), "")
