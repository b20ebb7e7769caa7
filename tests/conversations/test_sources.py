import dataclasses
import gzip
import json

import pyarrow
import pyarrow.parquet
import pytest

from warmtune.config.settings import SourceSettings
from warmtune.conversations.embedded_data import rows
from warmtune.conversations.screen import parsed
from warmtune.errors import DataError

ASK, SAY = {"role": "user", "content": "Why, café?"}, {"role": "assistant", "content": 'He said: "So,\nthere."'}
ROWS = [{"messages": [ASK, SAY]}, {"messages": [ASK, SAY, ASK, SAY]}]
TEXT = json.dumps(ROWS, ensure_ascii=False)
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = "messages\n" + "".join('"' + json.dumps(row["messages"]).replace('"', '""') + '"\n' for row in ROWS)
BOM = "\ufeff"


def read(path, **more):
    return [parsed(row) for row in rows(SourceSettings(str(path), **more))]


def zipped(text):
    return gzip.compress(text.encode())


def _torn(packed):
    """Return a packed file with bytes in its middle that are none of zlib's."""
    return packed[:20] + b"\xff" * 20 + packed[40:]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES),
        ("a.ndjson", LINES.replace("\n", "\r\n\r\n")),
        ("a.jsonl", BOM + LINES),
        ("a.jsonl", LINES.rstrip()),
        ("A.JSONL", LINES),
        ("a.jsonl.gz", zipped(LINES)),
        ("a.json", LINES),
        ("a.json", BOM + LINES),
        ("a.json", TEXT),
        ("a.json", json.dumps(ROWS, indent=2)),
        ("a.json", BOM + TEXT),
        ("a.json.gz", zipped(TEXT)),
        ("a.json", json.dumps({"version": 1, "data": ROWS}, indent=2)),
        ("a.json", json.dumps({"data": ROWS}) + "\n"),
        ("a.json", BOM + json.dumps({"data": ROWS}, indent=2)),
        ("a.json.gz", zipped(json.dumps({"data": ROWS}, indent=2))),
        ("a.json.gz", zipped(BOM + "\n" + json.dumps({"data": ROWS}))),
        ("a.csv", CSV),
        ("a.csv", BOM + CSV),
        ("a.csv.gz", zipped(CSV)),
        ("a.tsv", CSV),
    ],
)
def test_every_file_format_gives_the_same_rows(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert read(file) == ROWS


def test_json_lines_in_a_json_file_with_a_long_first_line(tmp_path):
    long = {"messages": [{**ASK, "content": "Why? " * 20_000}, SAY]}
    (tmp_path / "a.json").write_text(json.dumps(long) + "\n" + json.dumps(ROWS[0]))
    assert read(tmp_path / "a.json") == [long, ROWS[0]]


def test_parquet(tmp_path):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == ROWS


def test_a_json_file_may_hold_a_single_row(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(ROWS[0]))
    assert read(tmp_path / "a.json") == ROWS[:1]


@pytest.mark.parametrize("reply", ["[sic", "{x}", "[1, 2, 3]", '{"a": 1}'])
def test_a_csv_reply_that_looks_like_json_stays_text(tmp_path, reply):
    quoted = reply.replace('"', '""')
    (tmp_path / "a.csv").write_text(f'instruction,output\nSort.,"{quoted}"\n')
    assert read(tmp_path / "a.csv") == [{"instruction": "Sort.", "output": reply}]


def test_rows_say_where_they_are(tmp_path):
    (tmp_path / "a.jsonl").write_text("\n" + LINES)
    assert [row.where for row in rows(SourceSettings(str(tmp_path / "a.jsonl")))] == [
        f"{tmp_path}/a.jsonl line 2",
        f"{tmp_path}/a.jsonl line 3",
    ]


def test_the_embedded_conversations_are_a_source():
    assert len(read("embedded")) == 144


@pytest.mark.parametrize("streaming", [False, True])
def test_a_hub_dataset(tmp_path, monkeypatch, streaming):
    """`datasets` takes a folder in the Hub's layout by the same name, so this goes without the network."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "org" / "name"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text(LINES)
    (folder / "more.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
    assert read(f"hub:{folder}", files="train.jsonl", streaming=streaming) == ROWS
    assert read(f"hub:{folder}", files="more.jsonl", streaming=streaming) == ROWS[:1]
    with pytest.raises(DataError, match=r"split test.*cannot be had.*data\.path"):
        read(f"hub:{folder}", split="test", streaming=streaming)


@pytest.mark.parametrize("streaming", [False, True])
def test_a_hub_dataset_with_a_broken_file(tmp_path, monkeypatch, streaming):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "org" / "name"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text(LINES + "{broken\n")
    with pytest.raises(DataError, match=r"Hub dataset .* cannot be had"):
        read(f"hub:{folder}", streaming=streaming)


def test_a_hub_dataset_that_cannot_be_had():
    with pytest.raises(DataError, match="Hub dataset nobody/nothing"):
        read("hub:nobody/nothing")


def _parquet(tmp_path):
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "whole")
    return (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", TEXT[:-40].encode(), r"ends in the middle, after item 1: .*cut off"),
        ("a.json", json.dumps({"data": ROWS}, indent=2)[:-60].encode(), "ends in the middle, after item 1"),
        ("a.json", b'[{"a": 1}, {"a": "caf\xc3', "ends in the middle, after item 1"),
        ("a.json", b'{"data": ', "ends in the middle, after item 0"),
        ("a.json", b'[{"a": 1}, {"b": oops}, {"c": 3}]', "is not JSON after item 1 .*invalid char"),
        ("a.json", '[{"a": 1}, {"a": "café"}]'.encode("latin-1"), "is not JSON after item 1 .*not UTF-8"),
        ("a.json", '{"é": [1]}'.encode("latin-1"), "is not JSON after item 0 .*not UTF-8"),
        ("a.json", b"<html>", "is not JSON after item 0 .*invalid char"),
        ("a.json", b'{\n "version": 1\n}', "without a list of rows"),
        ("a.txt", b"x", r"ends in '\.txt'.*\.jsonl"),
        ("a", b"x", "reads .*jsonl"),
        ("a.jsonl.gz", b"not zipped", "cannot be read"),
        ("a.json.gz", zipped(TEXT)[:-12], "damaged"),
        ("a.json.gz", zipped(json.dumps({"data": ROWS}, indent=2))[:-12], "damaged"),
        ("a.jsonl.gz", zipped(LINES * 9)[:-12], "damaged"),
        ("a.jsonl.gz", _torn(zipped(LINES * 99)), "damaged|cannot be read"),
        ("a.csv.gz", zipped(CSV)[:-12], "damaged"),
        ("a.csv.gz", _torn(zipped(CSV * 99)), "damaged|cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=says):
        read(tmp_path / name)


@pytest.mark.parametrize("kept", [0, 10, 300, -4])
def test_a_truncated_parquet_file_is_refused(tmp_path, kept):
    (tmp_path / "a.parquet").write_bytes(_parquet(tmp_path)[:kept])
    with pytest.raises(DataError, match="not a whole Parquet file") as error:
        read(tmp_path / "a.parquet")
    assert "\n" not in str(error.value)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(DataError, match="is the folder"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"No such file.*hub:org/name"):
        read(tmp_path / "none.jsonl")


def test_bad_lines_are_skipped_counted_and_shown(prepared, row, tmp_path, capsys):
    lines = [json.dumps(row(n)).encode() for n in range(40)]
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n".join([*lines, '{"messages": "café"}'.encode("latin-1"), lines[0][:-9]]))
    counts, _, _ = prepared(file)
    assert counts["read"] == 42
    assert counts["kept"] == 36
    assert counts["bad_rows"] == [f"{file} line 41: not UTF-8 text", f"{file} line 42: not JSON"]
    shown = capsys.readouterr().err
    assert "2 of 42 rows" in shown
    assert "line 42: not JSON" in shown


def test_a_latin_1_cell_is_one_bad_row(prepared, texts, tmp_path):
    cells = ['"{}","{}"'.format(*texts(n)) for n in range(40)]
    (tmp_path / "a.csv").write_bytes("\n".join(["prompt,response", *cells, "café,So."]).encode("latin-1"))
    assert prepared(tmp_path / "a.csv")[0]["bad_rows"] == [f"{tmp_path}/a.csv line 42: not UTF-8 text"]


def test_too_many_bad_rows_stop_with_the_first_five(prepared, row, jsonl):
    file = jsonl(*[row(n) for n in range(40)], *[f"bad {n}" for n in range(7)])
    with pytest.raises(DataError, match=r"7 of the first 47 rows are bad.*data\.max_bad=0\.05") as error:
        prepared(file)
    assert [f"line {n}:" in str(error.value) for n in range(40, 48)] == [False, *[True] * 5, False, False]
    assert prepared(file, max_bad=0.2)[0]["kept"] == 36


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_an_empty_file_is_refused(prepared, tmp_path, name):
    (tmp_path / name).write_text("\n")
    with pytest.raises(DataError, match="empty"):
        prepared(tmp_path / name)


@pytest.mark.parametrize("piece", ["word ", "a.b@", "555-123-", "x" * 99 + "\n"])
def test_a_line_of_ten_megabytes_is_left_out_as_too_long(prepared, row, jsonl, piece):
    long = row(99)
    long["messages"][1]["content"] = piece * (10_000_000 // len(piece))
    file = jsonl(*[row(n) for n in range(8)], long)
    counts, _, _ = prepared(file, tokens=lambda messages, limit: sum(len(m["content"]) for m in messages) // 4)
    assert counts["kept"] == 4
    assert sum(counts["dropped"]["longer than data.max_tokens (1024)"].values()) == 1


def test_sources_of_a_mix_have_their_own_settings(quickstart):
    assert quickstart.data.sources == (SourceSettings("embedded"),)
    mix = (SourceSettings("a.jsonl", weight=2.0), SourceSettings("hub:org/name", split="test"))
    assert dataclasses.replace(quickstart.data, mix=mix).sources == mix
