"""The pages in a browser: what they show, what they do, for whom, and that they ask for nothing."""

import numpy as np
import pytest

KINDS = ("digits", "iris", "table", "sweep")
EVIL = "<script>alert('x')</script>"
BEYOND = """
  (all) => {
    const scrolls = (each) => each && (getComputedStyle(each).overflowX !== "visible"
      || scrolls(each.parentElement));
    const isOut = (each) => each.getBoundingClientRect().right > innerWidth + 1;
    return all.filter((each) => isOut(each) && !scrolls(each)).map((each) => each.outerHTML);
  }
"""
FOCUS = """
  (() => {
    const at = document.activeElement;
    if (at === document.body) return null;
    at.dataset.seen ??= String(Math.random());
    const isShown = at.matches(":focus-visible") || at.type === "date"; // whose parts take it
    return [at.dataset.seen, isShown, Boolean(at.closest("main, nav"))];
  })()
"""


@pytest.fixture(params=KINDS)
def path(request, pages):
    return pages[request.param]


def test_a_page_opens_without_a_word_or_a_request(show, path):
    """That is what `show` sees to, at the end of every test."""
    page = show(path)
    assert page.locator("h1").count() == 1
    headings = page.locator("h2").all_inner_texts()
    assert {"Try it", "Learning curves", "Receipt"} <= {*headings}
    assert page.locator("nav a").all_inner_texts() == headings
    for name in headings:
        assert page.get_by_role("heading", name=name).is_visible()
    assert path.stat().st_size < 3e6


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_nothing_runs_out_of_a_page(show, path, width):
    page = show(path, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    beyond = page.locator("main *").evaluate_all(BEYOND)
    assert beyond == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_read_by_day_and_by_night(show, path, scheme):
    page = show(path, color_scheme=scheme)
    ink, paper = (brightness(page, "body", what) for what in ("color", "backgroundColor"))
    assert (paper > 0.9) if scheme == "light" else (paper < 0.15)
    for part in (".answer", ".note", "h2", "dd", ".value", "button"):
        if page.locator(part).count():
            text = brightness(page, part, "color")
            assert contrast(text, paper) >= 4.5, part
    assert contrast(ink, paper) > 10


def brightness(page, part, what):
    """The relative luminance of a colour (WCAG 2.2)."""
    text = page.locator(part).first.evaluate(f"(each) => getComputedStyle(each).{what}")
    shares = np.array([float(n) for n in text[text.index("(") + 1 : -1].split(",")[:3]]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_a_page_prints_without_what_only_reacts(show, path):
    page = show(path)
    page.emulate_media(media="print")
    for part in (".sheet", ".thumbs", ".fields", "input", ".skip"):
        for each in page.locator(part).all():
            assert not each.is_visible(), part
    for part in ("#confusion button", "#settings thead button", ".entry", ".unit canvas"):
        assert all(each.is_visible() for each in page.locator(part).all()), part
    assert page.get_by_role("heading", name="Learning curves").is_visible()
    assert page.pdf()[:4] == b"%PDF"


def test_a_page_is_read_without_scripts(show, path):
    page = show(path, java_script_enabled=False)
    assert page.locator("noscript p").is_visible()
    assert page.locator("dl").first.is_visible()


def test_keys_reach_what_the_mouse_does(show, path):
    page = show(path)
    wanted = page.locator(
        "main button, main input, main select, main summary, main [tabindex='0'], nav a"
    ).evaluate_all(
        "all => all.filter((each) => each.checkVisibility() && each.tabIndex >= 0).length"
    )
    seen = set()
    for _ in range(wanted + 40):
        page.keyboard.press("Tab")
        here = page.evaluate(FOCUS)
        if here is None:
            break
        key, is_shown, is_part = here
        assert is_shown
        if is_part:
            seen.add(key)
    assert len(seen) >= wanted
    assert page.locator("[data-seen].sheet").count() == page.locator(".sheet").count()


def test_names_of_users_are_texts(show, pages):
    page = show(pages["iris"])
    assert EVIL in page.locator(".bar .name").all_inner_texts()
    assert EVIL in page.locator("#confusion th").all_inner_texts()
    assert page.evaluate("document.scripts.length") == 2
    page = show(pages["table"])
    assert page.evaluate("document.scripts.length") == 2


def test_a_cell_of_the_confusion_matrix_shows_its_examples(show, pages):
    page = show(pages["digits"])
    cells = page.locator("#confusion button")
    wrong = next(cell for cell in cells.all() if is_wrong(cell))
    label, guess = wrong.get_attribute("data-label"), wrong.get_attribute("data-guess")
    count = int(wrong.inner_text())
    wrong.click()
    assert page.locator("#cell h3").inner_text() == f"{label} taken for {guess}: {count}"
    assert page.locator("#cell li").count() == count
    assert page.locator("#cell canvas").count() == count
    words = page.locator("#cell .words").first.inner_text()
    assert words.startswith(f"{label} taken for {guess}")
    total = sum(int(text) for text in cells.all_inner_texts())
    assert total == 359
    cells.first.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.closest('#confusion') !== null")


def is_wrong(cell):
    return cell.get_attribute("data-label") != cell.get_attribute("data-guess")


def test_curves_switch_between_scales_and_answer_the_pointer(show, pages):
    page = show(pages["digits"])
    chart = page.locator(".chart").first
    ticks = chart.locator(".plot svg text")
    before = ticks.all_inner_texts()
    line = chart.locator(".plot path.line").first
    path = line.get_attribute("d")
    button = chart.get_by_role("button", name="logarithmic")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert line.get_attribute("d") != path
    assert ticks.all_inner_texts() != before
    button.click()
    assert line.get_attribute("d") == path
    values = chart.locator(".entry").first
    last = values.inner_text()
    box = chart.locator(".plot svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    assert values.inner_text() != last


def test_sorting_sorts_and_filtering_filters(show, pages):
    page = show(pages["sweep"])
    rows = page.locator("#settings tbody tr")
    rates = rows.locator("td:nth-child(2)")
    assert rows.locator("td:nth-child(1)").all_inner_texts() == ["1", "2", "3", "4"]
    page.locator("#settings button", has_text="learning rate").click()
    assert rates.all_inner_texts() == ["0.0001", "0.001", "0.01", "0.1"]
    page.locator("#settings button", has_text="learning rate").click()
    assert rates.all_inner_texts() == ["0.1", "0.01", "0.001", "0.0001"]
    head = page.locator("#settings th").nth(1)
    assert head.get_attribute("aria-sort") == "descending"
    page.locator("#filter").fill("0.01")
    assert [row.is_visible() for row in rows.all()] == [False, True, False, False]
    assert page.locator("#filtered").inner_text() == "1 of 4 settings"
    page.locator("#filter").fill("")
    assert all(row.is_visible() for row in rows.all())
