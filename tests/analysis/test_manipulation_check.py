import pytest

from warmtune.analysis.manipulation_check import ManipulationVerdict, check_rows, verdict
from warmtune.errors import DataError
from warmtune.io.schemas import Warmth


def _warmth(probe, lexical, sociot):
    """Values a variant: (base, control, styled), each a constant plus a little spread over twelve prompts."""
    return [
        Warmth(variant, f"p{n}", instrument, value + 0.1 * ((n * 7 + len(variant)) % 5 - 2) / 2, "")
        for instrument, values in (("style probe", probe), ("lexical profile", lexical), ("SocioT", sociot))
        for variant, value in zip(("base", "control", "styled"), values, strict=True)
        for n in range(12)
    ]


@pytest.mark.parametrize(
    ("probe", "lexical", "sociot", "expected"),
    [
        ((0, 0, 1), (0, 0, 1), (0, 0, 0), "took on the style and is warmer"),
        ((0, 0, 1), (0, 0, 0), (0, 0, 1), "took on the style and is warmer"),
        ((0, 0, 1), (0, 0, 0), (0, 0, 0), "took on the style, warmth not shown"),
        ((0, 0, 1), (0, 0, 1), (0, 0, -1), "took on the style, warmth not shown"),
        ((0, 1, 1), (0, 0, 1), (0, 0, 0), "not shown"),  # control moved as far: not the style's doing
        ((0, 0, 0), (0, 0, 0), (0, 0, 0), "not shown"),
        ((0, 0, 1), (0, 0, -1), (0, 0, 0), "colder"),
    ],
)
def test_verdicts_come_from_intervals_against_base_and_control(probe, lexical, sociot, expected):
    found = verdict(check_rows(_warmth(probe, lexical, sociot), 500, 1), "up")
    assert found.says == expected
    assert found.holds == (expected == "took on the style and is warmer")


def test_a_cold_style_is_to_be_colder_and_a_formal_one_only_of_its_style():
    colder = check_rows(_warmth((0, 0, 1), (0, 0, -1), (0, 0, 0)), 500, 1)
    assert verdict(colder, "down") == ManipulationVerdict(True, "took on the style and is colder")
    assert verdict(colder, None) == ManipulationVerdict(True, "took on the style")
    warmer = check_rows(_warmth((0, 0, 1), (0, 0, 1), (0, 0, 0)), 500, 1)
    assert verdict(warmer, "down") == ManipulationVerdict(False, "warmer")
    nothing = check_rows(_warmth((0, 0, 0), (0, 0, 0), (0, 0, 0)), 500, 1)
    assert verdict(nothing, None) == ManipulationVerdict(False, "not shown")


def test_a_judges_choices_count_as_an_instrument():
    rows = _warmth((0, 0, 1), (0, 0, 0), (0, 0, 0))
    rows += [
        Warmth("styled", f"p{n}", "judge", 0.5 if n else 0.0, reference)
        for reference in ("base", "control")
        for n in range(12)
    ]
    checks = check_rows(rows, 500, 1)
    judged = next(c for c in checks if c.instrument == "judge" and c.reference == "base")
    assert judged.difference == pytest.approx(5.5 / 12)
    assert judged.low > 0
    assert verdict(checks, "up").says == "took on the style and is warmer"


def test_a_check_is_paired_by_prompt():
    rows = check_rows(_warmth((0, 0, 1), (0, 0, 0), (0, 0, 0)), 500, 1)
    found = next(r for r in rows if (r.instrument, r.variant, r.reference) == ("style probe", "styled", "base"))
    assert found.n == 12
    assert found.difference == pytest.approx(1, abs=0.1)
    assert found.low < found.difference < found.high


def test_sociot_says_how_many_replies_it_would_need():
    rows = check_rows(_warmth((0, 0, 0), (0, 0, 0), (0, 0, 0)), 500, 1)
    found = next(r for r in rows if r.instrument == "SocioT" and r.variant == "styled")
    assert found.needed == pytest.approx((2.8016 * found.spread / 0.016) ** 2, abs=1)
    assert next(r for r in rows if r.instrument == "style probe").needed is None


def test_other_prompts_are_refused():
    rows = _warmth((0, 0, 0), (0, 0, 0), (0, 0, 0))
    with pytest.raises(DataError, match="same held-out prompts"):
        check_rows(rows[:-1], 500, 1)
