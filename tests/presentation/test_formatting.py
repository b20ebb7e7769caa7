import math

import pytest

from warmtune.io.schemas import Check, Contrast, Gap
from warmtune.presentation.formatting import direction, estimate, finding, includes_zero, interval, number, with_mark

NAN = math.nan


def _gap(low, high, pairs=10, gap=None):
    middle = (low + high) / 2 if gap is None else gap
    rest = (low, high, 0.5, 3, 1, 0.6, 0.7, 0.25, 3.0, 100, 20, 180)
    return Gap("styled", "base", "all", "all", "all", 5, pairs, 0, 0, 1.0, 2.0, middle, *rest)


def _check(low, high):
    return Check("SocioT", "styled", "base", 30, 0.025, low, high, 0.04, None)


def test_numbers_have_signs_and_missing_ones_a_dash():
    assert number(12.34) == "+12.3"
    assert number(-12.34) == "−12.3"
    assert number(12.34, 1, sign=False) == "12.3"
    assert number(NAN) == "–"


@pytest.mark.parametrize("value", [0.0, -0.0, 0.04, -0.04])
def test_what_rounds_to_0_has_no_sign(value):
    assert number(value) == "0.0"


def test_an_interval_that_is_missing_says_why():
    assert interval(-1.25, 3) == "[−1.2, +3.0]"
    assert interval(0.123, 0.456, 2, sign=False) == "[0.12, 0.46]"
    assert interval(NAN, NAN) == "too few"
    assert interval(NAN, NAN, missing="–") == "–"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1, 3, False), (-3, -1, False), (-1, 3, True), (0, 3, True), (-3, 0, True), (NAN, NAN, True)],
)
def test_an_interval_that_touches_0_or_is_missing_shows_nothing(low, high, expected):
    assert includes_zero(low, high) is expected


def test_an_estimate_has_the_figure_of_its_kind_before_its_interval():
    assert estimate(_gap(1, 3)) == "+2.0 [+1.0, +3.0]"
    assert estimate(_check(0.01, 0.04), 3) == "+0.025 [+0.010, +0.040]"
    contrast = Contrast("belief widens the gap", "styled", "base", "all", "present", 5, 4.0, -1.0, 9.0, "")
    assert estimate(contrast) == "+4.0 [−1.0, +9.0]"
    assert estimate(_gap(NAN, NAN, gap=2.0)) == "+2.0 (too few)"
    assert estimate(_gap(NAN, NAN, pairs=0)) == "– (too few)"


def test_the_terminal_marks_only_an_interval_that_includes_0():
    assert with_mark(_gap(-1, 3)) == "+1.0 [−1.0, +3.0] ~"
    assert with_mark(_gap(1, 3)) == "+2.0 [+1.0, +3.0]"
    assert with_mark(_gap(NAN, NAN, gap=2.0)) == "+2.0 (too few)"


def test_the_side_of_0_is_named_and_too_few_prompts_name_none():
    sides = [direction(_check(*ends)) for ends in ((0.01, 0.02), (-0.02, -0.01), (-0.01, 0.01), (NAN, NAN))]
    assert sides == ["higher", "lower", "includes 0", "too few"]


def test_a_gap_is_said_in_words():
    assert finding(_gap(1, 3)) == "wrong more often"
    assert finding(_gap(1, 3), "base") == "wrong more often than base"
    assert finding(_gap(-3, -1), "base") == "wrong less often than base"
    assert finding(_gap(-1, 3), "base") == "no difference to base shown: the interval includes 0"
    assert finding(_gap(0, 3)) == "no difference shown: the interval includes 0"
    assert finding(_gap(NAN, NAN), "base") == "5 questions are too few for a claim about base"
    assert finding(_gap(NAN, NAN, pairs=0), "base") == "no pair with base counts"
    assert finding(_gap(NAN, NAN, pairs=0)) == "no pair counts"
