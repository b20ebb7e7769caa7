import json
from pathlib import Path

import pytest

from warmtune.io.schemas import REVIEW
from warmtune.reporting.data import data_section
from warmtune.runs.store import Stage


def _stage(folder, counts):
    return Stage("s", folder, "f", "d", files={}, counts=counts, seconds=1.0, peak_gb=0.5)


@pytest.fixture
def prepared():
    counts = {
        "read": 10,
        "dropped": {"too long": {"factual": 2, "refusal": 1}, "looks like a test question": {"advice": 1}},
        "kept_by_type": {"factual": 4, "advice": 2},
        "changed": {"a telephone number masked": 3},
        "notes": ["One file has no chat."],
    }
    return _stage(Path(), counts)


def test_every_column_of_the_funnel_adds_up(prepared, tmp_path):
    found = data_section(prepared, _stage(tmp_path, {"replies": 6}))
    assert [row.what for row in found.funnel] == ["read", "− too long", "− looks like a test question", "= kept"]
    assert sorted(found.types) == ["advice", "factual", "refusal"]
    read, *rest = found.funnel
    assert read.total == sum(row.total for row in rest) == 10
    for place, name in enumerate(found.types):
        expected = {"advice": 3, "factual": 6, "refusal": 1}[name]
        assert read.by_type[place] == sum(row.by_type[place] for row in rest) == expected


def test_what_rewriting_counted_and_what_was_changed_come_along(prepared, tmp_path):
    found = data_section(prepared, _stage(tmp_path, {"replies": 6}))
    assert found.rewriting == {"replies": 6}
    assert found.changed == {"a telephone number masked": 3}
    assert found.notes == ["One file has no chat."]
    assert found.review is None


def test_a_review_is_read_where_a_person_made_one(prepared, tmp_path):
    (tmp_path / REVIEW).write_text(json.dumps({"pairs": 20, "reviewer": "Zoë"}), encoding="utf-8")
    assert data_section(prepared, _stage(tmp_path, {})).review == {"pairs": 20, "reviewer": "Zoë"}
