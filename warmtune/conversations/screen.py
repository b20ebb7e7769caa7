"""Turn rows into candidates: read, clean and label each row, and apply the rules that need no other row.

This takes most of the stage's time, so several processes share it. A process writes the conversations that pass to a
spool file, and returns only what the sampling needs.
"""

import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from warmtune.config.settings import DataSettings
from warmtune.conversations.clean import clean, truncate
from warmtune.conversations.dedup import signature, spaced
from warmtune.conversations.formats import ShapeError, UnusableError, form_of, refusal, turns_of
from warmtune.conversations.funnel import Funnel
from warmtune.conversations.pii import redact_pii
from warmtune.conversations.query_types import QueryTypes, query_types
from warmtune.errors import DataError
from warmtune.io.schemas import Conversation, Message
from warmtune.io.sources import Row, parsed
from warmtune.measures.language import language_of
from warmtune.runs.keys import fingerprint

CountTokens = Callable[[Sequence[Message], int], int]
"""Returns a conversation's tokens in the model's chat template; above the given limit, any larger number will do."""
_CHUNK_ROWS, _CHUNK_BYTES = 512, 16_000_000
_ALONE = 4
"""Chunks that this process screens before it starts others; small data needs no others."""
_SPOOL = ".spool-"


@dataclass(frozen=True)
class Candidate:
    """A conversation that may be sampled, without its text."""

    id: str
    """Fingerprint of its messages, before they are truncated and redacted."""
    text: str
    """Fingerprint of its messages, after they are truncated and redacted."""
    label: str
    source: int
    """Number of its source."""
    spool: str
    """Name of its spool file."""
    offset: int
    """Position of its line in the spool file, in bytes."""
    signature: Any
    """MinHash of its text; None where near-duplicates stay."""


@dataclass
class Screened:
    """The candidates and the counts of one chunk of rows."""

    candidates: list[Candidate] = field(default_factory=list)
    funnel: Funnel = field(default_factory=Funnel)


@dataclass(frozen=True)
class Screen:
    """The rules that judge each conversation by itself."""

    data: DataSettings
    count_tokens: CountTokens
    folder: str
    """Folder of the spool files."""

    @functools.cached_property
    def types(self) -> QueryTypes:
        """The query types, read when the first conversation is labelled."""
        return query_types(self.data.query_types)

    def all(self, rows: Iterable[Row], source: int, form: str, processes: int) -> Iterator[Screened]:
        """Screen rows, many of them in several processes; yield the results in the rows' order."""
        chunks = _chunks(rows)
        for chunk in islice(chunks, _ALONE):
            yield self(chunk, source, form)
        rest = next(chunks, None)
        if rest is None:
            return
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            waiting: list[Future[Screened]] = [pool.submit(self, rest, source, form)]
            for chunk in chunks:
                waiting.append(pool.submit(self, chunk, source, form))
                if len(waiting) > 2 * processes:
                    yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def __call__(self, chunk: list[Row], source: int, form: str) -> Screened:
        """Screen one chunk of rows of one form."""
        screened = Screened()
        spool = Path(self.folder) / f"{_SPOOL}{os.getpid()}"
        with spool.open("ab") as stream:
            for row in chunk:
                conversation = self._conversation(row, form, screened.funnel)
                if conversation is None:
                    continue
                minhash = None
                if self.data.duplicates == "near":
                    minhash = signature(" ".join(message["content"] for message in conversation.messages))
                offset = stream.tell()
                stream.write(
                    json.dumps(vars(conversation), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
                )
                text = fingerprint(conversation.messages)
                screened.candidates.append(
                    Candidate(conversation.id, text, conversation.label, source, spool.name, offset, minhash)
                )
        return screened

    def _conversation(self, row: Row, form: str, funnel: Funnel) -> Conversation | None:
        """Return a row's conversation; or count why the row is not used, and return None."""
        funnel.read += 1
        try:
            content = content_of(row)
            if form_of(content) != form:
                raise ShapeError("a row of another form than the file's first")
            turns = turns_of(content, form)
            for turn in turns:
                turn["content"].encode()
        except UnicodeEncodeError:
            funnel.drop_bad(row.where, "not UTF-8 text")
            return None
        except ShapeError as error:
            funnel.drop_bad(row.where, str(error))
            return None
        except UnusableError as error:
            funnel.drop(str(error))
            return None
        funnel.forms[form] += 1
        messages, reason = clean(turns, funnel.changed)
        if reason:
            funnel.drop(reason)
            return None
        given = content.get("label")
        label = given if given in self.types.names else self.types.of(messages)
        identity = fingerprint(messages)
        messages, reason = self._fitting(messages, funnel)
        if reason:
            funnel.drop(reason, label)
            return None
        name = f" (id {content['id']})" if isinstance(content.get("id"), str | int) else ""
        return Conversation(identity, label, messages, f"{row.where}{name}".encode(errors="replace").decode())

    def _fitting(self, messages: list[Message], funnel: Funnel) -> tuple[list[Message], str]:
        """Apply the settings; return the conversation, truncated and redacted, and the reason against it, or ""."""
        data, changes = self.data, []
        shorter = truncate(messages, data.max_turns)
        if len(shorter) < len(messages):
            changes.append(f"cut at data.max_turns ({data.max_turns})")
        if data.languages:
            language = language_of(" ".join(message["content"] for message in shorter))
            if language is None:
                changes.append("too little text to tell the language, kept")
            elif language not in data.languages:
                return messages, "language not among data.languages"
        if any(m["role"] == "assistant" and len(spaced(m["content"]).split()) < data.min_words for m in shorter):
            return messages, f"a reply shorter than data.min_words ({data.min_words})"
        if data.personal != "keep":
            shorter, kinds = _redact(shorter)
            if kinds and data.personal == "drop":
                return messages, "holds personal data"
            if kinds:
                changes.append("personal data masked")
        if self.count_tokens(shorter, data.max_tokens) > data.max_tokens:
            return messages, f"longer than data.max_tokens ({data.max_tokens})"
        funnel.changed.update(changes)
        return shorter, ""


def content_of(row: Row) -> Any:
    """Return a row's parsed content.

    Raises:
        ShapeError: the line is not UTF-8 or not JSON.
    """
    try:
        return parsed(row)
    except ValueError as error:
        raise ShapeError(str(error)) from None


def find_form(rows: Sequence[Row]) -> str:
    """Return the form of the first rows that have one.

    Raises:
        DataError: none of them is a conversation; the message says what the file holds instead.
    """
    first: tuple[Row, Any] | None = None
    bad: list[str] = []
    for row in rows:
        try:
            content = content_of(row)
        except ShapeError as error:
            bad.append(f"{row.where}: {error}")
            continue
        form = form_of(content)
        if form:
            return form
        first = first or (row, content)
    if first is None:
        raise DataError(
            f"No row could be read of the first {len(rows)}: {'; '.join(bad[:3])}. Save the data as JSON Lines in"
            " UTF-8, one object a line, or name the file for what it is (.json, .csv, .parquet)."
        )
    raise refusal(first[0].where, first[1])


def _redact(messages: list[Message]) -> tuple[list[Message], set[str]]:
    kinds: set[str] = set()
    redacted: list[Message] = []
    for message in messages:
        text, found_kinds = redact_pii(message["content"])
        kinds.update(found_kinds)
        redacted.append({"role": message["role"], "content": text})
    return redacted, kinds


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += row.size
        if len(chunk) == _CHUNK_ROWS or size > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
