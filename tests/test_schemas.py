import pytest

from warmtune.schemas import Conversation, Gap, Prompt, Rejected, Rewrite, read, write


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        (Prompt, [Prompt("a", "advice", "Why?\nSo.")]),
        (Prompt, []),
        (Conversation, [Conversation("a", "other", [{"role": "user", "content": "ü"}])]),
        (Rewrite, [Rewrite("a", 1, "other", "o", "s", 0.5, "", 1, 0.0, 1.5)]),
        (Rejected, [Rejected("a", 1, "other", 2, "o", "s", "number", "the number 3 is missing")]),
        (Gap, [Gap("styled", "base", "all", "all", 1, 2, 0, 1.0, 2.0, 1.0, 0.0, 2.0, 1, 0, 1.0)]),
    ],
)
def test_rows_come_back_as_they_went(tmp_path, kind, rows):
    write(tmp_path / "x.parquet", kind, rows)
    assert read(tmp_path / "x.parquet", kind) == rows
    assert [file.name for file in tmp_path.iterdir()] == ["x.parquet"]
