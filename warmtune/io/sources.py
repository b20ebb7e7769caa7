"""Reads rows of conversations and benchmarks from JSON Lines, JSON, Parquet and CSV files, and from Hub datasets.

Rows are streamed, so that a file need not fit into memory. Lines of JSON are parsed later, by `parsed`. Whoever counts
the rows decides what to do with a line that is not JSON.
"""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from warmtune.config.settings import SourceSettings
from warmtune.errors import DataError

_FORMATS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv")
_LISTS = ("messages", "conversations", "chosen", "rejected", "history", "instances", "chat")
"""Columns of a CSV file with JSON in their cells."""
_LONGEST = 64_000_000
"""Most bytes of a file's first line that are read to decide whether the file is JSON Lines or one object."""
_DAMAGE = (OSError, EOFError, zlib.error)


@dataclass(frozen=True)
class Row:
    """One row of a source, not parsed or checked yet."""

    where: str
    """File and line, or dataset and row, for error messages."""
    content: Any
    """The row: a parsed object, or one line of JSON as bytes."""
    size: int
    """Its approximate size in bytes."""


def rows(source: SourceSettings, is_row: Callable[[Any], bool], setting: str) -> Iterator[Row]:
    """Return an iterator over the rows of one source, in the source's order.

    Args:
        source: a file, or a Hub dataset as `hub:org/name`.
        is_row: returns whether an object is a row. A file with one object may hold a row, or a list of rows inside.
        setting: name of the setting with the source, for errors.

    Raises:
        DataError: the source is missing, damaged, or of an unknown file type.
    """
    if source.path.startswith("hub:"):
        return _hub_rows(source, setting)
    return _file_rows(Path(source.path), is_row, setting)


def read_yaml(file: Path, what: str) -> Any:
    """Return the content of a YAML file.

    Args:
        file: the file.
        what: what the file holds, for the error.

    Raises:
        DataError: the file cannot be read, or is not YAML.
    """
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{what} in {file} cannot be read: {' '.join(str(error).split())}") from None


