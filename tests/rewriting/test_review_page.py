import json
import random
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmtune.errors import DataError
from warmtune.rewriting.review_page import Pair, choose, differences, read_review, write_review

ATTACK = (
    "<script>alert(1)</script> </script><script>alert(2)</script><!--<script><img src=x onerror=alert(3)> \"' &amp;"
)


def _pair(n, turn=1, **given):
    texts = {"prompt": f"Question {n}?", "original": f"It is {n} km.", "styled": f"Oh, it is {n} km!", "note": ""}
    return Pair(**({"id": f"c{n}", "turn": turn, "label": "factual"} | texts | given))


class _Page(HTMLParser):
    """Reads a page as a browser would: texts of elements by class or id, start tags, and scripts."""

    def __init__(self, file):
        super().__init__(convert_charrefs=True)
        self.tags, self.texts, self.scripts, self.open = [], [], [], []
        self.feed(file.read_text())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "div":
            self.open.append(dict(attrs).get("class"))
            if self.open[-1] == "text":
                self.texts.append("")
        if tag == "script":
            self.scripts.append("")
        self.tag = tag

    def handle_endtag(self, tag):
        if tag == "div":
            self.open.pop()

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] == "text":
            self.texts[-1] += data


@pytest.fixture
def saved():
    """What the page saves, with every kind of mark; c4 has none."""
    rows = [
        ("c0", 1, "same", "yes", ""),
        ("c1", 3, "changed", "yes", "the 3 became\n a 4"),
        ("c2", 1, "changed", "no", " "),
        ("c3", 1, "unsure", "unsure", "?"),
        ("c4", 1, "", "", ""),
        ("c5", 1, "same", "", ""),
    ]
    marks = [dict(zip(("id", "turn", "meaning", "style", "comment"), row, strict=True)) for row in rows]
    head = {"form": "warmtune-review", "version": 1, "key": "abc", "style": "warm", "intensity": 0.7}
    return head | {"reviewer": "Ada ", "saved": "2026-12-01T10:00:00.000Z", "marks": marks}


@pytest.fixture
def put(tmp_path):
    def write(content):
        file = tmp_path / "review.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return file

    return write


def test_the_draw_depends_on_ids_and_seed_alone():
    pairs = [_pair(n, turn) for n in range(40) for turn in (1, 3)]
    shuffled = random.Random(5).sample([_pair(n, turn, styled="other") for n in range(40) for turn in (1, 3)], 80)
    drawn = [(pair.id, pair.turn) for pair in choose(pairs, 20, 7)]
    assert len(set(drawn)) == 20
    assert drawn == [(pair.id, pair.turn) for pair in choose(shuffled, 20, 7)]
    assert drawn != [(pair.id, pair.turn) for pair in choose(pairs, 20, 8)]


@pytest.mark.parametrize("count", [0, 3, 4])
def test_all_are_drawn_when_there_are_fewer(count):
    pairs = [_pair(n) for n in range(count)]
    assert sorted(pair.id for pair in choose(pairs, 4, 1)) == [pair.id for pair in pairs]


def test_scripts_in_data_are_inert(tmp_path):
    file = tmp_path / "review.html"
    fields = dict.fromkeys(("id", "label", "prompt", "original", "note"), ATTACK)
    write_review([_pair(0, **fields, styled=ATTACK + " more"), _pair(1, prompt=ATTACK * 9)], ATTACK, 0.5, ATTACK, file)
    page = _Page(file)
    assert "<script>alert" not in file.read_text()
    assert not [tag for tag, attributes in page.tags if tag == "img" or "onerror" in attributes]
    assert len(page.scripts) == 2
    assert page.texts == [ATTACK, ATTACK, ATTACK + " more", ATTACK * 9, "It is 1 km.", "Oh, it is 1 km!"]
    block = json.loads(page.scripts[0])
    assert block["key"] == block["style"] == block["pairs"][0]["id"] == ATTACK
    assert "</" not in page.scripts[0]
    assert "<!--" not in page.scripts[0]


