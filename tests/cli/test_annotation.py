import csv
import json
import shutil

import pytest

from warmtune.cli import annotation
from warmtune.errors import DataError
from warmtune.io.schemas import LABELS, REVIEW
from warmtune.pipeline.context import RunContext
from warmtune.reporting import report
from warmtune.runs.run import open_run


@pytest.fixture
def pipeline(whole, tmp_path):
    """The whole run, to be written to."""
    store = shutil.copytree(whole[0], tmp_path / "store", symlinks=True)
    run = open_run(next(store.glob("quickstart-*/run.json")).parent)
    return RunContext(run.settings, run.stages)


def _fill(file, asked, *marks):
    """Fill in the last columns, in turn."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        heading, *rows = csv.reader(stream)
    filled = [[*row[:-asked], *marks[n % len(marks)]] for n, row in enumerate(rows)]
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([heading, *filled])
    return len(rows)


def test_a_persons_review_comes_into_the_report(pipeline, tiny_base, tmp_path):
    file, count = annotation.write_review_table(pipeline)
    assert file.parent == pipeline.done["rewrite"].folder
    assert _fill(file, 2, ("yes", ""), ("no", "a <b> fact is lost")) == count > 2
    review = annotation.keep_review(pipeline, file)
    assert (review.pairs, review.marked) == (count, count)
    kept = json.loads((pipeline.done["rewrite"].folder / REVIEW).read_text())
    assert kept["unfaithful"] == len(kept["changed"]) == count // 2
    names = [name.removeprefix("evaluate-") for name in pipeline.done if name.startswith("evaluate-")]
    (tmp_path / "report").mkdir()
    report(pipeline.settings, tiny_base, pipeline.done, names, tmp_path / "report")
    said = f"{count} of {count} pairs marked; faithful {review.faithful}, not faithful {review.unfaithful}."
    page = (tmp_path / "report" / "report.html").read_text()
    assert said in (tmp_path / "report" / "report.md").read_text()
    assert said in page
    assert "a &lt;b&gt; fact is lost" in page


def test_a_persons_marks_of_answers_are_kept(pipeline):
    file, count = annotation.write_label_table(pipeline, 6)
    assert (file.parent, count) == (pipeline.done["mark"].folder, 6)
    assert _fill(file, 1, ("correct",), ("",)) == 6
    labels = annotation.keep_labels(pipeline, file)
    assert [label.person for label in labels] == ["correct"] * 3
    kept = json.loads((pipeline.done["mark"].folder / LABELS).read_text())
    assert [one["mark"] for one in kept] == [label.mark for label in labels]


def test_one_table_is_not_taken_for_the_other_and_nothing_is_kept(pipeline):
    review, _ = annotation.write_review_table(pipeline)
    labels, _ = annotation.write_label_table(pipeline, 6)
    with pytest.raises(DataError, match="is no table of rewrites"):
        annotation.keep_review(pipeline, labels)
    with pytest.raises(DataError, match="is no table of answers"):
        annotation.keep_labels(pipeline, review)
    with pytest.raises(DataError, match="has no mark yet"):
        annotation.keep_review(pipeline, review)
    assert not (pipeline.done["rewrite"].folder / REVIEW).exists()
    assert not (pipeline.done["mark"].folder / LABELS).exists()
