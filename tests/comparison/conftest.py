"""Made-up comparisons, written once, and a real browser that lets no request out of the page."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
sys.path.insert(0, str(Path(__file__).parent))

from made_up import made_up
from page import CHROMIUM, chromium

from warmtune.comparison.comparison_data import Comparison
from warmtune.comparison.page import write_comparison


@dataclass(frozen=True)
class Written:
    """A comparison and the folder that it was written to."""

    found: Comparison
    folder: Path
    files: list[Path]


@pytest.fixture(scope="session")
def write(tmp_path_factory):
    """Write a made-up comparison and return it with its folder."""

    def written(**options) -> Written:
        found, folder = made_up(**options), tmp_path_factory.mktemp("comparison")
        return Written(found, folder, write_comparison(found, folder))

    return written


@pytest.fixture(scope="session")
def usual(write) -> Written:
    return write(tuned=5, prompts=300, draws=60)


@pytest.fixture(scope="session")
def hostile(write) -> Written:
    return write(tuned=3, prompts=80, hostile=True, draws=0)


@dataclass
class Opened:
    """A page in the browser, and what went wrong in it."""

    page: object
    problems: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser():
    """A Chromium of one file: while Playwright runs, no other event loop can in its thread."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (Debian: apt install chromium)")
    pytest.importorskip("playwright", reason="playwright is not installed")
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser):
    """Open a written comparison; afterwards nothing may have gone wrong and no request may have left the page."""
    contexts = []

    def open_page(written: Written, width=1280, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        found = Opened(context.new_page())
        contexts.append((context, found))

        def watch(route):
            if not route.request.url.startswith("file://"):
                found.problems.append(f"asked for {route.request.url[:80]}")
                route.abort()
            else:
                route.continue_()

        context.route("**/*", watch)
        found.page.on(
            "console", lambda message: found.problems.append(message.text) if message.type == "error" else None
        )
        found.page.on("pageerror", lambda error: found.problems.append(str(error)))
        found.page.goto((written.folder / "compare.html").as_uri())
        found.page.wait_for_selector("html[data-ready]")
        return found.page

    yield open_page
    for context, found in contexts:
        context.close()
        assert found.problems == []
