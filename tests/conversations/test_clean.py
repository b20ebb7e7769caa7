import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmtune.conversations.clean import clean, truncate

ENTITIES = "HTML entities turned into characters"
ROLES = {"s": "system", "u": "user", "a": "assistant"}


def _turns(spoken):
    return [{"role": ROLES[piece[0]], "content": piece[1:]} for piece in spoken.split("|")]


def _tidied(spoken):
    changed = Counter()
    messages, reason = clean(_turns(spoken), changed)
    return "|".join(f"{message['role'][0]}{message['content']}" for message in messages), reason, set(changed)


@pytest.mark.parametrize(
    ("given", "result", "marks"),
    [
        ("uWhy?|aSo.", "uWhy?|aSo.", set()),
        ("sHm.|uWhy?|aSo.", "sHm.|uWhy?|aSo.", set()),
        ("s |uWhy?|aSo.", "uWhy?|aSo.", set()),
        ("uA &lt; B &amp;&amp; C|a&quot;So&#39;", "uA < B && C|a\"So'", {ENTITIES}),
        ("u`&lt;`|a&gt; ```\n&lt;b&gt;\n``` &gt;", "u`&lt;`|a> ```\n&lt;b&gt;\n``` >", {ENTITIES}),
        ("u`&lt;`|a```\n&amp;", "u`&lt;`|a```\n&amp;", set()),
        ("uAT&T|a&so", "uAT&T|a&so", set()),
        ("uone|utwo|aSo.", "uone\n\ntwo|aSo.", {"user turns in a row joined"}),
        ("uWhy?|aSo.|u |aNo.", "uWhy?|aSo.", {"cut before an empty turn"}),
        ("uWhy?|aSo.|uYes?|a", "uWhy?|aSo.", {"cut before an empty turn", "last user turn without a reply left out"}),
        ("uWhy?|aSo.|u&nbsp;", "uWhy?|aSo.", {"cut before an empty turn", ENTITIES}),
        ("aHi.|uWhy?|aSo.", "uWhy?|aSo.", {"opening reply without a prompt left out"}),
        ("uWhy?|aSo.|uYes?", "uWhy?|aSo.", {"last user turn without a reply left out"}),
    ],
)
def test_what_can_be_mended_is(given, result, marks):
    assert _tidied(given) == (result, "", marks)


def test_only_entities_are_turned_into_characters():
    assert _tidied("uA &amp; http://x/?a=1&copy=2&reg=3|aSo.")[0] == "uA & http://x/?a=1&copy=2&reg=3|aSo."
    assert _tidied("u&amp; &nothing; &eacute; &#128512;|aSo.")[0] == "u& &nothing; é 😀|aSo."


@pytest.mark.parametrize("given", ["sHm.|aHi.|uWhy?|aSo.", "sHm.|aHi.|aYes?|uWhy?|aSo.", "aHi.|sHm.|uWhy?|aSo."])
def test_opening_replies_after_a_system_turn_are_left_out_too(given):
    assert _tidied(given) == ("sHm.|uWhy?|aSo.", "", {"opening reply without a prompt left out"})


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("uWhy?|aSo.|aNo.", "two replies in a row"),
        ("uWhy?|sHm.|uYes?|aSo.", "a system turn inside"),
        ("uWhy?|aSo.|sHm.", "a system turn inside"),
        ("uWhy?", "no reply"),
        ("uWhy?|a ", "no reply"),
        ("sHm.|uWhy?", "no reply"),
        ("aHi.|aYes?", "nothing but an opening reply"),
        ("aHi.", "nothing but an opening reply"),
        ("u |aSo.", "no turn with text"),
        ("sHm.", "no turn with text"),
    ],
)
def test_what_cannot_be_mended_is_refused(given, why):
    _, reason, marks = _tidied(given)
    assert why in reason
    assert not marks


@given(
    st.lists(
        st.tuples(st.sampled_from(list(ROLES.values())), st.sampled_from(["x", "", " ", "&nbsp;", "&amp;"])), max_size=9
    )
)
def test_any_turns_are_refused_or_alternate(pairs):
    turns = [{"role": role, "content": text} for role, text in pairs]
    before = [dict(turn) for turn in turns]
    messages, reason = clean(turns, Counter())
    assert turns == before
    if not reason:
        assert re.fullmatch("s?(ua)+", "".join(message["role"][0] for message in messages))
        assert all(message["content"].strip() for message in messages)
    elif re.fullmatch("s?(ua)+", "".join(role[0] for role, _ in pairs)):
        assert not all(text.strip() and text != "&nbsp;" for _, text in pairs)


@pytest.mark.parametrize(
    ("given", "most", "left"),
    [
        ("ua", 2, "ua"),
        ("uaua", 2, "ua"),
        ("uauaua", 5, "uaua"),
        ("suauaua", 4, "suaua"),
        ("uaua", 20, "uaua"),
    ],
)
def test_cut_ends_with_a_reply(given, most, left):
    messages = [{"role": ROLES[role], "content": "x"} for role in given]
    assert "".join(message["role"][0] for message in truncate(messages, most)) == left
