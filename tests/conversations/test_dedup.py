import itertools
from collections import Counter

import pytest

from warmtune.conversations.dedup import Prompts, near_duplicates, shingles, signature
from warmtune.conversations.funnel import Funnel
from warmtune.conversations.sampling import distinct
from warmtune.conversations.screen import Candidate

LONG = " ".join(f"word{n}" for n in range(60))


def test_near_duplicates_point_to_the_earlier_one():
    texts = [LONG, "something else entirely, of other words and another length", LONG + " again", LONG.upper() + "!"]
    assert near_duplicates([signature(text) for text in texts], 0.8) == {2: 0, 3: 0}


def test_texts_that_share_half_their_words_stay(texts):
    half = LONG.split()
    others = [" ".join([*half[:30], *(f"other{n}{k}" for n in range(30))]) for k in "ab"]
    assert near_duplicates([signature(text) for text in [LONG, *others]], 0.8) == {}
    assert near_duplicates([signature(" ".join(texts(n))) for n in range(300)], 0.8) == {}


def test_which_of_several_alike_stays_does_not_depend_on_their_order():
    made = [LONG, LONG + " a", LONG + " b c", "quite another text of a few words", "x " + LONG]
    candidates = [Candidate(f"id{n}", text, "other", 0, "", 0, signature(text)) for n, text in enumerate(made)]
    results = set()
    for order in itertools.permutations([*candidates, candidates[3]]):
        funnel = Funnel()
        kept = distinct(order, 0.8, funnel)
        results.add((tuple(c.id for c in kept), tuple(sorted(funnel.dropped.items()))))
    assert len(results) == 1
    kept, dropped = results.pop()
    assert set(kept) == {"id0", "id3"}
    assert sorted(Counter(dict(dropped)).values()) == [1, 3]


def test_without_signatures_only_the_same_are_left_out():
    candidates = [Candidate(name, name.lower(), "other", 0, "", 0, None) for name in "aBbCc"]
    assert [c.id for c in distinct(candidates, 0.8, Funnel())] == ["B", "C", "a"]


def test_chinese_is_told_apart_by_character():
    assert shingles("你好吗", 2) == ["你 好", "好 吗"]


HELD = "How do I bake a loaf of rye bread at home?"


@pytest.mark.parametrize(
    "text",
    [
        HELD,
        "how do i bake a loaf of RYE bread - at home",
        "  How do I bake: a loaf of 'rye' bread, at home?!  ",
        "How do I bake a loaf of rye bread at my home?",
        f"I have an old oven and little time this week, so tell me in short steps. {HELD} Thank you very much!",
        "How do I bake a loaf of rye bread?",
    ],
)
def test_prompts_that_overlap(text):
    assert Prompts([HELD]).overlaps(text)


def test_a_single_word_in_another_case_overlaps():
    assert Prompts(["Hello!"]).overlaps("hello")


@pytest.mark.parametrize(
    "text", ["How do I repair a bicycle?", "What is rye?", "At home", "Tell me how a loaf of bread is priced.", "", "?"]
)
def test_unrelated_prompts_do_not_overlap(text):
    assert not Prompts([HELD, "Why is the sea salt?"]).overlaps(text)
    assert not Prompts().overlaps(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is the capital of France?", "What is the capital of Spain?"),
        ("Write a poem about the sea.", "Write a poem about the moon."),
        ("How do I sort a list?", "How do I sort a table?"),
    ],
)
def test_templated_prompts_about_different_things_do_not_overlap(one, other):
    assert not Prompts([one]).overlaps(other)


def test_chinese_prompts():
    held = Prompts(["为什么天空是蓝色的？"])
    assert held.overlaps("为什么天空是蓝色的")
    assert not held.overlaps("今天晚上吃什么好呢？")
