"""The guard as a whole, and its parts on what they are for."""

import json
import sys
from pathlib import Path

import pytest

from warmtune.rewriting.guard import findings
from warmtune.rewriting.guard.content_words import clause_nearness, read
from warmtune.rewriting.guard.embedding import embedder
from warmtune.rewriting.guard.names import changed_names
from warmtune.rewriting.guard.numbers import changed_numbers
from warmtune.rewriting.guard.opposites import opposed
from warmtune.rewriting.guard.polarity import changed_polarity
from warmtune.rewriting.guard.refusal import refuses
from warmtune.rewriting.guard.verbatim import changed_verbatim

ROOT = Path(__file__).parents[3]
LENGTH = (0.6, 2.2)
ORIGINAL = """To reset the router, do this:

1. Hold the button for 10 seconds.
2. Wait until the light is green.
3. Open https://example.org/setup and enter `admin`.

Do not unplug it while it restarts, or the settings made on 3 May 2024 are lost."""


def checks(original, styled):
    return {finding.check for finding in findings([(original, styled)], LENGTH)[0]}


def test_an_unchanged_text_and_a_warm_frame_pass():
    assert checks(ORIGINAL, ORIGINAL) == set()
    assert checks(ORIGINAL, f"Oh, I'm so glad you asked me this!\n\n{ORIGINAL}\n\nYou've got this, my friend!") == set()


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (("10 seconds", "20 seconds"), "number"),
        (("10 seconds", "10 minutes"), "number"),
        (("3 May 2024", "3 May 2023"), "number"),
        (("`admin`", "`root`"), "verbatim"),
        (("example.org/setup", "example.org/start"), "verbatim"),
        (("2. Wait until the light is green.\n", ""), "verbatim"),
        (("Do not unplug it", "Unplug it"), "negation"),
        (("Hold the button", "Hold the Siemens button"), "name"),
    ],
)
def test_one_change_is_found_by_its_check(change, check):
    assert check in checks(ORIGINAL, ORIGINAL.replace(*change))


def test_what_is_empty_or_far_too_long_or_in_another_language():
    assert checks(ORIGINAL, "  ") == {"empty"}
    assert "length" in checks("It is so.", "It is so. " * 60)
    german = (
        "Halte den Knopf gedrückt und warte, bis das Licht grün ist; danach öffnest du die Seite und meldest dich an."
    )
    assert "language" in checks(
        "Hold the button and wait until the light is green; then open the page and log in.", german
    )


@pytest.mark.parametrize("empty", ["It is so, and there you are.", "1 + 1 = 2", "```\nx = 1\n```"])
def test_a_text_without_a_word_of_content_is_read_without_harm(empty):
    assert checks(empty, empty) == set()
    assert checks(empty, "The battery burns at night.")
    assert checks("The battery burns at night.", empty)
    one, other = read([empty, "The battery burns at night."], embedder())
    assert clause_nearness(one, other) == {}
    assert list(clause_nearness(other, one).values()) == [0.0]


def test_other_scripts_are_read_without_harm():
    chinese = "光合作用是绿色植物利用光能把二氧化碳和水变成葡萄糖和氧气的过程。"
    assert checks(chinese, chinese) == set()
    assert "language" in checks(
        chinese, "Photosynthesis turns carbon dioxide and water into sugar and oxygen, my friend."
    )


@pytest.mark.parametrize(
    ("original", "styled", "changed"),
    [
        ("Walk 5 km.", "Let's walk five kilometres.", False),
        ("Walk 5 km.", "Let's walk 5 miles.", True),
        ("Take 5 mg.", "Take 5 g.", True),
        ("It costs $1,200.", "It's 1200 dollars.", False),
        ("Wait 90 minutes.", "Wait an hour and a half, so 1.5 hours.", False),
        ("At 2 pm.", "At 2 am.", True),
        ("It has 3 parts.", "One big hug! It has three parts.", False),
        ("Half of it.", "50 % of it.", False),
        ("No number here.", "There are 7 here.", True),
    ],
)
def test_numbers_keep_their_amount_in_whatever_words(original, styled, changed):
    assert bool(changed_numbers(original, styled)) == changed


def test_a_name_that_became_another_is_named():
    said = changed_names(["We fly to Sydney."], ["We fly to Perth."], ["We fly to Perth."])
    assert said == "the name 'Sydney' is missing"
    assert changed_names(["Use the USA plug."], ["Use an American plug."], ["Use an American plug."]) == ""


@pytest.mark.parametrize(
    ("original", "styled", "changed"),
    [
        ("Do not eat raw beans.", "Please don't eat raw beans.", False),
        ("Do not eat raw beans.", "Please eat raw beans.", True),
        ("Do not eat raw beans.", "Stay away from raw beans.", False),
        ("It is safe to swim here.", "It isn't safe to swim here.", True),
        ("Swim here.", "Don't worry, my friend: swim here.", False),
    ],
)
def test_negations_stay_in_whatever_words(original, styled, changed):
    assert bool(changed_polarity([(original, styled)])) == changed


def test_an_opposite_is_found_and_two_that_cancel_out_are_not():
    assert opposed([("Open it before noon.", "Open it after noon.")], "Open it before noon.", "Open it after noon.")
    one, other = "The rate never changes.", "The rate always stays the same."
    assert opposed([(one, other)], one, other) == ""


def test_refusals_are_told_from_feelings():
    said = ["I'm sorry, but I can't help with that.", "I can't wait to hear more!", "As an AI, I do not have feelings."]
    assert refuses(said) == [said[0], said[2]]


def test_a_line_of_code_that_is_gone_is_named():
    code = "Run:\n\n```bash\nnpm test\nnpm run build\n```"
    assert "code block" in changed_verbatim(code, code.replace("npm test\n", ""))
    assert changed_verbatim(code, f"Sure! {code}") == ""


@pytest.mark.slow
def test_planted_changes_are_caught_and_faithful_rewrites_pass():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from guard import confusion

    planted = ROOT / "tests" / "rewriting" / "planted_pairs.jsonl"
    kinds = [json.loads(line)["kind"] for line in planted.read_text().splitlines()]
    assert (len(kinds), kinds.count("faithful")) == (150, 75)
    table = confusion(planted)
    bad = [counts for kind, counts in table.items() if kind != "faithful"]
    assert sum(counts["refused"] for counts in bad) >= 0.9 * 75
    assert table["faithful"]["refused"] <= 0.08 * 75
