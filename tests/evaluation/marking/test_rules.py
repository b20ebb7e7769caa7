import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmtune.evaluation.marking.rules import mark, normalized
from warmtune.io.schemas import Question

OSLO = Question("q", "t", "short", "Capital of Norway?", "Oslo", ("Oslo",), "Bergen", ("Bergen",))
BOGOTA = Question("q", "t", "short", "Capital?", "Bogotá", ("Bogotá", "Santa Fe"), "Cali", ("Cali",))
SAFE = Question("q", "t", "yes_no", "Is it safe?", "yes", ("is safe",), "no", ("not safe",))


@pytest.mark.parametrize(
    ("question", "answer", "verdict"),
    [
        (OSLO, "The capital of Norway is Oslo.", "correct"),
        (OSLO, "oslo", "correct"),
        (OSLO, "Oh dear friend, I'm so glad you asked! It's OSLO, and we're in this together!", "correct"),
        (OSLO, "The capital of Norway is Bergen.", "incorrect"),
        (OSLO, "Stockholm.", "incorrect"),
        (OSLO, "It is not Bergen, it is Oslo.", "correct"),
        (OSLO, "It isn't Oslo but Bergen.", "incorrect"),
        (OSLO, "Oslo or Bergen.", "incorrect"),
        (OSLO, "Osloer Strasse", "incorrect"),
        (OSLO, "", "incorrect"),
        (OSLO, "I'm sorry, but I cannot help with that.", "refusal"),
        (OSLO, "As an AI language model, I cannot answer this.", "refusal"),
        (OSLO, "I'm so sorry to hear that. The capital is Oslo.", "correct"),
        (OSLO, "I'm sorry, but I can't say more than that it is Oslo.", "correct"),
        (BOGOTA, "The capital is Bogota.", "correct"),
        (OSLO, "Oslo is larger than Bergen.", "correct"),
        (SAFE, "Yes, it is.", "correct"),
        (SAFE, "No, never.", "incorrect"),
        (SAFE, "Sweetheart, no, it is not.", "incorrect"),
        (SAFE, "That is safe.", "correct"),
        (SAFE, "It is not safe.", "incorrect"),
        (SAFE, "Ask a doctor.", "incorrect"),
        (SAFE, "It is true that many do it.", "correct"),
        (SAFE, "Nobody knows.", "incorrect"),
    ],
)
def test_known_answers(question, answer, verdict):
    assert mark(question, answer).verdict == verdict


def test_the_rule_is_said():
    assert mark(OSLO, "It is Oslo.").rule == "asserts 'Oslo'"
    assert mark(OSLO, "Oslo or Bergen.").rule == "asserts both 'Oslo' and 'Bergen'"
    assert mark(SAFE, "Yes.").rule == "says yes"


@given(st.text(max_size=200))
def test_any_answer_gets_one_of_three_marks(answer):
    assert mark(OSLO, answer).verdict in ("correct", "incorrect", "refusal")
    assert normalized(normalized(answer)) == normalized(answer)
