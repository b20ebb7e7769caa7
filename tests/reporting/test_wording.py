from warmtune.analysis import ManipulationVerdict
from warmtune.config.contexts import NO_CONTEXT, Grid
from warmtune.io.schemas import Check, Marked
from warmtune.reporting.wording import cut_sentence, examples, verdict_sentences

GRID = Grid((NO_CONTEXT,))


def _check(instrument, reference, low, high, needed=None):
    return Check(instrument, "styled", reference, 30, (low + high) / 2, low, high, 0.04, needed)


def test_a_failed_check_says_that_the_gap_is_not_the_cost_of_warmth():
    passed = verdict_sentences(ManipulationVerdict(True, "took on the style and is warmer"), "warm", [])
    assert passed == ["Manipulation check: the tuned model took on the style and is warmer."]
    for found in ("took on the style, warmth not shown", "not shown", "colder"):
        assert "not the cost of warmth" in verdict_sentences(ManipulationVerdict(False, found), "warm", [])[1]
    assert (
        "not the cost of coldness" in verdict_sentences(ManipulationVerdict(False, "warmer"), "cold", [], "coldness")[1]
    )


def test_an_undecided_sociot_says_how_many_replies_it_needs():
    checks = [_check("SocioT", "base", -0.01, 0.02, 120), _check("SocioT", "control", 0.001, 0.02, 3400)]
    said = verdict_sentences(ManipulationVerdict(True, "took on the style and is warmer"), "warm", checks)[-1]
    assert "does not decide on these 30 replies" in said
    assert "it would need about 120 replies" in said
    few = [_check("SocioT", "base", -0.01, 0.02, 16)]
    assert "would probably have shown" in verdict_sentences(ManipulationVerdict(False, "not shown"), "warm", few)[-1]


def test_cut_answers_are_spoken_of_when_they_differ():
    few, many = {"answers": 100, "cut": 10}, {"answers": 100, "cut": 90}
    assert cut_sentence({"base": few, "warm": few}) == ""
    assert "base 10%, warm 90%" in cut_sentence({"base": few, "warm": many})


def _answers(mark_base, mark_styled, question):
    return [
        Marked(
            *(variant, "trivia", question, "none", "", 0, "t", f"{question}?", "?", "b", "c", "a", 1, True, "", False),
            *(mark, "rule", True, False, "rule", mark, "", "", ""),
        )
        for variant, mark in (("base", mark_base), ("control", "correct"), ("styled", mark_styled))
    ]


def test_examples_are_chosen_by_rule_in_both_directions():
    answers = [a for n in range(9) for a in _answers("correct", "incorrect", f"lost{n}")]
    answers += [a for n in range(9) for a in _answers("incorrect", "correct", f"won{n}")]
    answers += _answers("correct", "correct", "same")
    names = {"base": "base", "control": "control", "styled": "warm"}
    chosen = examples(answers, names, GRID)
    assert [e.why for e in chosen] == [
        "no context, no belief: base correct, warm incorrect (9 such)",
        "no context, no belief: base incorrect, warm correct (9 such)",
    ]
    assert chosen == examples(answers[::-1], names, GRID)