def lines(name: str, stream: IO[bytes]) -> Iterator[Row]:
    """Yield the lines of a JSON Lines file as bytes. `parsed` parses them, perhaps in another process.

    Raises:
        DataError: the file cannot be read to its end.
    """
    with _whole(name), stream:
        for number, line in enumerate(stream, start=1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.strip():
                yield Row(f"{name} line {number}", line, len(line))


def parsed(row: Row) -> Any:
    """Return a row's content; parse it if it is a line of JSON.

    Raises:
        ValueError: the line is not UTF-8 or not JSON.
    """
    if not isinstance(row.content, bytes):
        return row.content
    try:
        return json.loads(row.content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("not UTF-8 text") from None
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def _file_rows(path: Path, is_row: Callable[[Any], bool], setting: str) -> Iterator[Row]:
    if path.is_dir():
        raise DataError(f"{setting} is the folder {path}; give one file ({', '.join(_FORMATS)}).")
    kinds = [suffix for suffix in path.suffixes if suffix != ".gz"]
    kind = kinds[-1].lower() if kinds else ""
    if kind not in _FORMATS:
        raise DataError(
            f"The data file {path} ends in '{kind}', but warmtune reads {', '.join(_FORMATS)} (also with .gz); name"
            " the file for what it is, or convert it."
        )
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    try:
        stream: IO[bytes] = opener(path, "rb")
        stream.read(1)
        stream.seek(0)
    except _DAMAGE as error:
        raise DataError(
            f"The data file {path} cannot be read ({getattr(error, 'strerror', None) or error}); {setting}"
            " takes a file or hub:org/name."
        ) from None
    if kind == ".parquet":
        stream.close()
        return _parquet_rows(path)
    if kind in (".csv", ".tsv"):
        return _csv_rows(path, stream, "\t" if kind == ".tsv" else ",")
    return _json_rows(path, stream, is_row) if kind == ".json" else lines(str(path), stream)


@contextmanager
def _whole(name: str) -> Iterator[None]:
    """Raise `DataError` inside the context if a file cannot be read or unpacked to its end."""
    try:
        yield
    except _DAMAGE as error:
        raise DataError(
            f"{name} cannot be read to its end ({_short(error)}); the file is damaged, get it anew."
        ) from None


def _json_rows(path: Path, stream: IO[bytes], is_row: Callable[[Any], bool]) -> Iterator[Row]:
    """Return the items of a JSON array, or of the first array inside an object; read a .json file of lines as lines."""
    with _whole(str(path)):
        start = len(codecs.BOM_UTF8) if stream.read(3) == codecs.BOM_UTF8 else 0
        stream.seek(start)
        first = next((line for line in iter(lambda: stream.readline(_LONGEST), b"") if line.strip()), b"")
        if not first or _is_line(first, stream, is_row):
            stream.seek(0)
            return lines(str(path), stream)
        stream.seek(start)
        key = "item"
        if first.lstrip().startswith(b"{"):
            key = _array_key(path, stream)
            stream.seek(start)
    return _items(path, stream, key)


def _is_line(first: bytes, rest: IO[bytes], is_row: Callable[[Any], bool]) -> bool:
    """Return whether a file's first line is a line of JSON Lines, not the whole of an object with an array.

    Such an object may stand on one line, but then no other line follows.
    """
    try:
        content = json.loads(first.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and (is_row(content) or any(line.strip() for line in rest))


def _array_key(path: Path, stream: IO[bytes]) -> str:
    """Return ijson's name for the items of the first array in a JSON object."""
    import ijson  # type: ignore[import-untyped,unused-ignore]

    try:
        for prefix, event, _ in ijson.parse(stream):
            if event == "start_array":
                return f"{prefix}.item"
    except (ijson.JSONError, UnicodeDecodeError) as error:
        raise _not_json(path, stream, 0, error) from None
    raise DataError(f"{path} is one JSON object without a list of rows; save a JSON array, or JSON Lines.")


def _items(path: Path, stream: IO[bytes], key: str) -> Iterator[Row]:
    import ijson

    number = 0
    with _whole(str(path)), stream:
        try:
            for number, item in enumerate(ijson.items(stream, key, use_float=True), start=1):
                yield Row(f"{path} item {number}", item, _size(item))
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise _not_json(path, stream, number, error) from None


def _not_json(path: Path, stream: IO[bytes], number: int, error: Exception) -> DataError:
    """Return the error for a file with which ijson failed after `number` items: it was cut off, or it is not JSON."""
    reason = _short(error)
    encoding = "utf" in reason.lower()
    if "premature EOF" in reason or "Incomplete" in reason or (encoding and _ends_inside_a_character(stream)):
        return DataError(
            f"{path} ends in the middle, after item {number}: it was cut off while it was copied or written; get"
            " the whole file, or save what is there as JSON Lines."
        )
    return DataError(
        f"{path} is not JSON after item {number} ({'it is not UTF-8 text' if encoding else reason}); mend it, or save"
        " it as JSON Lines, where one bad row costs one row."
    )


def _ends_inside_a_character(stream: IO[bytes]) -> bool:
    stream.seek(max(0, stream.seek(0, io.SEEK_END) - 4))
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    decoder.decode(stream.read())
    return bool(decoder.getstate()[0])


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for item in batch.to_pylist():
                    number += 1
                    yield Row(f"{path} row {number}", item, _size(item))
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a whole Parquet file ({_short(error)}); get it anew or convert it.") from None


def _csv_rows(path: Path, stream: IO[bytes], separator: str) -> Iterator[Row]:
    """Yield a CSV file's rows. Cells in columns of lists (such as `messages`) are parsed as JSON."""
    csv.field_size_limit(2**31 - 1)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    with _whole(str(path)), text:
        table = csv.DictReader(text, delimiter=separator)
        try:
            for row in table:
                content = {key: _cell(key, value) for key, value in row.items() if key is not None}
                yield Row(f"{path} line {table.line_num}", content, _size(content))
        except csv.Error as error:
            raise DataError(f"{path} line {table.line_num} is not CSV ({error}); mend it or save JSON Lines.") from None


def _cell(column: str, value: Any) -> Any:
    if column in _LISTS and isinstance(value, str) and value.startswith(("[", "{")):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _hub_rows(source: SourceSettings, setting: str) -> Iterator[Row]:
    from datasets.exceptions import DatasetGenerationError, DatasetsError

    from warmtune.io.hub_data import hub_rows

    name = source.path.removeprefix("hub:")
    try:
        for number, item in enumerate(hub_rows(source), start=1):
            yield Row(f"{name} row {number}", item, _size(item))
    except (DatasetsError, OSError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, DatasetGenerationError) else None
        raise DataError(
            f"The Hub dataset {name} (split {source.split}) cannot be had: {_short(cause or error)} Check {setting}"
            " and its config, files and split, log in with `hf auth login` if it is gated, or give a file."
        ) from None


def _size(item: Any) -> int:
    return len(str(item))


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
