"""The page in a real browser. Fixtures assert that no error was logged and that no request left the page."""

from pathlib import Path

import pytest
from made_up import ATTACK
from page import WIDTHS, axe_faults

from warmtune.comparison import page as page_module
from warmtune.comparison.comparison_tables import PROMPT, csv_text, ordered_answers
from warmtune.comparison.lookup import Lookup


def _pick(page, **chosen):
    for name, value in chosen.items():
        if name == "search":
            page.fill("[name=search]", value)
        else:
            page.select_option(f"[name={name}]", value)


def _saved(page, button):
    with page.expect_download() as found:
        page.click(button)
    return found.value.suggested_filename, found.value.path().read_text(encoding="utf-8")


def _expected(found, before=0, after=2, search="", **where):
    """Return what the filters should leave, by pandas: the rows of answers.csv."""
    frame = ordered_answers(found)
    width = len(found.variants)
    first = frame.iloc[::width].reset_index(drop=True)
    marks, answers = (frame[name].to_numpy().reshape(-1, width) for name in ("mark", "answer"))
    kept = first["prompt"] != ""
    if where.get("benchmark"):
        wanted = where["benchmark"]
        kept &= ~first["benchmark"].isin(found.controls) if wanted == "all" else first["benchmark"] == wanted
    if where.get("context"):
        kept &= first["context"].isin(found.grid.groups.get(where["context"], (where["context"],)))
    belief = where.get("belief")
    if belief:
        kept &= {"absent": first["belief"] == "", "present": first["belief"] != ""}.get(
            belief, first["belief"] == belief
        )
    if where.get("mark"):
        kept &= marks[:, after] == where["mark"]
    was, now = marks[:, before], marks[:, after]
    same = answers[:, before] == answers[:, after]
    changes = {
        "lost": (was == "correct") & (now == "incorrect"),
        "won": (was == "incorrect") & (now == "correct"),
        "mark": was != now,
        "words": ~same,
        "none": same,
    }
    if where.get("change"):
        kept &= changes[where["change"]]
    if search:
        texts = frame[["prompt", "question", "reference", "wrong", "question_id", "answer", "reason"]].agg(
            "\n".join, axis=1
        )
        hits = texts.str.lower().str.contains(search.lower(), regex=False).to_numpy().reshape(-1, width).any(axis=1)
        kept &= hits
    order = first.index[kept]
    wrong = (marks == "incorrect").sum(axis=1)
    by = {"wrong": -wrong, "right": wrong, "long": [-len(text) for text in answers[:, after]]}
    if where.get("sort"):
        order = sorted(order, key=lambda n: by[where["sort"]][n])
    return frame.iloc[[n * width + e for n in order for e in range(width)]]


@pytest.fixture(scope="module")
def blank(browser):
    """An empty page with the comparison of words alone."""
    page = browser.new_page()
    page.add_script_tag(path=Path(page_module.__file__).parent / "templates" / "diff.js")
    yield page
    page.close()


FILTERS = [
    {"benchmark": "health", "belief": "present"},
    {"benchmark": "all", "context": "stake", "sort": "wrong"},
    {"context": "emotion", "belief": "absent", "change": "mark"},
    {"change": "lost", "sort": "long"},
    {"change": "won", "belief": "correct"},
    {"change": "none", "mark": "correct", "sort": "right"},
    {"change": "words", "mark": "refusal"},
    {"search": "Names the WRONG", "belief": "incorrect"},
    {"search": "it is lyon. a", "sort": "long"},
    {"search": "nowhere to be found"},
]


def test_filters_and_order_leave_the_right_rows(opened, usual):
    page = opened(usual)
    _pick(page, before="0", after="2")
    for chosen in FILTERS:
        page.click("#clear")
        _pick(page, **chosen)
        expected = _expected(usual.found, **chosen)
        count = len(expected) // len(usual.found.variants)
        said = page.inner_text("#count")
        assert said.startswith(f"{count} of "), (chosen, said)
        assert len(page.query_selector_all("#list > li")) == min(10, count)
        if count:
            assert _saved(page, "#save-shown") == ("answers_shown.csv", csv_text(expected)), chosen
        else:
            assert page.is_disabled("#save-shown")


