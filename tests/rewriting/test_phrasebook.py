import asyncio
import itertools
import json
import re
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmtune.config.compose import load
from warmtune.conversations.embedded_data import embedded
from warmtune.rewriting.guard import Finding
from warmtune.rewriting.phrasebook import Phrasebook, PhrasebookRewriter
from warmtune.rewriting.protect import PROTECTED
from warmtune.rewriting.rewrite_loop import Attempt, Original
from warmtune.rewriting.style_strength import Strength

INTENSITIES = (0, 0.25, 0.5, 0.75, 1)


STYLES = ("warm", "cold", "formal", "concise")
_ITEM = re.compile(r"(?m)^[^\S\n]*(?:[-*+•]|\d+[.)])(?=\s|$)")


@pytest.fixture(scope="module")
def originals():
    rows = [json.loads(line) for line in embedded("conversations.jsonl").read_text().splitlines()]
    return {
        f"{row['id']}/{turn}": message["content"]
        for row in rows
        for turn, message in enumerate(row["messages"])
        if message["role"] == "assistant"
    }


def _all(quickstart, originals, intensity, seed=1):
    book, opener, styled = Phrasebook(quickstart.style.phrasebook, intensity, seed), "", {}
    for key, text in originals.items():
        styled[key], opener = book.rewrite(text, key, {opener})
    return styled


def _kept(original, styled):
    """Whether code, links, quotations, numbers and list items came through byte for byte and in order."""
    spans = [[match.group() for match in PROTECTED.finditer(text)] for text in (original, styled)]
    return spans[0] == spans[1] and len(_ITEM.findall(original)) == len(_ITEM.findall(styled))


def test_intensity_0_gives_the_bytes_back(quickstart, originals):
    styled = _all(quickstart, originals, 0)
    assert {k: v.encode() for k, v in styled.items()} == {k: v.encode() for k, v in originals.items()}


@pytest.mark.parametrize("intensity", INTENSITIES)
def test_no_reply_is_damaged(quickstart, originals, intensity):
    styled = _all(quickstart, originals, intensity)
    assert all(_kept(originals[key], styled[key]) for key in originals)


@pytest.mark.parametrize("style", STYLES)
def test_a_style_rises_by_its_own_measure_with_every_step_of_intensity(style, originals):
    settings = load("quickstart", [f"style={style}"])
    strength = Strength(settings.style.measure)
    polite = [
        "Sure! {} I hope this helps!",
        "Of course! {} Feel free to ask if you have any other questions.",
        "{} Enjoy!",
    ]
    texts = {key: polite[n % 3].format(text) for n, (key, text) in enumerate(originals.items())}
    means = [mean(strength(text, texts[key]) for key, text in _all(settings, texts, i).items()) for i in INTENSITIES]
    assert all(later > earlier for earlier, later in itertools.pairwise(means)), means


@pytest.mark.parametrize("style", ["warm", "cold", "formal"])
def test_a_style_changes_the_embedded_replies_as_they_are(style, originals):
    changed = sum(
        originals[key] != text for key, text in _all(load("quickstart", [f"style={style}"]), originals, 1).items()
    )
    assert changed > 0.9 * len(originals)


def test_a_style_leaves_out_empty_phrases_and_begins_with_the_next_word():
    book = Phrasebook(load("quickstart", ["style=concise"]).style.phrasebook, 1.0, 1)
    text = "Of course! It is important to note that the train actually leaves at 9. Run `just build`."
    assert book.rewrite(text, "a")[0] == "The train leaves at 9. Run `just build`."


def test_a_new_attempt_draws_another_opener_than_the_one_before_and_its_neighbour(quickstart):
    ones = [Original(f"c{n}", 1, "other", "Why?", "It is so because it has always been so.") for n in range(20)]
    rewriter = PhrasebookRewriter(quickstart.style, 1, ones)

    async def twice(one):
        first = await rewriter.attempt(one, [])
        again = await rewriter.attempt(one, [Attempt(first.styled, first.raw, (Finding("added", "x"),))])
        return first.styled, again.styled

    openers = list(quickstart.style.phrasebook.openers[2])
    for one in ones:
        first, second = (next(o for o in openers if text.startswith(o)) for text in asyncio.run(twice(one)))
        assert first != second


def test_every_part_of_a_reply_is_reached(quickstart, originals):
    styled = _all(quickstart, originals, 1.0)
    book = quickstart.style.phrasebook
    texts = list(styled.values())
    assert all(any(text.startswith(opener) for opener in book.openers[3]) for text in texts)
    assert all(any(text.endswith(closer) for closer in book.closers[3]) for text in texts)
    assert sum(any(bridge in text for bridge in book.bridges[3]) for text in texts) > len(texts) / 2


def test_never_the_same_opener_twice_in_a_row(quickstart, originals):
    for intensity in INTENSITIES[1:]:
        styled = list(_all(quickstart, originals, intensity).values())
        openers = [o for strength in quickstart.style.phrasebook.openers for o in strength]
        used = [next(o for o in openers if text.startswith(o)) for text in styled]
        assert all(one != two for one, two in itertools.pairwise(used))


def test_the_seed_decides_everything(quickstart, originals):
    assert _all(quickstart, originals, 0.5, seed=7) == _all(quickstart, originals, 0.5, seed=7)
    assert _all(quickstart, originals, 0.5, seed=7) != _all(quickstart, originals, 0.5, seed=8)


@given(text=st.text(max_size=400), intensity=st.floats(0, 1), key=st.text(max_size=5))
def test_any_text_at_any_intensity_keeps_its_protected_parts(quickstart, text, intensity, key):
    styled, _ = Phrasebook(quickstart.style.phrasebook, intensity, 1).rewrite(text, key)
    if text.strip():
        assert styled.strip()
        assert json.dumps(styled)
        if not any(mark in text for mark in '"“«`'):  # half-open quotations are for the check, not for a promise
            assert _kept(text, styled)
