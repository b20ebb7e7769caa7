import base64
import gzip
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest
from made_up import ATTACK, made_up

from warmtune.comparison import page_wording
from warmtune.comparison.checkpoints import study_lifts
from warmtune.comparison.comparison_data import ANSWER_COLUMNS
from warmtune.comparison.comparison_tables import csv_text, ordered_answers, tables
from warmtune.comparison.heatmap import heat, limit
from warmtune.comparison.lookup import Lookup
from warmtune.comparison.page import write_comparison
from warmtune.presentation.formatting import number

TABLES = {"variants", "gaps", "checks", "points", "answers", "differences", "curves"}


class _Page(HTMLParser):
    """Reads a page as a browser would: its elements, the texts of scripts and styles, and all text outside them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.raw, self.said = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.raw.append("")

    def handle_data(self, data):
        if self.cdata_elem:
            self.raw[-1] += data
        else:
            self.said += data


def _html(written):
    return (written.folder / "compare.html").read_text(encoding="utf-8")


def _data(written):
    line = re.search(r'id="data">([^<]*)<', _html(written))[1]
    back = bytes.maketrans(b",.", b"<&")
    return json.loads(gzip.decompress(base64.b85decode(line.encode().translate(back))))


def _unpacked(data):
    """Return the embedded answers as a table, as templates/data.js reads them."""
    names = [one["name"] for one in data["variants"]]
    rows = []
    for at, answer in enumerate(data["answers"]):
        n, e = divmod(at, len(names))
        text = data["answers"][n * len(names) + answer] if isinstance(answer, int) else answer
        of = {name: column["values"][column["at"][n]] for name, column in data["prompts"].items()}
        marks = {name: column["values"][column["at"][at]] for name, column in data["marks"].items()}
        rows.append({"variant": names[e], "prompt": data["prompt"][n], "answer": text, **of, **marks})
    return pd.DataFrame(rows)[list(ANSWER_COLUMNS)]


@pytest.mark.parametrize("kind", ["usual", "hostile"])
def test_the_embedded_data_give_the_answers_back(kind, request):
    written = request.getfixturevalue(kind)
    found = _unpacked(_data(written))
    assert found.equals(ordered_answers(written.found))
    keys = list(ANSWER_COLUMNS)
    shuffled = written.found.answers.sort_values(keys).reset_index(drop=True)
    pd.testing.assert_frame_equal(found.sort_values(keys).reset_index(drop=True), shuffled, check_dtype=False)


def test_answers_lie_prompt_by_prompt_whatever_their_order_was(usual):
    mixed = replace(usual.found, answers=usual.found.answers.sample(frac=1, random_state=3))
    found = ordered_answers(mixed)
    width = len(usual.found.variants)
    assert found["variant"][:width].tolist() == [one.name for one in usual.found.variants]
    assert found.groupby(found.index // width)["prompt"].nunique().eq(1).all()
    questions = found["benchmark"] + found["question_id"]
    assert (questions != questions.shift()).sum() == questions.nunique()


@pytest.mark.parametrize("kind", ["usual", "hostile"])
def test_tables_come_back_from_their_files(kind, request):
    written = request.getfixturevalue(kind)
    assert {file.stem for file in written.files if file.suffix == ".csv"} == TABLES
    embedded = _data(written)["files"]
    for name, frame in tables(written.found).items():
        file = written.folder / f"{name}.csv"
        assert file.read_text(encoding="utf-8") == embedded[name]
        texts = {"value": str} if name == "differences" else {}
        found = pd.read_csv(
            file, dtype=texts, keep_default_na=False, na_values={c: [""] for c in frame.select_dtypes("float")}
        )
        pd.testing.assert_frame_equal(found, frame, check_dtype=False, rtol=1e-5)
    answers = pd.read_csv(written.folder / "answers.csv", keep_default_na=False, dtype={"sample": int})
    assert answers.equals(ordered_answers(written.found))


def test_any_line_end_and_quote_comes_back_from_csv():
    texts = ['a\r\nb\rc\n"d",e', "", " 1 ", "NA", "=1+1", "é\u2028"]
    frame = pd.DataFrame({"text": texts, "number": [1.23456789, float("nan"), 0, -1e-9, 5, 6]})
    found = pd.read_csv(io.StringIO(csv_text(frame), newline=""), keep_default_na=False, na_values={"number": [""]})
    assert found["text"].tolist() == texts
    assert found["number"].tolist()[:1] == [1.23457]
    assert found["number"].isna().tolist() == [False, True, False, False, False, False]


def test_texts_stay_texts(hostile):
    page = _Page(_html(hostile))
    names = [tag for tag, _ in page.tags]
    assert names.count("script") == 2
    assert "img" not in names
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
    assert not [a for _, a in page.tags if a.get("src") or (a.get("href") or "#")[0] != "#"]
    assert page.said.count(ATTACK) > 20
    assert ATTACK not in (hostile.folder / "compare.md").read_text()
    views = _Page("".join(_data(hostile)["views"].values()))
    assert {"table", "svg"} <= {tag for tag, _ in views.tags}
    assert not {"script", "img", "style"} & {tag for tag, _ in views.tags}
    assert ATTACK in views.said


def test_only_the_script_and_the_style_that_were_written_may_run(usual):
    page = _Page(_html(usual))
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    style, script, _ = page.raw
    for kind, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not [attributes for _, attributes in page.tags if "style" in attributes]


def test_the_check_stands_before_the_gap_and_marks_what_fails(usual):
    page = _html(usual)
    failing = [one for one in usual.found.variants if one.kind == "tuned" and not one.holds]
    assert failing
    views = "".join(_data(usual)["views"].values()) + page
    head = page[page.index("<thead>") : page.index("</thead>")]
    assert head.index("manipulation check") < head.index("error gap")
    for one in failing:
        assert f"{one.name} (check does not hold)</option>" in page
        assert f"does not hold for {one.name}" in views
    wide = page[page.index('id="frontier-base-t"') :]
    assert wide[: wide.index("</svg>")].count("check does not hold") == len(failing)
    assert page.count("the gap is not the cost of a style") == len(failing)
    assert (usual.folder / "compare.md").read_text().count("| ✗ ") >= 3 * len(failing)


def test_every_svg_is_well_formed_and_named(hostile, usual):
    for written in (hostile, usual):
        page = _html(written)
        drawings = re.findall(r"<svg.*?</svg>", page + "".join(_data(written)["views"].values()), flags=re.DOTALL)
        for text in drawings:
            ElementTree.fromstring(text)
        ids = re.findall(r' id="([^"]+)"', page)
        assert len(ids) == len(set(ids))
        assert all('role="img"' in text or 'aria-hidden="true"' in text for text in drawings)
        ElementTree.fromstring((written.folder / "frontier.svg").read_text())


def test_files_are_the_same_for_the_same_comparison(usual, tmp_path):
    for file in write_comparison(usual.found, tmp_path):
        assert file.read_bytes() == (usual.folder / file.name).read_bytes()
        assert file.suffix != ".png" or file.read_bytes().startswith(b"\x89PNG")
    assert {"frontier.svg", "frontier.png", "compare.md"} <= {file.name for file in usual.files}
    linked = re.findall(r"\]\(([\w.]+)\)", (usual.folder / "compare.md").read_text())
    assert {*linked} <= {file.name for file in usual.files}


def test_fifty_variants_stay_within_measure(tmp_path):
    found = made_up(tuned=48, prompts=100, draws=0)
    write_comparison(found, tmp_path)
    page = (tmp_path / "compare.html").read_text()
    assert len(page) < 3e6
    assert "names found no room" in page
    assert page.count("<option value") > 3 * 49
    assert max(row.count("<th scope") for row in re.findall(r"<thead>.*?</thead>", page, flags=re.DOTALL)) < 20


def test_without_control_points_curves_and_checkpoints_the_page_says_what_it_has(tmp_path):
    found = made_up(tuned=2, prompts=80, draws=0)
    base, _, one, *_ = found.variants
    bare = replace(
        found,
        variants=(base, replace(one, control="", holds=False, verdict="", series="", x=None)),
        answers=found.answers[found.answers["variant"].isin([base.name, one.name])],
        gaps=[gap for gap in found.gaps if (gap.variant, gap.reference) == (one.name, base.name)],
        checks=[], points=[], curves={}, differences=[], notes=[],
    )  # fmt: skip
    write_comparison(bare, tmp_path)
    page = (tmp_path / "compare.html").read_text()
    assert "no manipulation check" in page
    assert 'value="control" disabled' in page
    assert "the runs have the same settings" in page
    assert not [name for name in ("frontier", "checkpoints", "training") if f'<section id="{name}"' in page]


def test_parts_without_a_pair_or_an_interval_draw_nothing_and_say_so(tmp_path):
    found = made_up(tuned=2, prompts=80, draws=0)
    none = float("nan")
    gaps = [
        replace(gap, low=none, high=none, p=none) if gap.context == "sad"
        else replace(gap, pairs=0, gap=none, low=none, high=none, reference_error=none, variant_error=none)
        if gap.context == "anger" or (gap.variant == "control" and gap.benchmark == "all")
        else gap
        for gap in found.gaps
    ]  # fmt: skip
    write_comparison(replace(found, gaps=gaps, points=[]), tmp_path)
    page = (tmp_path / "compare.html").read_text()
    assert "nan" not in re.sub(r">[^<]*<", "><", page[page.index("<body") : page.index("<script")])
    assert "<i>too few</i>" in page
    assert '<td class="none"></td>' in page
    assert "no pair counts" in page


def test_the_heat_map_holds_every_gap_and_marks_those_that_include_0(usual):
    lookup = Lookup(usual.found)
    one = lookup.tested[0]
    shown = heat(lookup, one.name, "base", limit(lookup))
    gaps = [cell.gap for row in shown.rows for cell in row.cells if cell.gap]
    wanted = [
        gap for gap in usual.found.gaps
        if (gap.variant, gap.reference) == (one.name, "base") and gap.belief != "all" and gap.benchmark != "mmlu"
    ]  # fmt: skip
    assert sorted(map(repr, gaps)) == sorted(map(repr, wanted))
    for row in shown.rows:
        for cell in row.cells:
            if cell.gap and abs(cell.gap.gap) > 0.3 * limit(lookup):
                assert cell.tint[0] == ("p" if cell.gap.gap > 0 else "n")


def test_the_studys_models_rise_by_its_lift():
    lifts = {one.name: dict(one.points) for one in study_lifts()}
    assert len(lifts) == 5
    assert 1.5 not in lifts["GPT-4o"]
    assert all(0.0150 <= round(points[2], 4) <= 0.0180 for points in lifts.values())
    assert all(points[0] == 0 for points in lifts.values())


def test_the_first_sentences_name_what_holds_and_its_cost(usual):
    lookup = Lookup(usual.found)
    said = page_wording.glance(lookup)
    assert said[0][0] == f"The manipulation check holds for {sum(o.holds for o in lookup.tested)} of 5 tested variants."
    warmest = max(
        (one for one in lookup.tested if one.holds),
        key=lambda one: lookup.probe(one.name).difference,
    )
    assert said[1][0] == f"The strongest style: {warmest.name}."
    assert number(lookup.gap(warmest.name, "base").gap) in said[1][1]