def test_every_table_can_be_saved(opened, usual):
    page = opened(usual)
    for file in usual.files:
        if file.suffix == ".csv":
            name, text = _saved(page, f"#settings [data-file={file.stem}]")
            assert name == file.name
            assert text == file.read_text(encoding="utf-8")


def test_an_answer_is_shown_with_its_mark_who_gave_it_and_why(opened, usual):
    page = opened(usual)
    page.check("[name=all]")
    _pick(page, before="0", after="3", sort="wrong")
    rows = _expected(usual.found, before=0, after=3, sort="wrong")
    width = len(usual.found.variants)
    for place in (0, 4, 9):
        item = page.locator("#list > li").nth(place)
        for e, box in enumerate(item.locator(".answer").all()):
            row = rows.iloc[place * width + e]
            said = box.inner_text()
            assert box.locator(".text").text_content() == row["answer"]
            assert row["variant"] in said
            assert row["mark"] in said
            assert f"marked by {row['by']}: {row['reason']}" in said
            assert ("check does not hold" in said) == bool(Lookup(usual.found).failed(row["variant"]))
    page.uncheck("[name=all]")
    assert page.locator("#list > li").nth(0).locator(".answer").count() == 3


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("It is Paris.", "It is Lyon.", "It is <ins>Paris.</ins>"),
        ("Oh dear, it is so  big", "it is big", "<ins>Oh dear,</ins> it is <ins>so</ins>  big"),
        (" it\n is", "it is", " it\n is"),
        ("a b c d", "w x y z", "a b c d"),
        ("<b>a</b> c", "c", "<ins>&lt;b&gt;a&lt;/b&gt;</ins> c"),
        ("", "a", ""),
        ("a " * 600, "a b", "a " * 600),
    ],
)
def test_words_that_the_other_answer_lacks_are_underlined(blank, text, other, expected):
    found = blank.evaluate(
        """([text, other]) => {
          const box = document.createElement("div");
          putMarked(box, text, other);
          return [box.innerHTML, box.textContent];
        }""",
        [text, other],
    )
    assert found == [expected, text]


def test_pages_are_turned(opened, usual):
    page = opened(usual)
    rows = _expected(usual.found)
    width = len(usual.found.variants)
    page.locator(".next").first.click()
    assert page.locator(".where-in").first.inner_text().startswith("page 2 of ")
    assert page.locator("#list .prompt").first.text_content() == rows.iloc[10 * width]["prompt"]
    assert page.evaluate("document.activeElement.id") == "list"
    page.locator(".previous").last.click()
    assert page.locator("#list .prompt").first.text_content() == rows.iloc[0]["prompt"]
    assert page.locator(".previous").first.is_disabled()


def test_another_variant_and_reference_are_shown(opened, usual):
    page = opened(usual)
    places = {one.inner_text(): one.get_attribute("value") for one in page.locator("#pick-variant option").all()}
    for one in usual.found.variants[1:]:
        value = next(value for text, value in places.items() if text.split(" (check")[0] == one.name)
        page.select_option("#pick-variant", value)
        for kind, reference in (("base", usual.found.variants[0].name), ("control", one.control)):
            radio = page.locator(f"#pick-reference [value={kind}]")
            if not reference:
                assert radio.is_disabled()
                continue
            radio.check()
            gap = Lookup(usual.found).gap(one.name, reference, belief="present")
            heading = page.inner_text("#heat-h")
            assert heading.startswith(f"{one.name} − {reference}:")
            assert ("check does not hold" in heading) == (not one.holds and one.kind == "tuned")
            cell = page.locator(".heat tbody tr").first.locator("td").nth(1)
            assert cell.locator("b").inner_text() == f"{gap.gap:+.1f}".replace("-", "−")
            assert ("z" in (cell.get_attribute("class") or "").split()) == (gap.low <= 0 <= gap.high)
            assert page.locator("#grid .panels svg").count() == 5


def test_the_frontier_changes_its_reference(opened, usual):
    page = opened(usual)
    assert page.is_visible(".to-base figure")
    page.check("[name=frontier-reference][value=control]")
    assert page.is_visible(".to-control figure")
    assert not page.is_visible(".to-base figure")


