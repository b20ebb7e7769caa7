"""What a person reads is written in short sentences, without the turns of phrase that have to be read twice."""

import re

import pytest

from .prose import FILES, ROOT, average, sentences

_NOUNS = "variant|stage|step|token|second|point|pair|gap|context|epoch|process|machine|GPU|reply|prompt|row|run|task"
_TURNS = re.compile(
    r"\b(?:what came of|told apart|held against)\b"
    rf"|\b(?:nats|tokens|answers|verb|folder|task|statements|sets|shuffle|values?|numbers?|one) an? (?:{_NOUNS})\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_sentence_has_at_most_twenty_words_on_average(file):
    assert average(file) <= 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_sentence_has_to_be_read_twice(file):
    assert [one for one in sentences(file) if _TURNS.search(one)] == []


def test_sentences_are_counted_without_code_tables_and_headings(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(
        "# A heading of words\n\nOne two `a b c` four.\nFive six! [Seven](x.md) eight.\n\n| a | b |\n|--|--|\n"
        "| c d | e |\n\n```\nno words here\n```\n\n- Nine costs 1,224.5 dollars, e.g. here. warmtune ends.\n"
    )
    assert sentences(file) == [
        "One two `code` four.", "Five six!", "Seven eight.", "Nine costs 1,224.5 dollars, eg here.", "warmtune ends."
    ]  # fmt: skip
    assert average(file) == pytest.approx((4 + 2 + 2 + 6 + 2) / 5)


@pytest.mark.parametrize("phrase", ["nats a token", "one folder a point", "what came of it", "answers a variant"])
def test_the_turns_of_phrase_are_found(phrase):
    assert _TURNS.search(f"It shows {phrase}.")
