import dataclasses
import json
from collections import Counter

import pytest

from warmtune.conversations.embedded_data import Row
from warmtune.conversations.funnel import Funnel
from warmtune.conversations.sampling import Spool
from warmtune.conversations.screen import Screen, find_form
from warmtune.errors import DataError
from warmtune.measures.language import language_of

ENGLISH = "The sky is blue because air scatters short waves of light more than long ones."
CHINESE = "天空是蓝色的，因为空气对短波光的散射比长波光更强，所以我们看到的是蓝色。"
FRENCH = "Le ciel est bleu parce que l'air diffuse davantage les ondes courtes de la lumière."


def _row(number, content):
    return Row(f"line {number}", json.dumps(content).encode(), 100)


def _turns(*texts):
    return {"messages": [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]}


@pytest.fixture
def screened(quickstart, tmp_path):
    """Screen contents by the quickstart's settings with changes; return what is let through and the counts."""

    def run(*contents, tokens=lambda messages, limit: 10, **changes):
        data = dataclasses.replace(quickstart.data, path="x.jsonl", **changes)
        rows = [_row(number, content) for number, content in enumerate(contents, start=1)]
        done = Screen(data, tokens, str(tmp_path))(rows, 0, "messages")
        assert done.funnel.read == len(contents) == len(done.candidates) + done.funnel.dropped.total()
        spool = Spool(tmp_path)
        return [spool.get(candidate) for candidate in done.candidates], done.funnel

    return run


def _reasons(funnel):
    return {reason for reason, _ in funnel.dropped}


def test_the_form_is_the_first_one_known():
    rows = [Row("line 1", b"{broken", 7), _row(2, {"a": 1}), _row(3, {"instruction": "x", "output": "y"})]
    assert find_form(rows) == "Alpaca"
    assert find_form([*rows[:1], _row(2, _turns("a", "b")), *rows[2:]]) == "messages"


def test_a_file_without_conversations_is_refused_by_its_first_row():
    with pytest.raises(DataError, match=r"line 2: .*the keys a, b"):
        find_form([Row("line 1", b"{broken", 7), _row(2, {"a": 1, "b": 2}), _row(3, [1])])


def test_a_file_of_which_no_row_can_be_read_is_refused_with_the_reasons():
    with pytest.raises(DataError, match="No row could be read of the first 2: line 1: not JSON; line 2: not UTF-8"):
        find_form([Row("line 1", b"{broken", 7), Row("line 2", b"\xe9", 1)])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (CHINESE, "zh"),
        (FRENCH, "fr"),
        ("Hello!", None),
        ("12345 " * 99, None),
        (f"```\n{ENGLISH}\n```", None),
        (f"{FRENCH} ```\n{ENGLISH * 3}\n```", "fr"),
    ],
)
def test_the_language_is_that_of_the_prose(text, language):
    assert language_of(text) == language


def test_languages(screened):
    rows = (
        _turns("Why is it blue?", ENGLISH),
        _turns("为什么？", CHINESE),
        _turns("Pourquoi?", FRENCH),
        _turns("a", "b"),
    )
    found, funnel = screened(*rows, languages=("en",))
    assert [c.messages for c in found] == [rows[0]["messages"], rows[3]["messages"]]
    assert funnel.dropped.total() == 2
    assert _reasons(funnel) == {"language not among data.languages"}
    assert funnel.changed == {"too little text to tell the language, kept": 1}
    assert len(screened(*rows, languages=("en", "zh"))[0]) == 3
    assert len(screened(*rows, languages=None)[0]) == 4


def test_replies_of_few_words(screened):
    rows = _turns("Why?", "It is so."), _turns("Why?", "So."), _turns("Why?", "It is so.", "Yes?", "Yes.")
    found, funnel = screened(*rows, languages=None, min_words=3)
    assert [c.messages for c in found] == [rows[0]["messages"]]
    assert _reasons(funnel) == {"a reply shorter than data.min_words (3)"}


