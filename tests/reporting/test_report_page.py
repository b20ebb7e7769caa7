"""The report of a whole run, in a real browser."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from page import CHROMIUM, WIDTHS, axe_faults, chromium


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    pytest.importorskip("playwright", reason="playwright is not installed")
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser, whole):
    """Open the report; its contexts are closed afterwards."""
    html = next(whole[0].glob("stages/report-*/report.html"))
    contexts = []

    def open_report(width=820, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(html.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_width_makes_the_report_scroll_sideways_or_its_charts_illegible(opened, width):
    page = opened(width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    texts = page.locator("figure svg text").all()
    assert len(texts) > 20
    assert all(text.bounding_box()["height"] >= 9 for text in texts[:20])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault_in_the_report(opened, theme):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    assert axe_faults(opened(color_scheme=theme)) == []


def test_the_charts_follow_the_theme(opened):
    ink = "getComputedStyle(document.querySelector('figure svg text[font-weight]')).fill"
    light, dark = (opened(color_scheme=theme).evaluate(ink) for theme in ("light", "dark"))
    assert light == "rgb(29, 35, 41)"
    assert dark == "rgb(228, 232, 235)"
