"""Measure the comparison page in a real browser, and take its pictures.

    python benchmarks/page.py                     print the figures as JSON
    python benchmarks/page.py shots HTML FOLDER   a picture at three widths and in both themes

`page_mb`: size at the upper end of what is usual, 10 variants of 3,000 answers. `page_ready_s_100k`: from opening the
file to answers that can be filtered, 100,000 answers. `filter_ms_100k`: from a keystroke in the search, or a choice, to
the list that shows its result. `axe_serious`: serious and critical faults that axe-core finds, both themes together.
"""

import importlib.util
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from warmtune.comparison.comparison_data import Comparison
from warmtune.comparison.page import write_comparison

TURNS = 5
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDTHS = (360, 820, 1440)
THEMES = ("light", "dark")
_ROOT = Path(__file__).parent.parent


def page_figures() -> dict[str, float]:
    """Return all figures of the page."""
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        usual = _written(Path(scratch) / "usual", tuned=8, prompts=3000, draws=200)
        large = _written(Path(scratch) / "large", tuned=8, prompts=10_100, draws=0)
        return {
            "page_mb": round(usual.stat().st_size / 1e6, 3),
            "page_mb_100k": round(large.stat().st_size / 1e6, 2),
            "page_ready_s_100k": round(statistics.median(_ready_s(browser, large) for _ in range(TURNS)), 3),
            "filter_ms_100k": round(_filter_ms(browser, large), 1),
            "axe_serious": sum(_axe_count(browser, usual, theme) for theme in THEMES),
        }


def _written(folder: Path, **options: int) -> Path:
    write_comparison(_made_up(**options), folder)
    return folder / "compare.html"


def _made_up(**options: int) -> Comparison:
    spec = importlib.util.spec_from_file_location("made_up", _ROOT / "tests" / "comparison" / "made_up.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Comparison = module.made_up(**options)
    return found


@contextmanager
def chromium() -> Iterator[Any]:
    """Start the system's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def _open(browser: Any, html: Path, **options: Any) -> Any:
    page = browser.new_context(**options).new_page()
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-ready]")
    return page


def _ready_s(browser: Any, html: Path) -> float:
    """Return seconds from the start of the navigation until the answers can be used, as the page itself notes it."""
    page = _open(browser, html)
    ready = float(page.get_attribute("html", "data-ready")) / 1000
    page.context.close()
    return ready


def _filter_ms(browser: Any, html: Path) -> float:
    """Return the longest of the medians of several kinds of filter: event, filtering and the new list laid out."""
    page = _open(browser, html)
    page.wait_for_timeout(2000)  # the lower-cased texts are made when the page has come to rest
    kinds = [
        ("search", "nowhere"),
        ("search", "paris"),
        ("change", "lost"),
        ("sort", "long"),
        ("benchmark", "health"),
    ]
    medians = [statistics.median(_one_filter_ms(page, *kind) for _ in range(TURNS)) for kind in kinds]
    page.context.close()
    return max(medians)


def _one_filter_ms(page: Any, name: str, value: str) -> float:
    page.click("#clear")
    return float(
        page.evaluate(
            """([name, value]) => {
              const field = document.querySelector(`[name=${name}]`), began = performance.now();
              field.value = value;
              field.dispatchEvent(new Event("input", { bubbles: true }));
              document.getElementById("list").getBoundingClientRect();
              return performance.now() - began;
            }""",
            [name, value],
        )
    )


def _axe_count(browser: Any, html: Path, theme: str) -> int:
    page = _open(browser, html, color_scheme=theme, bypass_csp=True)
    faults = axe_faults(page)
    page.context.close()
    return len(faults)


def axe_faults(page: Any) -> list[str]:
    """Return the serious and critical faults that axe-core finds in an open page, with every `<details>` open.

    Args:
        page: of a context that lets scripts in (`bypass_csp`).
    """
    package = importlib.util.find_spec("axe_playwright_python")
    assert package is not None
    assert package.origin is not None
    page.add_script_tag(content=(Path(package.origin).parent / "axe.min.js").read_text())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def screenshots(html: Path, folder: Path, whole: bool = True) -> list[Path]:
    """Take pictures of a page at three widths and in both themes: its top, and if wished the whole page."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with chromium() as browser:
        for width in WIDTHS:
            for theme in THEMES:
                page = _open(browser, html, color_scheme=theme, viewport={"width": width, "height": 900})
                for full in (False, True) if whole else (False,):
                    files.append(folder / f"compare-{width}-{theme}-{'page' if full else 'top'}.png")
                    page.screenshot(path=files[-1], full_page=full)
                page.context.close()
    return files


if __name__ == "__main__":
    if sys.argv[1:2] == ["shots"]:
        print("\n".join(map(str, screenshots(Path(sys.argv[2]), Path(sys.argv[3])))))
    else:
        print(json.dumps(page_figures(), indent=2))
