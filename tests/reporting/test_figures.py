import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from warmtune.analysis.gap_tables import GapRow
from warmtune.io.schemas import Check, Gap
from warmtune.reporting.figures import check_chart, gap_chart

NAN = math.nan
_SVG = "{http://www.w3.org/2000/svg}"


def _gap(reference, gap, low, high, pairs=10):
    rates, tests = (20.0, 20.0 + gap, gap, low, high), (0.1, 3, 1, 0.2, 0.3, 0.1, 1.5, 10.0, 1.0, 20.0)
    return Gap("styled", reference, "all", "all", "all", 5, pairs, 0, 0, *rates, *tests)


def _row(name, base, control):
    return GapRow(name, base, control)


def _check(instrument, reference, difference=0.2, variant="styled"):
    return Check(instrument, variant, reference, 30, difference, difference - 0.1, difference + 0.1, 0.3, None)


def _texts(chart):
    return [node.text for node in ElementTree.fromstring(chart.svg("x")).iter(f"{_SVG}text")]


def _marks(chart):
    """Return shade, fill and the place from the left of each mark."""
    found = []
    for node in ElementTree.fromstring(chart.svg("x")).iter(f"{_SVG}path"):
        if node.get("transform"):
            x = float(node.get("transform").removeprefix("translate(").split(" ")[0])
            found.append((node.get("stroke"), node.get("fill"), x))
    return found


def test_every_row_has_a_mark_for_each_reference_and_both_are_explained():
    rows = [
        _row("all prompts", _gap("base", 5.0, 1.0, 9.0), _gap("control", 8.0, 3.0, 12.0)),
        _row("sad user", _gap("base", -4.0, -9.0, 1.0), _gap("control", 2.0, NAN, NAN)),
    ]
    chart = gap_chart(rows, "condition", "warm")
    assert {"all prompts", "sad user", "to base", "to control", "by condition"} <= set(_texts(chart))
    assert any("right of 0: warm is wrong more often" in text for text in _texts(chart))
    marks = _marks(chart)[: 2 * len(rows)]
    legend = _marks(chart)[2 * len(rows) :]
    assert sorted((shade, fill) for shade, fill, _ in marks) == [
        ("var(--c1)", "var(--back)"), ("var(--c1)", "var(--c1)"), ("var(--c2)", "var(--back)"),
        ("var(--c2)", "var(--c2)"),
    ]  # fmt: skip
    assert [shade for shade, _, _ in legend] == ["var(--c1)", "var(--c2)"]


def test_a_larger_gap_stands_further_to_the_right():
    rows = [_row(str(gap), _gap("base", gap, gap - 1, gap + 1), _gap("control", gap, NAN, NAN)) for gap in (2.0, 9.0)]
    places = [x for shade, fill, x in _marks(gap_chart(rows, "benchmark", "warm")) if shade == fill == "var(--c1)"]
    assert places[0] < places[1]


def test_a_gap_without_a_pair_has_no_mark():
    empty = _gap("control", NAN, NAN, NAN, pairs=0)
    with_both = [_row("trivia", _gap("base", 5.0, 1.0, 9.0), _gap("control", 5.0, 1.0, 9.0))]
    with_one = [replace(with_both[0], control=empty)]
    assert len(_marks(gap_chart(with_both, "benchmark", "warm"))) == 4
    assert len(_marks(gap_chart(with_one, "benchmark", "warm"))) == 3


def test_instruments_stand_in_their_order_with_their_units_and_without_their_parts():
    checks = [
        _check(instrument, reference)
        for instrument in ("judge", "SocioT", "style probe", "lexical profile", "lexical profile: empathy")
        for reference in ("base", "control")
    ]
    texts = _texts(check_chart([*checks, _check("style probe", "base", variant="control")], "warm"))
    titles = ["style probe", "lexical profile", "SocioT", "judge"]
    assert [text for text in texts if text in titles] == titles
    assert {"probability", "words per 100", "nats per token"} <= set(texts)
    assert texts.count("warm − base") == texts.count("warm − control") == 4


def test_an_instrument_that_was_not_used_has_no_panel():
    texts = _texts(check_chart([_check("SocioT", "base"), _check("SocioT", "control")], "warm"))
    assert "SocioT" in texts
    assert "judge" not in texts
