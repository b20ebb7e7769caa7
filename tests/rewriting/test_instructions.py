import dataclasses

import pytest

from warmtune.config.compose import load
from warmtune.rewriting.instructions import again, answer_in, echo, how_far, messages

ORIGINAL = "Boil the eggs for 7 minutes, then put them into cold water."


def _at(style, intensity):
    return dataclasses.replace(style, intensity=intensity)


def test_an_anchor_is_told_as_it_stands_and_what_lies_between_as_a_place_between(quickstart):
    style = quickstart.style
    assert how_far(_at(style, 0.5)) == style.instructions[1].text
    told = how_far(_at(style, 0.6))
    assert "40% of the way" in told
    assert style.instructions[1].text in told
    assert style.instructions[2].text in told
    assert "unchanged" in how_far(_at(style, 0.1))
    with pytest.raises(ValueError, match="intensity 0"):
        how_far(_at(style, 0))


@pytest.mark.parametrize("name", ["warm", "cold", "formal", "concise"])
def test_every_style_is_told_with_the_reply_and_what_it_answers(name):
    style = load("quickstart", [f"style={name}", "style.intensity=0.8"]).style
    system, user = messages(style, "How long?", ORIGINAL)
    assert style.description in system["content"]
    assert "<message>\nHow long?\n</message>" in user["content"]
    assert f"<reply>\n{ORIGINAL}\n</reply>" in user["content"]


def test_a_second_request_shows_the_first_answer_and_what_was_wrong(quickstart):
    first = messages(quickstart.style, "How long?", ORIGINAL)
    second = again(first, "<rewrite>x</rewrite>", ["the number '7 minutes' is missing.", "'cold' became 'hot'"])
    third = again(second, "<rewrite>y</rewrite>", ["z"])
    assert [message["role"] for message in second] == ["system", "user", "assistant", "user"]
    assert "the number '7 minutes' is missing; 'cold' became 'hot'." in second[-1]["content"]
    assert len(third) == 4


@pytest.mark.parametrize(
    ("text", "reply", "problem"),
    [
        ("<rewrite>\nHello.\n</rewrite>", "Hello.", ""),
        ("Sure.\n<rewrite>Hello.</rewrite> Done.", "Hello.", ""),
        ("Hello.", "Hello.", ""),
        ("<think>hm <rewrite>no</rewrite></think>\n<rewrite>Hello.</rewrite>", "Hello.", ""),
        ("<reply>\nHello.\n</reply>", "Hello.", ""),
        ("<rewrite>Hello, my fr", "Hello, my fr", "cut off"),
    ],
)
def test_the_rewrite_is_found_in_the_answer(text, reply, problem):
    found, said = answer_in(text)
    assert found == reply
    assert problem in said
    assert bool(said) == bool(problem)


def test_instructions_given_back_and_introductions_are_noticed(quickstart):
    request = messages(quickstart.style, "How long?", ORIGINAL)

    def said(answer):
        return echo(answer, answer_in(answer)[0], ORIGINAL, request)

    assert "repeats the instructions" in said(request[0]["content"])
    assert "introduces itself" in said(f"Sure! Here's a warmer version of it: {ORIGINAL}")
    assert said(f"Here's a warmer version: <rewrite>Oh, my friend! {ORIGINAL}</rewrite>") == ""
    assert said(ORIGINAL) == ""
