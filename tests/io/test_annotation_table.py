import csv
import io

import pytest

from warmtune.errors import DataError
from warmtune.io.annotation_table import AnnotationTable

TABLE = AnnotationTable("fruit", "warmtune fruit --mark", ("name", "says"), {"ripe": ("yes", "no"), "note": ()})
ROWS = {"3/1": ("pear", "It is\n“soft”, they say; so eat it."), "a b": ("plum", "梅 𝒳"), "=1+1": ("fig", "")}
DIGEST = "12345678abcd"


@pytest.fixture
def file(tmp_path):
    TABLE.write(ROWS, DIGEST, tmp_path / "table.csv")
    return tmp_path / "table.csv"


def _cells(file):
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


def _save(file, rows, encoding="utf-8", **how):
    """Save cells as a spreadsheet would."""
    text = io.StringIO(newline="")
    csv.writer(text, **how).writerows(rows)
    file.write_bytes(text.getvalue().encode(encoding))


def _fill(file, *marks, **how):
    heading, *rows = _cells(file)
    _save(file, [heading, *([*row[:-2], *mark] for row, mark in zip(rows, marks, strict=True))], **how)


def _read(file, known=ROWS, digest=DIGEST):
    return TABLE.read(known, digest, file)


def test_the_texts_are_there_as_they_are_and_the_last_columns_are_empty(file):
    heading, *rows = _cells(file)
    assert heading == ["id (of 3)", "name", "says", "ripe (yes, no)", "note (if you like)"]
    assert [row[1:] for row in rows] == [[*texts, "", ""] for texts in ROWS.values()]
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")


def test_no_spreadsheet_carries_out_what_a_text_says(tmp_path):
    texts = ("=HYPERLINK(1)", "+1", "-1", "@a", "\ta", "\ra")
    table = AnnotationTable("texts", "x", tuple("abcdef"), {"mark": ()})
    table.write({"=1+1": texts}, DIGEST, tmp_path / "table.csv")
    row = _cells(tmp_path / "table.csv")[1]
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert row[1] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_what_a_person_filled_in_is_read_however_it_was_saved(file, delimiter, encoding):
    _fill(file, (" Yes ", ""), ("", " too  hard\n"), ("no", ""), delimiter=delimiter, encoding=encoding)
    assert _read(file) == {
        "3/1": {"ripe": "yes", "note": ""},
        "a b": {"ripe": "", "note": "too hard"},
        "=1+1": {"ripe": "no", "note": ""},
    }


def test_rows_in_another_order_and_empty_rows_are_no_obstacle(file):
    _fill(file, ("yes", ""), ("no", ""), ("", ""))
    heading, *rows = _cells(file)
    _save(file, [heading, *reversed(rows), [""] * 5, []])
    assert {name: filled["ripe"] for name, filled in _read(file).items()} == {"3/1": "yes", "a b": "no", "=1+1": ""}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: rows[:2], "2 of its 3 rows are missing"),
        (lambda rows: [*rows, rows[1]], "row 5 repeats 3/1"),
        (lambda rows: [rows[0], [*rows[1][:-2], "maybe", ""], *rows[2:]], "row 2 has the ripe 'maybe'; ripe is one of"),
        (lambda rows: [*rows[:2], rows[2][:-1], rows[3]], "row 3 has 4 columns"),
        (lambda rows: [*rows[:3], ["#12345678 kiwi", *rows[3][1:]]], "other fruit than this run's.*#12345678 kiwi"),
        (lambda rows: [*rows[:3], ["", *rows[3][1:]]], "other fruit than this run's"),
        (lambda rows: [*rows[:1], *([*row[:-2], "", ""] for row in rows[1:])], r"has no mark yet.*\(ripe, note\)"),
        (lambda rows: [["id", *rows[0][1:]], *rows[1:]], "is no table of fruit.*`warmtune fruit --mark`"),
        (lambda rows: [rows[0][:-1], *rows[1:]], "is no table of fruit"),
        (lambda _: [["a", "b"], ["1", "2"]], "is no table of fruit"),
        (lambda _: [], "is no table of fruit"),
    ],
)
def test_a_bad_table_is_refused_with_its_reason(file, change, reason):
    _fill(file, ("yes", ""), ("yes", ""), ("yes", ""))
    _save(file, change(_cells(file)))
    with pytest.raises(DataError, match=reason) as refused:
        _read(file)
    assert "table.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_all_that_is_wrong_is_said_at_once(file):
    _fill(file, ("maybe", ""), ("no", ""), ("perhaps", ""))
    with pytest.raises(DataError, match=r"row 2 has the ripe 'maybe'; row 4 has the ripe 'perhaps'"):
        _read(file)


def test_a_table_about_other_data_is_refused(file):
    _fill(file, ("yes", ""), ("yes", ""), ("yes", ""))
    with pytest.raises(DataError, match=r"written for other fruit than this run's \(row 2: #12345678 3/1\)"):
        _read(file, digest="0" * 12)


def test_a_file_that_cannot_be_read_is_refused(file, tmp_path):
    with pytest.raises(DataError, match="No such file"):
        _read(tmp_path / "none.csv")
    with pytest.raises(DataError, match="Is a directory"):
        _read(tmp_path)
    file.write_bytes("naïve".encode("latin-1"))
    with pytest.raises(DataError, match=r"is not UTF-8.*CSV UTF-8"):
        _read(file)
