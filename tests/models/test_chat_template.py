import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmtune.config.compose import load
from warmtune.models.base import locate
from warmtune.models.chat_template import TokenLength, encode, render

PIECES = (
    "Water boils at a hundred degrees at sea level. ",
    "def f(x):\n    return x ** 2\n",
    "1234567890 ",
    "你好，世界。",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "🙂🙃",
    "Größenwahn ",
    "\n\n\t",
    "<|im_end|>",
)


@pytest.fixture(scope="module")
def counter():
    return TokenLength(locate(load("quickstart", []).model))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.integers(1, 40)), min_size=1, max_size=8), st.integers(1, 2000))
def test_a_length_is_on_the_same_side_of_the_limit_as_the_whole_count(counter, pieces, limit):
    text = "".join(piece * times for piece, times in pieces)
    messages = [{"role": "user", "content": text}]
    tokenizer = counter._tokenizer
    exact = len(encode(tokenizer, render(tokenizer, messages)))
    assert (counter(messages, limit) > limit) == (exact > limit)
    assert (counter(messages, exact) > exact, counter(messages, exact - 1) > exact - 1) == (False, True)
