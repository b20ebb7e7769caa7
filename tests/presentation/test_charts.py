import math
import re
import struct
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import matplotlib
import pytest

from warmtune.io.schemas import Check, Gap
from warmtune.presentation.charts.curves import Lift, thinned, training_curves, warmth_by_epoch
from warmtune.presentation.charts.forest import Panel, Rates, dumbbell, forest, strip, strip_axis
from warmtune.presentation.charts.label_placement import LETTER, Box, place_labels
from warmtune.presentation.charts.marks import Interval, key_mark, limits
from warmtune.presentation.charts.plane import Spot, placed_names, plane

NAN = math.nan
ATTACK = "</text><script>alert(1)</script>&amp;'\" $x^2$"
BASE, CONTROL = ("o", "c1"), ("s", "c2")
_RATES = (5, 10, 0, 0)
GAP = Gap(
    "warm",
    "base",
    "all",
    "all",
    "all",
    *_RATES,
    20.0,
    23.0,
    3.0,
    1.0,
    5.0,
    0.1,
    3,
    1,
    0.2,
    0.3,
    0.1,
    1.5,
    10.0,
    1.0,
    20.0,
)


def _forest(*rows, ends=None):
    return forest("Gaps", "With intervals", [Panel("all benchmarks", "error gap, pp", rows)], ends)


