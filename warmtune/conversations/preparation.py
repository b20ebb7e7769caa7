"""The stage `prepare`: read sources of conversations, choose those to train on, and hold prompts out."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from warmtune.config.settings import DataSettings
from warmtune.conversations.embedded_data import embedded, rows
from warmtune.conversations.funnel import Funnel
from warmtune.conversations.query_types import query_types
from warmtune.conversations.safety import Detoxifier
from warmtune.conversations.sampling import Draw, Spool, distinct, drawn_in_proportion
from warmtune.conversations.screen import Candidate, CountTokens, Screen, find_form
from warmtune.errors import DataError
from warmtune.io.schemas import CONVERSATIONS, HELD_OUT, Conversation, Prompt, write, write_batches
from warmtune.runs.keys import optional_version
from warmtune.runs.store import StageOutput
from warmtune.system.console import print_status

_LOOKED_AT = 20
"""Rows that decide a file's form."""
_FEW = 200
"""Fewest rows before the share of bad rows counts."""


def prepare(data: DataSettings, seed: int, count_tokens: CountTokens, folder: Path) -> StageOutput:
    """Write `conversations.parquet` and `held_out.parquet`.

    Args:
        data: sources, filters and sizes.
        seed: drives every draw.
        count_tokens: counts a conversation's tokens; for large data it is sent to other processes.
        folder: the stage's folder.

    Returns:
        The two files, and the counts of the funnel.

    Raises:
        DataError: a source cannot be used, too many of its rows are bad, or too little is left.
    """
    types = query_types(data.query_types)
    funnel = Funnel()
    for spool_file in folder.glob(".spool-*"):
        spool_file.unlink()
    candidates = distinct(_screen(data, count_tokens, folder, funnel), data.similarity, funnel)
    _check_not_empty(candidates, data, funnel)
    draw = Draw(data, types.names, seed, Spool(folder), _safety(data, funnel), funnel)
    if data.path == "embedded" and not data.mix:
        prompts, rest = drawn_in_proportion(embedded_prompts(), data.held_out, types.names, seed), candidates
    else:
        prompts, rest = draw.hold_out(candidates)
    chosen = draw.train_on(rest, prompts)
    _check_not_empty(chosen, data, funnel)
    kept: Counter[str] = Counter(dict.fromkeys(types.names, 0))
    kept.update(candidate.label for candidate in chosen)
    counts = funnel.counts(+kept)
    replies = write_batches(folder / CONVERSATIONS, Conversation, _batches(chosen, draw.spool))
    write(folder / HELD_OUT, Prompt, prompts)
    for spool_file in folder.glob(".spool-*"):
        spool_file.unlink()
    by_type = dict(Counter(prompt.label for prompt in prompts))
    counts |= {"replies": replies, "held_out_prompts": len(prompts), "held_out_by_type": by_type}
    return StageOutput([CONVERSATIONS, HELD_OUT], counts)


def embedded_prompts() -> list[Prompt]:
    """Return the held-out prompts that ship with warmtune."""
    lines = embedded("held_out.jsonl").read_text(encoding="utf-8").splitlines()
    return [Prompt(**json.loads(line)) for line in lines if line.strip()]


def _screen(data: DataSettings, count_tokens: CountTokens, folder: Path, funnel: Funnel) -> list[Candidate]:
    screen = Screen(data, count_tokens, str(folder))
    candidates: list[Candidate] = []
    for number, source in enumerate(data.sources):
        stream = rows(source)
        first = list(islice(stream, _LOOKED_AT))
        if not first:
            raise DataError(f"{source.path} holds no conversation that can be used: 0 rows read, the source is empty.")
        part = Funnel()
        for screened in screen.all(chain(first, stream), number, find_form(first), os.cpu_count() or 1):
            part.add(screened.funnel)
            candidates += screened.candidates
            if part.read >= _FEW:
                _check_bad_rows(source.path, part, data.max_bad)
        _check_bad_rows(source.path, part, data.max_bad)
        funnel.add(part)
    if funnel.bad_count:
        shown = "\n".join(f"  {line}" for line in funnel.bad)
        print_status(f"{funnel.bad_count} of {funnel.read} rows skipped as bad, the first of them:\n{shown}")
    return candidates


def _check_bad_rows(path: str, part: Funnel, max_bad: float) -> None:
    if part.bad_count > max_bad * part.read:
        shown = "; ".join(part.bad)
        raise DataError(
            f"{path}: {part.bad_count} of the first {part.read} rows are bad, which is more than data.max_bad={max_bad}"
            f" allows; the first: {shown}. Mend the file, or allow more with data.max_bad=SHARE (they are skipped and"
            " counted)."
        )


def _safety(data: DataSettings, funnel: Funnel) -> Detoxifier | None:
    if data.unsafe is None:
        funnel.notes.append("Safety filter off: data.unsafe is null.")
        return None
    if optional_version("detoxify") is None:
        funnel.notes.append("Safety filter off: Detoxify is not installed (pip install 'warmtune[safety]').")
        return None
    return Detoxifier(data)


def _check_not_empty(candidates: list[Candidate], data: DataSettings, funnel: Funnel) -> None:
    if not candidates:
        why = "; ".join(f"{count} dropped: {reason} ({label})" for (reason, label), count in funnel.dropped.items())
        names = ", ".join(source.path for source in data.sources)
        raise DataError(
            f"{names} holds no conversation that can be used: {funnel.read} rows read, {why}. Give other data, or"
            " change the settings named."
        )


def _batches(chosen: list[Candidate], spool: Spool) -> Iterator[list[Conversation]]:
    """Yield the chosen conversations in batches of 512, so that memory use stays constant."""
    for start in range(0, len(chosen), 512):
        yield [spool.get(candidate) for candidate in chosen[start : start + 512]]