def test_the_page_asks_the_network_for_nothing_and_names_its_controls(tmp_path):
    file = tmp_path / "review.html"
    write_review([_pair(n) for n in range(3)], "warm", 1.0, "abc", file)
    page, text = _Page(file), file.read_text()
    assert not [value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")]
    assert "url(" not in text
    assert "@import" not in text
    assert "<h1>Review: warm at intensity 1</h1>" in text
    radios = [attributes["name"] for tag, attributes in page.tags if tag == "input" and attributes["type"] == "radio"]
    assert sorted(radios) == sorted([f"{group}-{n}" for group in ("meaning", "style") for n in range(3)] * 3)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("fieldset") == tags.count("legend") == 6
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_long_prompts_and_notes_and_no_pairs(tmp_path):
    file = tmp_path / "review.html"
    same = _pair(1, note="original kept: the check refused", styled="It is 1 km.")
    write_review([_pair(0, prompt="word " * 100), same], "warm", 0.25, "abc", file)
    text = file.read_text()
    assert text.count("<details") == 1
    assert "original kept: the check refused" in text
    assert text.count("Both texts are the same.") == 1
    write_review([], "warm", 0.25, "abc", file)
    assert "There are no pairs to review." in file.read_text()


def _without_tags(text):
    for tag in ("<ins>", "</ins>", "<del>", "</del>"):
        text = text.replace(tag, "")
    return unescape(text)


def test_the_differing_words_are_marked():
    left, right = differences("It is 3 < 4, which\nis true.", "Great! It is 3 < 4, which\nis so true.")
    assert left == "It is 3 &lt; 4, which\nis true."
    assert right == "<ins>Great!</ins> It is 3 &lt; 4, which\nis <ins>so</ins> true."
    assert differences("it's", "it")[0] == "<del>it&#39;s</del>"
    assert differences("It is 5 km.", "It is 6 km.") == ("It is <del>5</del> km.", "It is <ins>6</ins> km.")
    assert differences("a  b", "a b") == ("a  b", "a b")
    assert differences("今日は雨", "今日は晴れ")[1] == "今日は<ins>晴れ</ins>"
    assert differences("باريس.", "باريس، نعم.")[0] == "باريس."
    assert differences("हिन्दी है", "हिन्दू है")[0] == "<del>हिन्दी</del> है"


PIECES = ["a", "it's", "<b>", "&amp;", " ", "\n\n", "!", "5", "日本", "👩‍👧", "_x_"]
words = st.lists(st.sampled_from(PIECES)).map("".join)


@given(words | st.text(), words | st.text())
def test_without_tags_the_diff_gives_the_texts_back(original, styled):
    left, right = differences(original, styled)
    assert "<ins>" not in left
    assert "<del>" not in right
    # `unescape` drops characters that HTML cannot hold, in what is compared as well.
    escaped = [text.replace("&", "&amp;") for text in (original, styled)]
    assert [_without_tags(left), _without_tags(right)] == [unescape(text) for text in escaped]


@pytest.mark.timeout(30)
def test_a_looping_reply_does_not_hold_the_page_up():
    left, right = differences("a " * 4000, "a b " * 2000)
    assert (_without_tags(left), _without_tags(right)) == ("a " * 4000, "a b " * 2000)


def test_a_saved_review_is_read_and_counted(saved, put):
    review = read_review(put(saved), "abc")
    assert (review.pairs, review.marked) == (6, 4)
    assert (review.same_meaning, review.changed_meaning, review.unsure) == (2, 2, 1)
    assert (review.of_style, review.not_of_style) == (2, 1)
    assert review.changed == ["c1/3: the 3 became a 4", "c2/1"]
    assert (review.reviewer, review.saved) == ("Ada", "2026-12-01T10:00:00.000Z")


def test_a_byte_order_mark_is_no_obstacle(saved, tmp_path):
    file = tmp_path / "review.json"
    file.write_text(json.dumps(saved), encoding="utf-8-sig")
    assert read_review(file, "abc").pairs == 6


def _changed(**fields):
    return lambda saved: saved | fields


def _with_mark(**fields):
    return lambda saved: saved | {"marks": [saved["marks"][0] | fields]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: "<html>", "is not JSON"),
        (lambda _: "", "is not JSON"),
        (lambda _: "[" * 100_000, "is not JSON"),
        (lambda _: [1], "not a review"),
        (lambda _: {"marks": []}, "not a review"),
        (_changed(form="other"), "not a review"),
        (_changed(version=2), "has version 2"),
        (_changed(key="def"), "other rewritten data .*'def'.*'abc'"),
        (_changed(key=None), 'has no "key"'),
        (_changed(reviewer=3), 'has no "reviewer"'),
        (_changed(marks={}), 'has no "marks"'),
        (_changed(marks=["same"]), 'Mark 1 of .* is "same"'),
        (_with_mark(turn=True), "Mark 1 of"),
        (_with_mark(comment=None), "Mark 1 of"),
        (_with_mark(meaning="maybe"), "marks meaning of c0/1 as 'maybe', and known are same, changed, unsure"),
        (_with_mark(style="warm"), "marks style of c0/1 as 'warm', and known are yes, no, unsure"),
        (lambda saved: saved | {"marks": saved["marks"][:1] * 2}, "c0/1 twice"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(change, reason, saved, put):
    with pytest.raises(DataError, match=reason) as refused:
        read_review(put(change(saved)), "abc")
    assert "\n" not in str(refused.value)
    assert "review.json" in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"No such file.*Save button"):
        read_review(tmp_path / "none.json", "abc")
    with pytest.raises(DataError, match="Is a directory"):
        read_review(tmp_path, "abc")
    (tmp_path / "review.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(DataError, match="is not JSON"):
        read_review(tmp_path / "review.json", "abc")