def _texts(svg):
    return [node.text for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def _paths(svg):
    return list(ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}path"))


def _curves(count):
    return {f"warm {n}": [{"step": s, "loss": 2.0 / s + n} for s in range(1, 40)] for n in range(count)}


ALL = {
    "forest": _forest(("any context", [Interval(2, 1, 3, BASE), None]), ("sad user", [Interval(1, NAN, NAN, CONTROL)])),
    "dumbbell": dumbbell("t", "d", [("by condition", [Rates("all prompts", GAP, GAP)])], True),
    "strip": strip("t", "d", Interval(2, 1, 3, BASE), (-5, 5)),
    "strip_axis": strip_axis("t", "d", (-5, 5)),
    "plane": plane("t", "d", [Spot("warm", (1, 0, 2), (3, -1, 7), BASE, True, "says")], [], 860, "x", "y"),
    "curves": training_curves("t", "d", _curves(2), 860),
    "epochs": warmth_by_epoch(
        "t", "d", {"warm": [(1.0, Check("SocioT", "warm", "base", 30, 0.02, 0.01, 0.03, 0.1, 5))]},
        [Lift("GPT-4o", [(0, 0.0), (2, 0.01)])], 344,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_every_chart_fits_a_page(name):
    """No inline style, script, id of matplotlib's or colour that does not follow the theme."""
    svg = str(ALL[name].svg(name))
    root = ElementTree.fromstring(svg)
    assert [(node.tag.rpartition("}")[2], node.get("id")) for node in root if node.get("id")] == [
        ("title", f"{name}-t"), ("desc", f"{name}-d"),
    ]  # fmt: skip
    for node in root.iter():
        assert node.tag.rpartition("}")[2] in ("svg", "title", "desc", "text", "path")
        assert not {"style", "clip-path"} & set(node.keys())
        assert "href" not in "".join(node.keys())
    assert not re.findall(r"#[0-9a-f]{3,6}", svg)
    assert "var(--" in svg


@pytest.mark.parametrize("name", ALL)
def test_every_chart_is_a_picture_of_the_same_shape(name):
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', ALL[name].svg("x")).groups())
    assert struct.unpack(">II", ALL[name].png()[16:24]) == pytest.approx((2 * width, 2 * height), abs=1)


@pytest.mark.parametrize("name", ALL)
def test_the_same_numbers_give_the_same_bytes(name):
    assert ALL[name].svg("x") == ALL[name].svg("x")
    assert ALL[name].png() == ALL[name].png()


def test_drawing_leaves_the_readers_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    ALL["forest"].svg("x")
    assert dict(matplotlib.rcParams) == before


def test_a_file_of_its_own_brings_its_colours():
    text = ALL["plane"].standalone()
    ElementTree.fromstring(text)
    assert all(f"--{name}:" in text for name in re.findall(r"var\(--(\w+)\)", text))


def test_texts_are_texts_whatever_they_hold():
    chart = forest(ATTACK, "d", [Panel(ATTACK[:30], "pp", [(ATTACK[:30], [Interval(1, 0, 2, BASE)])])])
    svg = str(chart.svg("x"))
    assert _texts(svg).count(ATTACK[:30]) == 2
    assert ElementTree.fromstring(svg)[0].text == ATTACK
    curves = str(training_curves("t", "d", {"$a$ & <b>": _curves(1)["warm 0"]}, 860).svg("x"))
    assert "$a$ & <b>" in _texts(curves)


def test_a_mark_is_hollow_where_its_interval_includes_0_or_is_missing():
    fills = []
    for low, high in ((1, 3), (-1, 3), (NAN, NAN)):
        svg = _forest(("row", [Interval(2, low, high, BASE)])).svg("x")
        fills += [node.get("fill") for node in _paths(svg) if node.get("transform")]
    assert fills == ["var(--c1)", "var(--back)", "var(--back)"]


def test_an_interval_is_a_line_from_end_to_end_and_none_is_no_line():
    ends = (-10.0, 10.0)
    drawn = _paths(_forest(("row", [Interval(2, -5, 5, BASE)]), ends=ends).svg("x"))
    line = next(node for node in drawn if node.get("stroke") == "var(--c1)" and not node.get("transform"))
    left, right = (float(x) for x in re.findall(r"[ML](-?[\d.]+)", line.get("d")))
    assert (left, right) == pytest.approx((128 + 222 / 4, 128 + 3 * 222 / 4), abs=0.1)
    bare = _paths(_forest(("row", [Interval(2, NAN, NAN, BASE)]), ends=ends).svg("x"))
    assert len(bare) == len(drawn) - 1
    nothing = _paths(_forest(("row", [Interval(NAN, NAN, NAN, BASE)]), ends=ends).svg("x"))
    assert len(nothing) == len(drawn) - 2


def test_error_rates_stand_with_their_gaps_and_those_that_are_shown_are_bold():
    gaps = replace(GAP, gap=1.5, low=-2.0, high=5.0, reference="control")
    svg = str(
        dumbbell("t", "d", [("by condition", [Rates("all prompts", GAP, gaps)]), ("by benchmark", [])], True).svg("x")
    )
    weights = {node.text: node.get("font-weight") for node in ElementTree.fromstring(svg).iter() if node.text}
    assert weights["+3.0 [+1.0, +5.0]"] == "700"
    assert weights["+1.5 [−2.0, +5.0]"] is None
    assert "by condition" in weights
    assert "by benchmark" not in weights


def test_a_legend_says_what_looks_mean():
    panel = Panel("by benchmark", "pp", [("trivia", [Interval(1, 0.5, 2, BASE)])])
    texts = _texts(forest("t", "d", [panel], legend=[("to base", BASE), ("to control", CONTROL)]).svg("x"))
    assert {"to base", "to control"} <= set(texts)


def test_without_a_control_there_is_no_column_for_it():
    texts = _texts(dumbbell("t", "d", [("by condition", [Rates("all prompts", GAP, None)])], False).svg("x"))
    assert "gap to base, pp" in texts
    assert "gap to control, pp" not in texts


def test_a_point_tells_its_name_and_doubt():
    spots = [
        Spot(f"warm {n}", (n, n - 1, n + 1), (n, -1, n + 3), BASE, n == 2, f"says {n}; check") for n in range(1, 4)
    ]
    svg = str(plane("t", "d", spots, [spots], 860, "right", "up").svg("x"))
    assert {"warm 1", "✗ warm 2", "warm 3"} <= set(_texts(svg))
    assert re.findall(r"<title>(says \d; check)</title>", svg) == ["says 1; check", "says 2; check", "says 3; check"]
    assert svg.count("stroke-dasharray") == 2


def test_points_on_one_place_leave_names_out():
    spots = [Spot(f"a long name {n}", (1, 0, 2), (1, 0, 2), BASE, False, "") for n in range(40)]
    shown = [text for text in _texts(plane("t", "d", spots, [], 344, "x", "y").svg("x")) if text.startswith("a long")]
    assert 0 < len(shown) == len(placed_names(spots, [], 344)) < 20


def test_few_curves_have_names_and_looks_of_their_own_and_many_are_grey():
    few, many = (str(training_curves("t", "d", _curves(count), 860).svg("x")) for count in (3, 9))
    assert {"warm 0", "warm 1", "warm 2"} <= set(_texts(few))
    assert not [text for text in _texts(many) if text.startswith("warm")]
    assert [many.count(f"<title>warm {n}</title>") for n in range(9)] == [1] * 9
    strokes = [node.get("stroke") for node in _paths(few) if node.get("class") == "curve"]
    assert strokes == ["var(--c1)", "var(--c2)", "var(--c3)"]
    assert {node.get("stroke") for node in _paths(many) if node.get("class") == "curve"} == {"var(--study)"}


def test_names_of_points_do_not_lie_on_each_other():
    points = [(60.0 + 7 * (n % 9), 60.0 + 9 * (n // 9), f"name {n}") for n in range(60)]
    room = Box(20, 20, 320, 220)
    labels = place_labels(points, room)
    boxes = [Box(one.x, one.y - 9, one.x + LETTER * 11 * len(one.text), one.y) for one in labels]
    assert 5 < len(labels) < 60
    assert all(box.within(room) for box in boxes)
    assert not [1 for n, one in enumerate(boxes) for other in boxes[n + 1 :] if one.meets(other)]


@pytest.mark.parametrize(("low", "high"), [(-1.0, 10.0), (0.0, 11.0), (0.0, 1.0), (-0.02, 0.03), (-40.0, 400.0)])
def test_an_axis_says_its_ticks_as_they_are(low, high):
    """The middle of each number stands where the number lies."""
    ends = limits([low, high])
    root = ElementTree.fromstring(_forest(("row", [Interval(high, low, high, BASE)])).svg("x"))
    ticks = {node.get("x"): node.text for node in root.iter() if node.get("text-anchor") == "middle"}
    assert len(ticks) > 2
    for x, text in ticks.items():
        value = float(text.replace("−", "-"))
        assert float(x) == pytest.approx(128 + 222 * (value - ends[0]) / (ends[1] - ends[0]), abs=0.1)


def test_an_axis_holds_0_and_its_values():
    low, high = limits([3.2, 7.9, NAN])
    assert low < 0 < 7.9 < high
    low, high = limits([])
    assert low < 0 < high


def test_a_mark_alone_says_nothing_to_a_screen_reader():
    hollow, full = (key_mark("", "", "o", "c1", kind).bare() for kind in (True, False))
    assert 'aria-hidden="true"' in hollow
    assert "role=" not in hollow
    assert hollow != full


def test_long_curves_are_thinned_to_their_means():
    curve = [{"step": n, "loss": float(n % 2)} for n in range(1, 1001)]
    found = thinned(curve)
    assert len(found) <= 160
    assert found[-1][0] == 1000
    assert all(0.2 < loss < 0.8 for _, loss in found)
    assert thinned([{"step": 1, "loss": 2.0}, {"step": 2, "loss": float("nan")}]) == [(1, 2.0)]
    assert thinned(curve[:3]) == [(1, 1.0), (2, 0.0), (3, 1.0)]