def test_the_heat_map_is_walked_by_keys_and_leads_to_its_answers(opened, usual):
    page = opened(usual)
    page.locator(".heat td[data-s]").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    focused = page.evaluate("[document.activeElement.cellIndex, document.activeElement.parentElement.sectionRowIndex]")
    assert focused == [3, 1]
    detail = page.inner_text("[data-detail]")
    assert "trivia, no context, no belief: " in detail
    assert " pairs of " in detail
    variant, reference = (page.get_attribute(".heat", f"data-{name}") for name in ("variant", "reference"))
    page.keyboard.press("Enter")
    names = [one.name for one in usual.found.variants]
    chosen = {"benchmark": "trivia", "context": "none", "belief": "absent"}
    assert {name: page.input_value(f"[name={name}]") for name in chosen} == chosen
    assert page.input_value("[name=after]") == str(names.index(variant))
    assert page.input_value("[name=before]") == str(names.index(reference))
    count = len(_expected(usual.found, **chosen)) // len(names)
    assert page.inner_text("#count").startswith(f"{count} of ")


def test_everything_is_reached_by_the_tab_key_and_shows_where_it_is(opened, usual):
    page = opened(usual)
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => { const e = document.activeElement;
               const name = e.id || e.name || e.dataset.file || e.getAttribute("href") || e.tagName;
               return [name, getComputedStyle(e).outlineStyle]; }"""
        )
        reached.add(name)
        assert outline != "none", name
        if name == "save-shown":
            break
    wanted = {
        "theme",
        "#variants",
        "#answers",
        "frontier-reference",
        "pick-variant",
        "reference",
        "TD",
        "search",
        "sort",
    }
    assert wanted <= reached


def test_texts_with_markup_stay_texts(opened, hostile):
    page = opened(hostile)
    assert page.title() == hostile.found.title
    assert page.locator("img").count() == 0
    assert page.locator("#list .answer .text").first.text_content() == ordered_answers(hostile.found)["answer"][0]
    for search, count in (("</SCRIPT><img", 146), ("</script><b>", 0)):
        page.fill("[name=search]", search)
        assert page.inner_text("#count").startswith(f"{count} of 146 ")
    assert ATTACK in page.text_content("#pick-variant")
    assert _saved(page, "#settings [data-file=answers]")[1] == csv_text(ordered_answers(hostile.found))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", ["usual", "hostile"])
def test_no_width_makes_the_page_scroll_sideways(opened, request, width, kind):
    page = opened(request.getfixturevalue(kind), width=width, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    texts = page.locator("#frontier svg:visible text").all()[:4]
    assert all(text.bounding_box()["height"] >= 9 for text in texts)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(opened, usual, theme):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    page = opened(usual, color_scheme=theme, bypass_csp=True)
    assert axe_faults(page) == []


def test_the_theme_is_the_systems_until_another_is_chosen(opened, usual):
    page = opened(usual, color_scheme="dark")
    back = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(back) == "rgb(20, 24, 28)"
    page.click("#theme")
    assert page.inner_text("#theme") == "Theme: light"
    assert page.evaluate(back) == "rgb(255, 255, 255)"
    page.reload()
    assert page.inner_text("#theme") == "Theme: light"
    page.click("#theme")
    assert page.evaluate(back) == "rgb(20, 24, 28)"


def test_print_is_light_and_without_controls(opened, usual):
    page = opened(usual, color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.is_visible("nav")
    assert not page.is_visible("#filters")
    assert page.is_visible("#list .answer >> nth=0")
    assert len(page.pdf()) > 10_000


def test_without_scripts_all_but_the_answers_is_there(browser, usual):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((usual.folder / "compare.html").as_uri())
    assert page.is_visible(".variants table")
    assert page.is_visible("#frontier svg >> nth=0")
    assert page.is_visible(".heat")
    assert "needs JavaScript" in page.inner_text("#answers")
    context.close()


def test_prompts_of_the_page_are_those_of_the_frame(opened, usual):
    page = opened(usual)
    prompts = usual.found.answers.drop_duplicates(PROMPT)
    assert page.inner_text("#count").startswith(f"{len(prompts)} of {len(prompts)} prompts")
