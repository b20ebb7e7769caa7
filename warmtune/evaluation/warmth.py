"""The manipulation check's instruments on held-out replies: style probe, lexical profile, SocioT.

Each gives one number a reply and a variant; intervals are made later, from the pairs (`warmtune.analysis`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from warmtune.instruments import sociot, style_probe
from warmtune.lexicon import profile
from warmtune.schemas import PROBE, WARMTH, Reply, Rewrite, Warmth, write
from warmtune.store import Outcome, write_atomically

if TYPE_CHECKING:
    from warmtune.generation.engine import Engine


def measure(
    replies: Sequence[Reply], rewrites: Sequence[Rewrite], engine: "Engine", seed: int, folder: Path
) -> Outcome:
    """Measure every reply with every instrument; write `warmth.parquet` and the probe's own figures, `probe.json`.

    Args:
        replies: the held-out replies of all variants.
        rewrites: the training replies before and after, from which the style probe learns.
        engine: whose base, without adapters, is SocioT's language model.
        seed: drives the probe's folds.
        folder: the stage's folder.
    """
    pairs = [(rewrite.id, rewrite.original, rewrite.styled) for rewrite in rewrites]
    probed, figures = style_probe(pairs, [reply.reply for reply in replies], seed)
    rows = [_row(reply, "style probe", value) for reply, value in zip(replies, probed, strict=True)]
    for reply in replies:
        found = profile(reply.reply)
        rows.append(_row(reply, "lexical profile", found.total))
        rows += [_row(reply, f"lexical profile: {kind}", value) for kind, value in asdict(found).items()]
    scores = sociot([reply.reply for reply in replies], engine)
    rows += [_row(reply, "SocioT", value) for reply, value in zip(replies, scores, strict=True)]
    write(folder / WARMTH, Warmth, rows)
    write_atomically(folder / PROBE, json.dumps(figures | {"sociot_model": engine.base.hub}, indent=2))
    return Outcome([WARMTH, PROBE], {"replies": len(replies), **figures})


def _row(reply: Reply, instrument: str, value: float) -> Warmth:
    return Warmth(reply.variant, reply.id, instrument, float(value))