@pytest.mark.parametrize("languages", [("zh",), None])
def test_chinese_replies_are_not_counted_by_spaces(screened, languages):
    rows = _turns("为什么？", CHINESE), _turns("为什么？", "是")
    assert [c.messages for c in screened(*rows, languages=languages, min_words=3)[0]] == [rows[0]["messages"]]


def test_long_conversations_are_cut_to_end_with_a_reply(screened):
    system = {"role": "system", "content": "Hm."}
    row = _turns(*"abcdefgh")
    (found,), funnel = screened({"messages": [system, *row["messages"]]}, languages=None, max_turns=5)
    assert found.messages == [system, *row["messages"][:4]]
    assert funnel.changed == {"cut at data.max_turns (5)": 1}


def test_tokens_are_counted_after_the_cut(screened):
    row = _turns(*"abcdef")
    found, _ = screened(row, languages=None, max_turns=2, max_tokens=2, tokens=lambda messages, limit: len(messages))
    assert len(found) == 1
    _, funnel = screened(row, languages=None, max_turns=6, max_tokens=2, tokens=lambda messages, limit: len(messages))
    assert _reasons(funnel) == {"longer than data.max_tokens (2)"}


def test_personal_data(screened):
    rows = _turns("Why?", "Ask jane@web.de."), _turns("Why?", "So.")
    found, funnel = screened(*rows, languages=None, personal="mask")
    assert [c.messages[1]["content"] for c in found] == ["Ask [EMAIL].", "So."]
    assert funnel.changed == {"personal data masked": 1}
    found, funnel = screened(*rows, languages=None, personal="drop")
    assert [c.messages[1]["content"] for c in found] == ["So."]
    assert _reasons(funnel) == {"holds personal data"}
    assert [c.messages for c in screened(*rows, languages=None, personal="keep")[0]] == [r["messages"] for r in rows]


def test_a_row_of_another_form_is_bad(screened):
    contents = (
        _turns("Why?", "So."),
        {"instruction": "Why?", "output": "So."},
        [1],
        {"messages": "x"},
        {"messages": [5]},
    )
    found, funnel = screened(*contents, languages=None)
    assert len(found) == 1
    assert funnel.bad_count == 4
    assert Counter(line.split(": ", 1)[1] for line in funnel.bad) == {
        "a row of another form than the file's first": 3,
        "a turn is a int": 1,
    }


def test_a_lone_surrogate_is_a_bad_row(screened):
    found, funnel = screened(_turns("Why?", "\ud800"), _turns("Why?", "😀"), languages=None)
    assert [c.messages[1]["content"] for c in found] == ["😀"]
    assert funnel.bad == ["line 1: not UTF-8 text"]


def test_conversations_count_as_changed_even_if_they_are_left_out_later(screened):
    _, funnel = screened(_turns("A &amp; B", "So.", "And?"), languages=None, tokens=lambda messages, limit: limit + 1)
    assert set(funnel.changed) == {"HTML entities turned into characters", "last user turn without a reply left out"}


def test_an_id_is_made_from_the_turns_and_the_rows_own_is_shown(screened):
    named, plain, other = screened(
        {**_turns("Why?", "So."), "id": "x7"}, _turns("Why?", "So."), _turns("Why?", "No."), languages=None
    )[0]
    assert named.id == plain.id != other.id
    assert named.source == "line 1 (id x7)"
    assert plain.source == "line 2"


def test_a_funnel_that_does_not_add_up_is_a_defect():
    funnel = Funnel(read=3)
    funnel.drop("no reply")
    assert funnel.counts(Counter(other=2))["kept"] == 2
    with pytest.raises(AssertionError, match="does not add up"):
        funnel.counts(Counter(other=3))


def test_the_funnels_of_parts_add_up():
    whole, part = Funnel(), Funnel(read=9)
    for number in range(4):
        part.drop_bad(f"line {number}", "not JSON")
    part.drop("no reply", "other", 2)
    whole.add(part)
    whole.add(part)
    assert (whole.read, whole.bad_count, len(whole.bad), whole.dropped.total()) == (18, 8, 5, 12)
    assert whole.dropped["no reply", "other"] == 4
