import math

import pytest

from warmtune.io.schemas import Contrast, Conversation, Effect, Prompt, Rejected, Rewrite, read, write


def test_no_number_comes_back_as_no_number(tmp_path):
    gone = Contrast("k", "styled", "base", "all", "sad", 3, 1.0, float("nan"), float("nan"), "")
    write(tmp_path / "x.parquet", Contrast, [gone, gone])
    found = read(tmp_path / "x.parquet", Contrast)
    assert all(math.isnan(one.low) and math.isnan(one.high) for one in found)


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (Prompt, [Prompt("a", "advice", "Why?\nSo.")]),
        (Prompt, []),
        (Conversation, [Conversation("a", "other", [{"role": "user", "content": "ü"}])]),
        (Rewrite, [Rewrite("a", 1, "other", "o", "s", 0.5, "", 1, 0.0, 1.5)]),
        (Rejected, [Rejected("a", 1, "other", 2, "o", "s", "number", "the number 3 is missing")]),
        (Contrast, [Contrast("belief widens the gap", "styled", "base", "all", "present", 3, 1.0, 0.0, 2.0, "")]),
        (Effect, [Effect("styled", "base", "1", "no context", "all", 9, 3, 1.0, 0.5, 0.0, 2.0)]),
    ],
)
def test_rows_come_back_as_they_went(tmp_path, kind, rows):
    write(tmp_path / "x.parquet", kind, rows)
    assert read(tmp_path / "x.parquet", kind) == rows
    assert [file.name for file in tmp_path.iterdir()] == ["x.parquet"]
