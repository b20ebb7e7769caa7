"""Where rows come from: JSON Lines, JSON, Parquet and CSV files, Hub datasets, and what ships with warmtune.

Rows are streamed, so that a file need not fit into memory. A line that cannot be read is a row like any other, with a
reason instead of content: what is done about it is decided where rows are counted.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import IO, Any

from warmtune.errors import DataError
from warmtune.settings import SourceSettings

_FORMATS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv")


@dataclass(frozen=True)
class Row:
    """One row of a source, not yet looked into."""

    where: str
    """File and line, or dataset and row, for people."""
    content: Any
    """What the row holds: a parsed object, or one line of JSON as bytes."""
    size: int
    """About how many bytes it takes."""


def rows(source: SourceSettings) -> Iterator[Row]:
    """Yield the rows of one source, in its order.

    Raises:
        DataError: the source is missing, unreadable as a whole, or of a file type that is not known.
    """
    if source.path == "embedded":
        return _lines("embedded conversations", embedded("conversations.jsonl").open("rb"))
    if source.path.startswith("hub:"):
        return _hub_rows(source)
    return _file_rows(Path(source.path))


def embedded(name: str) -> Path:
    """Return the path of a file that ships with this package."""
    return Path(str(resources.files("warmtune.conversations").joinpath("embedded", name)))


def _file_rows(path: Path) -> Iterator[Row]:
    if path.is_dir():
        raise DataError(
            f"data.path is the folder {path}; give one file ({', '.join(_FORMATS)}), or several sources with data.mix."
        )
    kinds = [suffix for suffix in path.suffixes if suffix != ".gz"]
    kind = kinds[-1].lower() if kinds else ""
    if kind not in _FORMATS:
        raise DataError(
            f"The data file {path} ends in '{kind}', but warmtune reads {', '.join(_FORMATS)} (also with .gz); name"
            " the file for what it is, or convert it."
        )
    try:
        stream = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
        first = stream.read(1)
        stream.seek(0)
    except (OSError, EOFError) as error:
        raise DataError(
            f"The data file {path} cannot be read ({getattr(error, 'strerror', None) or error}); data.path takes"
            " `embedded`, a file, or hub:org/name."
        ) from None
    del first
    if kind == ".parquet":
        return _parquet_rows(path)
    if kind in (".csv", ".tsv"):
        return _csv_rows(path, stream, "\t" if kind == ".tsv" else ",")
    return _json_rows(path, stream) if kind == ".json" else _lines(str(path), stream)


def _lines(name: str, stream: IO[bytes]) -> Iterator[Row]:
    """Yield the lines of a JSON Lines file; they are parsed where they are looked into, maybe in another process."""
    with stream:
        try:
            for number, line in enumerate(stream, start=1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if line.strip():
                    yield Row(f"{name} line {number}", line, len(line))
        except (OSError, EOFError) as error:
            raise DataError(f"{name} cannot be read to its end ({error}); the file is damaged, get it anew.") from None


def _json_rows(path: Path, stream: IO[bytes]) -> Iterator[Row]:
    """Yield the items of a JSON array, or of the one array inside an object; a .json of lines is read as lines."""
    head = stream.read(65536).lstrip(b"\xef\xbb\xbf \t\r\n")
    stream.seek(0)
    if head[:1] == b"{":
        try:
            json.loads(head.split(b"\n", 1)[0])
        except ValueError:
            return _items(path, stream, _array_key(path))
        return _lines(str(path), stream)
    return _items(path, stream, "item")


def _array_key(path: Path) -> str:
    """Return ijson's name for the items of the first array in a JSON object."""
    import ijson

    with path.open("rb") as stream:
        try:
            for prefix, event, _ in ijson.parse(stream):
                if event == "start_array":
                    return f"{prefix}.item"
        except ijson.JSONError as error:
            raise DataError(f"{path} is not JSON ({_short(error)}); save it as a JSON array or as JSON Lines.") from None
    raise DataError(f"{path} is one JSON object without a list of rows; save a JSON array, or JSON Lines.")


def _items(path: Path, stream: IO[bytes], key: str) -> Iterator[Row]:
    import ijson

    number = 0
    with stream:
        try:
            for number, item in enumerate(ijson.items(stream, key, use_float=True), start=1):
                yield Row(f"{path} item {number}", item, _size(item))
        except ijson.IncompleteJSONError:
            raise DataError(
                f"{path} ends in the middle, after item {number}: it was cut off while it was copied or written; get"
                " the whole file, or save what is there as JSON Lines."
            ) from None
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise DataError(
                f"{path} is not JSON after item {number} ({_short(error)}); mend it, or save it as JSON Lines, where one"
                " bad row costs one row."
            ) from None


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
    """Yield a CSV file's rows; a cell that holds a JSON list (such as `messages`) is parsed."""
    import io

    csv.field_size_limit(2**31 - 1)
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    with text:
        table = csv.DictReader(text, delimiter=separator)
        try:
            for row in table:
                content = {key: _cell(value) for key, value in row.items() if key is not None}
                yield Row(f"{path} line {table.line_num}", content, _size(content))
        except csv.Error as error:
            raise DataError(f"{path} line {table.line_num} is not CSV ({error}); mend it or save JSON Lines.") from None


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _hub_rows(source: SourceSettings) -> Iterator[Row]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    name = source.path.removeprefix("hub:")
    try:
        found = load_dataset(
            name, source.config, data_files=source.files, split=source.split, streaming=source.streaming
        )
        for number, item in enumerate(found, start=1):
            yield Row(f"{name} row {number}", item, _size(item))
    except (DatasetNotFoundError, ConnectionError, OSError, ValueError) as error:
        raise DataError(
            f"The Hub dataset {name} (split {source.split}) cannot be had: {_short(error)} Check data.path,"
            " data.config, data.files and data.split, log in with `hf auth login` if it is gated, or give a file."
        ) from None


def _size(item: Any) -> int:
    return len(str(item))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
