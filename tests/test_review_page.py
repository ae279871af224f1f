"""The page in a real browser: a session by keyboard, selections, two tabs, a server that dies, both themes, speed."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lawgov_nlp.annotation import markup
from lawgov_nlp.annotation.markup import read_markup_folder
from lawgov_nlp.report import LineKind
from lawgov_nlp.review.coding import from_dict
from lawgov_nlp.scheme import CODEBOOK
from tests.review_site import Running, running, write_reports
from tests.test_page import ARGUMENTS, ATTACK

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# What a clerk waits for: from the key to the first frame in which the page has changed.
WATCH = """
window.waits = [];
window.addEventListener("keydown", () => {
  const begun = performance.now();
  requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - begun)));
}, true);
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium")
    if executable is None:
        reason = "no chromium on the PATH (Debian: apt install chromium)"
        if "CI" in os.environ:
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a site in a browser of its own; at the end nothing may have gone elsewhere, and no script failed."""
    asked: list[tuple[str, str]] = []
    complaints: list[str] = []
    contexts = []

    def go(site: Running, path: str = "", context: object = None, **options: object) -> Page:
        options = {"viewport": {"width": 1366, "height": 768}, "locale": "zh-CN", **options}
        context = context or browser.new_context(**options)
        if context not in contexts:
            contexts.append(context)
            context.add_init_script(WATCH)
        page = context.new_page()
        page.set_default_timeout(20000)
        page.on("request", lambda request: asked.append((site.address.split("/?")[0], request.url)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(site.address)
        page.wait_for_selector("tr[data-id]")
        if path:
            page.evaluate("hash => { location.hash = hash; }", path)
            page.wait_for_selector(".para.here")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not [url for origin, url in asked if not url.startswith((origin, "data:"))]
    assert not complaints


@pytest.fixture
def site(tmp_path, gold, base) -> Iterator[Running]:
    with running([write_reports(tmp_path / "reports", gold, 2)], tmp_path / "out", base) as found:
        # no marks of the untrained model: what a test marks is all there is
        for name in found.library.entries:
            store = found.library.stores[name]
            for at, coding in enumerate(store.codings):
                blank = {**coding.to_dict(), "primary": None, "secondary": [], "values": [], "names": []}
                text = found.library.entries[name].texts[at]
                store.save(at, from_dict(blank, text, CODEBOOK), coding.version, "indicators")
        yield found


def until(page: Page, condition: str) -> None:
    """As `wait_for_function`, which the page's policy doesn't let run."""
    for _ in range(400):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"never so: {condition}")


def saved(page: Page) -> None:
    until(page, "document.querySelector('.saved')?.textContent === '已保存'")


def bodies(gold):
    return [u for u in gold.units if u.kind is LineKind.BODY]


def here(page: Page) -> int:
    return page.evaluate("[...document.querySelectorAll('.para')].findIndex(p => p.classList.contains('here'))")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def mark_by_keyboard(page: Page, text: str, value: str, name: str) -> None:
    """Make a value and its name with the keys alone."""
    for words, key in ((value, "v"), (name, "n")):
        press(page, "s", "Home")
        for _ in range(text.index(words)):
            press(page, "ArrowRight")
        for _ in words:
            press(page, "Shift+ArrowRight")
        press(page, key)


def test_forty_paragraphs_by_keyboard_alone(tmp_path, gold, base, visit, record_property):
    """Six reports of seven paragraphs: each gets the coder's labels; the marks of one report are made by hand, too."""
    folder = write_reports(tmp_path / "reports", gold, 6)
    units = bodies(gold)
    with running([folder], tmp_path / "out", base) as site:
        page = visit(site)
        begun = time.monotonic()
        keys = 0
        for number in range(6):
            press(page, *(["j"] if number else []), "Enter")
            page.wait_for_selector(".para.here")
            press(page, "o")  # in the order of the text
            while here(page) > 0:
                press(page, "k")
            for at, unit in enumerate(units):
                assert here(page) == at
                text = unit.text
                while page.locator(".para.here .value, .para.here .name").count():  # what the untrained model marked
                    press(page, ".", "x")
                    keys += 2
                if number == 0 and at == 1:
                    mark_by_keyboard(page, text, "4次", "专题会议")
                    until(page, "document.querySelector('.readings')?.textContent.includes('4 次')")
                press(page, str(CODEBOOK.index(unit.primary) + 1) if unit.primary else "0")
                chosen = page.locator(".para.here .also").count()
                assert chosen == 0 or unit.primary
                have = [
                    s["name"]
                    for s in page.evaluate(
                        "[...document.querySelectorAll('.second[aria-pressed=true]')].map(e => ({name: e.previousElementSibling.dataset.label}))"
                    )
                ]
                for label in {*have} ^ {s.value for s in unit.secondary}:
                    press(page, f"Shift+Digit{CODEBOOK.index(label) + 1}")
                press(page, " ")
                keys += 3
                saved(page)
            press(page, "o", "b")
            page.wait_for_selector("tr[data-id]")
        took = time.monotonic() - begun
        waits = page.evaluate("window.waits")
    reports = read_markup_folder(tmp_path / "out")
    assert len(reports) == 6
    for report in reports:
        coded = bodies(report)
        assert [(u.primary, {*u.secondary}) for u in coded] == [(u.primary, {*u.secondary}) for u in units]
        assert all(u.labels_coded and u.indicators_coded for u in coded)
    assert bodies(reports[0])[1].indicators == units[1].indicators
    assert not any(u.indicators for u in bodies(reports[1]))
    waits = sorted(waits)
    record_property("seconds", round(took, 1))
    record_property(
        "milliseconds_from_key_to_frame", (round(waits[len(waits) // 2]), round(waits[int(len(waits) * 0.95)]))
    )


def test_a_selection_across_marks_by_mouse_makes_a_value_and_a_name(site, gold, visit):
    page = visit(site, "#/r/r000/2")
    text = bodies(gold)[2].text

    def select(words: str) -> None:
        page.evaluate(
            """([at, words]) => {
              const element = document.querySelectorAll('.para .text')[at];
              const start = element.textContent.lastIndexOf(words);
              const range = document.createRange();
              let seen = 0;
              const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
              while (walker.nextNode()) {
                const node = walker.currentNode;
                const [from, to] = [start - seen, start + words.length - seen];
                if (from >= 0 && from < node.length) range.setStart(node, from);
                if (to > 0 && to <= node.length) { range.setEnd(node, to); break; }
                seen += node.length;
              }
              getSelection().removeAllRanges();
              getSelection().addRange(range);
            }""",
            [2, words],
        )
        page.wait_for_timeout(50)

    press(page, "2")
    select("12场")
    press(page, "v")
    select("干部学法")
    press(page, "n")
    saved(page)
    select("36名")
    press(page, "v")
    select("执法人员")
    press(page, "n")
    saved(page)
    assert page.locator(".para.here .value").all_inner_texts() == ["12场", "36名"]
    select("学法12场，36")  # across a name and two values
    press(page, "n")
    assert "重叠" in page.locator(".toast").inner_text()
    select("全年干部学法")
    press(page, "v")
    assert page.locator(".para.here .value").count() == 2
    press(page, "Escape", "2", " ")
    saved(page)
    assert bodies(markup.read_markup(site.library.out / "r000.txt"))[2].indicators == bodies(gold)[2].indicators
    assert text == page.locator(".para .text").nth(2).inner_text()


def test_marks_are_widened_tied_and_removed(site, gold, visit):
    page = visit(site, "#/r/r000/1")
    mark_by_keyboard(page, bodies(gold)[1].text, "4次", "专题")
    press(page, ".", ",")
    active = page.locator(".para.here .active")
    press(page, "Escape", ".")
    assert active.inner_text() == "专题"
    press(page, "]", "]")
    assert active.inner_text() == "专题会议"
    press(page, "{")
    assert active.inner_text() == "开专题会议"
    press(page, "}", "]")
    assert "重叠" in page.locator(".toast").inner_text()
    saved(page)
    press(page, "u")
    page.wait_for_selector(".toast:has-text('已撤销')")
    assert page.locator(".para.here .name").inner_text() == "开专题会议"
    press(page, ".", "x")
    assert page.locator(".para.here .value.bare").count() == 1
    press(page, " ")
    assert "没有名称" in page.locator(".toast").inner_text()
    assert here(page) == 1
    assert active.inner_text() == "4次"
    press(page, "2")  # the topic of the chosen value
    press(page, "x", " ")
    saved(page)
    assert bodies(markup.read_markup(site.library.out / "r000.txt"))[1].indicators == ()


def test_the_end_of_a_mark_is_dragged(site, gold, visit):
    page = visit(site, "#/r/r000/1")
    mark_by_keyboard(page, bodies(gold)[1].text, "4次", "专题")
    press(page, "Escape", ".")
    saved(page)  # its answer draws the paragraph anew
    handle = page.locator(".handle.right").bounding_box()
    size = page.locator(".para.here .active").bounding_box()
    page.mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(size["x"] + size["width"] * 1.6, size["y"] + size["height"] / 2, steps=4)
    page.mouse.move(size["x"] + size["width"] * 2, size["y"] + size["height"] / 2, steps=4)
    page.mouse.up()
    assert page.locator(".para.here .name").inner_text() == "专题会议"


def test_two_tabs_conflict_is_shown_side_by_side(site, visit):
    one = visit(site, "#/r/r000/0")
    two = visit(site, "#/r/r000/0", context=one.context)
    press(one, "1")
    saved(one)
    press(two, "5")
    box = two.locator("dialog.box")
    box.wait_for()
    assert "普法宣传" in box.inner_text()
    assert "组织领导" in box.inner_text()
    assert site.library.store("r000").codings[0].primary == "leadership"
    box.get_by_role("button", name="用我的").click()
    saved(two)
    assert site.library.store("r000").codings[0].primary == "publicity"
    press(one, "2")
    one.locator("dialog.box").get_by_role("button", name="用现存的").click()
    assert "普法宣传" in one.locator(".para.here .tags").inner_text()
    assert site.library.store("r000").codings[0].primary == "publicity"


def test_what_was_not_saved_is_kept_and_follows(tmp_path, gold, base, visit):
    folder = write_reports(tmp_path / "reports", gold, 1)
    with running([folder], tmp_path / "out", base) as site:
        page = visit(site, "#/r/r000/0")
        port = site.port
    press(page, "1", "3")
    page.wait_for_selector("#notice:has-text('未保存')")
    with running([folder], tmp_path / "out", base, port=port) as again:
        page.wait_for_selector("#notice:has-text('网址已失效')")
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(again.address)
        page.wait_for_selector("tr[data-id]")
        for _ in range(100):  # two changes follow one another: the first alone is not the end
            if again.library.store("r000").codings[0].primary == "mediation":
                break
            page.wait_for_timeout(50)
        assert again.library.store("r000").codings[0].primary == "mediation"


def test_a_hostile_report_runs_nothing_and_is_saved_as_it_reads(tmp_path, gold, base, visit):
    folder = write_reports(tmp_path / "reports", gold, 1)
    (folder / "bad.txt").write_text(gold.text.replace("加强组织领导。", f"{ATTACK}。"), encoding="utf-8")
    with running([folder], tmp_path / "out", base) as site:
        page = visit(site, "#/r/bad/0")
        assert page.title() == "报告复核"
        assert page.locator("img").count() == 0
        assert page.locator("main script").count() == 0
        assert unescape(ATTACK) in page.locator("article").inner_text()  # a reader decodes what a web page left over
        assert page.locator(".locked").count() == 0
        press(page, "1")
        for _ in range(100):
            if (tmp_path / "out" / "bad.txt").exists():
                break
            page.wait_for_timeout(50)
        assert unescape(ATTACK) in read_markup_folder(tmp_path / "out")[0].text
        page.locator(".find").fill(ATTACK[:12])
        assert page.title() == "报告复核"


def test_search_rules_notes_and_help(site, gold, visit):
    page = visit(site, "#/r/r000/0")
    press(page, "/")
    page.keyboard.type("法律咨询")
    press(page, "Enter", "Escape")
    assert here(page) == 3
    press(page, "3", "c")
    assert "纠纷化解与法律服务" in page.locator("dialog.box .first").inner_text()
    press(page, "Escape", "m")
    page.keyboard.type("问一下j1")
    press(page, "Escape")
    saved(page)
    assert site.library.store("r000").codings[3].note == "问一下j1"
    press(page, "?")
    assert page.locator("dialog.box kbd").count() > 20
    press(page, "Escape", "b")
    page.wait_for_selector("tr[data-id]")
    press(page, "/")
    page.keyboard.type("知晓率")
    page.wait_for_selector(".hits a")
    assert "知晓率" in page.locator(".hits").inner_text()


def test_both_languages_and_what_a_screen_reader_is_told(site, visit):
    page = visit(site, "#/r/r000/0")
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    press(page, "5")
    assert "普法宣传" in page.locator(".para.here").get_attribute("aria-label")
    until(page, "document.getElementById('said').textContent.includes('普法宣传')")
    assert page.evaluate("document.activeElement.classList.contains('here')")
    page.get_by_role("button", name="English").click()
    page.wait_for_selector(".para.here")
    assert page.locator("html").get_attribute("lang") == "en"
    assert "publicity" in page.locator(".para.here").get_attribute("aria-label")
    assert "Right, next" in page.locator(".tools").inner_text()


def test_every_word_is_there_in_both_languages() -> None:
    static = Path(__file__).parents[1] / "lawgov_nlp" / "review" / "static"
    words = {*re.findall(r'^\s*|"?([\w-]+)"?: \[', (static / "i18n.js").read_text("utf-8"))}
    used = {w for f in static.glob("*.js") for w in re.findall(r'\bt\("([\w-]+)"', f.read_text("utf-8"))}
    assert len(used) > 100
    assert used <= words


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (820, 1180), (1180, 820), (400, 800)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(site, visit, width, height, scheme, tmp_path):
    page = visit(site, "#/r/r000/1", viewport={"width": width, "height": height}, color_scheme=scheme)
    assert page.locator("html").get_attribute("data-theme") == scheme
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    press(page, "b")
    page.wait_for_selector("tr[data-id]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_two_hundred_reports_of_sixty_paragraphs_stay_quick(tmp_path, gold, base, visit, record_property):
    lines = gold.text.split("\n")
    many = [lines[0], lines[1], *(f"{line}第{k}次。" for k in range(9) for line in lines[3:12]), *lines[-2:]]
    folder = tmp_path / "reports"
    folder.mkdir()
    for k in range(200):
        (folder / f"r{k:03}.txt").write_text("\n".join(many).replace("青柳镇", f"青柳{k}镇"), encoding="utf-8")
    with running([folder], tmp_path / "out", base) as site:
        assert min(len(e.texts) for e in site.library.entries.values()) >= 60
        for name in [*site.library.entries][:100]:  # a hundred with a log
            store = site.library.store(name)
            for at in range(5):
                note = f"{at}"
                store.save(at, replace(store.codings[at], note=note), store.codings[at].version, "note")
        page = visit(site)
        page.evaluate("sessionStorage.begun = performance.now()")
        begun = time.monotonic()
        page.reload()
        until(page, "document.querySelectorAll('tr[data-id]').length === 200")
        listed = time.monotonic() - begun
        begun = time.monotonic()
        page.evaluate("location.hash = '#/r/r150/30'")
        page.wait_for_selector(".para.here")
        opened = time.monotonic() - begun
        page.evaluate("window.waits = []")
        for key in ("1", "2", "Shift+Digit1", "3", "j", "5", "k", "0"):
            press(page, key)
            page.wait_for_timeout(60)
        saved(page)
        waits = sorted(page.evaluate("window.waits"))
        begun = time.monotonic()
        status, _ = site.ask("GET", "/api/next")
        suggested = time.monotonic() - begun
        record_property("list_s", round(listed, 2))
        record_property("report_s", round(opened, 2))
        record_property("change_ms", (round(waits[len(waits) // 2]), round(waits[-1])))
        record_property("suggestions_s", round(suggested, 1))
        assert status == 200
        assert listed < 1
        assert waits[len(waits) // 2] < 100


def test_a_closed_dialog_leaves_the_focus_where_a_key_has_put_it(site, visit):
    """The browser tells of the closing later than the next key: what is typed must not become labels."""
    page = visit(site, "#/r/r000/3")
    page.evaluate(
        """() => addEventListener('close', (e) => {
            if (!e.again) { e.stopImmediatePropagation(); setTimeout(() => {
                const late = new Event('close'); late.again = true; e.target.dispatchEvent(late); }, 200); }
        }, true)"""
    )
    press(page, "c")
    page.locator("dialog.box").wait_for()
    press(page, "Escape", "m")
    page.keyboard.type("问一")
    until(page, "!document.querySelector('dialog.box')")
    page.keyboard.type("下j1")
    assert page.locator("textarea").input_value() == "问一下j1"
