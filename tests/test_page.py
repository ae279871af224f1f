"""The page: escaped, self-contained and usable, checked in a real browser; and the notebook view."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from lawgov_nlp.results.page import entry, to_html, to_index, to_notebook
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import DIMENSIONS
from tests.sample_report import EXACT, L, N, P, S, build, sample

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ATTACK = "\"'><script>document.title='run'</script><img src=x onerror=alert(1)>&amp;{{7*7}}</style></title>"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def hostile() -> TaggedReport:
    quantity = (ATTACK[:9], ATTACK[9:20], "5", ATTACK, EXACT, L)
    lines = [(kind, ATTACK, [], [], []) for kind in ("title", "salutation", "heading", "artifact", "signoff")]
    lines.insert(3, ("body", ATTACK, [L], [ATTACK], [quantity]))
    facts = dict.fromkeys(("title", "issuer", "date", "doc_number", "source", "model"), ATTACK)
    return build(lines, warnings=(ATTACK,), **facts)


def bare() -> TaggedReport:
    return TaggedReport(text="", units=(), tagged=())


class _Tags(HTMLParser):
    """Counts tags and collects attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


@pytest.mark.parametrize(
    "html",
    [to_html(hostile()), to_index([entry(hostile(), "a.html")]), to_notebook(hostile())],
    ids=["page", "index", "notebook"],
)
def test_nothing_in_a_report_becomes_markup(html: str) -> None:
    parsed = _Tags(html)
    assert "img" not in parsed.tags
    assert parsed.tags.count("script") <= 1
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert "{{7*7}}" in html
    assert "alert(1)" in html


@pytest.mark.parametrize("html", [to_html(sample()), to_index([entry(sample(), "a.html")]), to_notebook(sample())])
def test_no_outside_addresses(html: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\(", html)
    assert not [value for name, value in _Tags(html).attributes if name == "src"]


def test_text_stands_in_the_page_as_it_is() -> None:
    report = sample()
    body = re.sub(r"<[^>]+>", "", to_html(report))
    at = 0
    for unit in report.units:
        at = body.index(unit.text, at) + len(unit.text)
    for p in re.findall(r'<p class="text">(.*?)</p>', to_html(report)):
        assert re.sub(r"<[^>]+>", "", p) in report.text


def test_overlapping_spans() -> None:
    text = "走访7216户1.9万人次，占8成户"
    report = build(
        [
            (
                "body",
                text,
                [P],
                [],
                [("7216户", "户1.9", "7216", "户", EXACT, P), ("1.9万人次", "户1.9万", None, "", EXACT, L)],
            )
        ]
    )
    (marked,) = re.findall(r'<p class="text">(.*?)</p>', to_html(report))
    assert re.sub(r"<[^>]+>", "", marked) == text
    assert re.findall(r'id="(i\d)"', marked) == ["i0", "i1"]
    assert ElementTree.fromstring(f"<p>{marked}</p>") is not None  # no tag crosses another
    (p,) = report.paragraphs
    twins = replace(p, indicators=(p.indicators[0],) * 2)
    (marked,) = re.findall(r'<p class="text">(.*?)</p>', to_html(replace(report, tagged=(twins,))))
    assert re.sub(r"<[^>]+>", "", marked) == text
    assert set(re.findall(r'id="(i\d)"', marked)) == {"i0", "i1"}


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    attributes = _Tags(to_html(sample())).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {v[1:] for n, v in attributes if n == "href" and v} | {
        v for n, v in attributes if n == "aria-describedby"
    } <= {*ids}


def test_empty_long_and_unknown() -> None:
    assert "未命名报告" in to_html(bare())
    assert "没有文字" in to_html(bare())
    assert "没有抽取到指标" in to_html(bare())
    assert "None" not in to_html(bare()) + to_notebook(bare()) + to_index([entry(bare(), "a.html")])
    long = "甲乙丙丁5个" * 4000
    quantities = [("5个", "丙丁", "5", "个", EXACT, L)] * 300
    report = build([("body", long, [S, L], [], quantities)], year=None)
    assert to_html(report).count("data-i=") == 900
    assert "没有报告" in to_index([])


def test_a_doubtful_label_is_marked_for_review() -> None:
    report = sample()
    doubtful = replace(report, tagged=(replace(report.tagged[0], needs_review=True), *report.tagged[1:]))
    assert to_html(report).count('class="review"') == 0
    assert to_html(doubtful).count('class="review"') == 1


def test_source_shows_no_folders() -> None:
    for source in ("/home/zhang/报告.docx", "C:\\Users\\zhang\\报告.docx"):
        report = replace(sample(), title=None, source=source)
        for html in (to_html(report), to_index([entry(report, "a.html")]), to_notebook(report)):
            assert "报告.docx" in html
            assert "zhang" not in html


def test_numbers_are_not_rounded() -> None:
    report = build(
        [
            (
                "body",
                "5个6个",
                [L],
                [],
                [("5个", None, "15630000000.10", "个", EXACT, L), ("6个", None, None, "", EXACT, L)],
            )
        ]
    )
    html = to_html(report)
    assert ">15,630,000,000.1<" in html
    assert ">—<" in html
    assert "其中 1 项的数值未能读出" in html


def test_the_smallest_share_is_not_zero() -> None:
    report = build([("body", "甲" * 999, [L], [], []), ("body", "乙", [N], [], [])])
    assert "&lt;1%" in to_html(report)


def test_notebook_leaks_nothing_and_says_what_it_leaves_out() -> None:
    parsed = _Tags(to_notebook(sample()))
    assert not {"style", "script", "iframe", "link"} & {*parsed.tags}
    assert not [value for name, value in parsed.attributes if name in ("class", "id")]
    assert sample()._repr_html_() == to_notebook(sample())
    assert "另有 10 段未列出" in to_notebook(build([("body", f"第{n}段", [L], [], []) for n in range(50)]))


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
def show(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    """Loads a report's page from a file; at the end nothing may have gone outside, and no console error."""
    asked: list[str] = []
    complaints: list[str] = []
    pages = []

    def load(html: str, **options: object) -> Page:
        path = tmp_path / f"{len(pages)}.html"
        path.write_text(html, encoding="utf-8")
        page = browser.new_page(**options)
        page.set_default_timeout(5000)
        pages.append(page)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield load
    for page in pages:
        page.close()
    assert not [url for url in asked if not url.startswith("file:")]
    assert not complaints


def visible(page: Page, selector: str) -> list[str]:
    return [element.inner_text() for element in page.locator(selector).all() if element.is_visible()]


def test_filter(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    assert len(visible(page, ".para")) == 10
    assert page.locator("tr.dim").count() == 0
    button = page.locator(".filter[data-key=shortcomings]")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert len(visible(page, ".para")) == 2
    assert all("存在不足" in p for p in visible(page, ".para"))
    assert visible(page, ".heading") == ["二、存在的不足"]
    assert page.locator(".indicators tbody tr:not(.dim)").count() == 3
    assert visible(page, "[role=status]") == ["显示 2／10 段（含次要维度），指标 3／35 项"]
    page.locator(".filter[data-key=none]").click()
    assert len(visible(page, ".para")) == 3
    page.get_by_role("button", name="显示全部").click()
    assert len(visible(page, ".para")) == 10
    assert page.locator("tr.dim").count() == 0


def test_filter_shows_secondary_dimensions(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    page.locator(".filter[data-key=publicity]").click()
    assert len(visible(page, ".para")) == sum(P in p.labels for p in sample().paragraphs) == 4


def test_filter_by_keyboard(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    page.locator(".filter[data-key=plans]").focus()
    page.keyboard.press("Space")
    assert len(visible(page, ".para")) == 2
    page.keyboard.press("Enter")
    assert len(visible(page, ".para")) == 10


def test_a_value_lights_its_name_and_row(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    page.get_by_role("link", name="7216户").hover()
    assert page.locator("article .on").all_inner_texts() == ["走访", "7216户"]
    assert page.locator("tr.on").count() == 1
    page.locator("article .name", has_text="走访").hover()
    assert page.locator("article .on").all_inner_texts() == ["走访", "7216户", "1.9万人次"]


def test_probabilities_on_focus_and_hover(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    label = page.locator(".label", has_text="学法培训")
    tip = page.locator(f"#{label.get_attribute('aria-describedby')}")
    assert not tip.is_visible()
    label.focus()
    assert tip.is_visible()
    assert "88%" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    label.hover()
    assert tip.is_visible()


def test_a_link_into_a_hidden_paragraph_opens_it(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    page.locator(".filter[data-key=plans]").click()
    page.get_by_role("link", name="集体学法").click()
    assert page.locator("article .value", has_text="8次").is_visible()
    assert page.url.endswith("#i5")


def test_readable_without_scripts(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()), java_script_enabled=False)
    assert len(visible(page, ".para")) == 10
    assert len(visible(page, ".indicators tbody tr")) == 35
    assert not visible(page, ".clear")
    page.locator(".label").first.hover()
    assert visible(page, ".scores")


def test_hostile_report_runs_nothing(show: Callable[..., Page]) -> None:
    page = show(to_html(hostile()))
    assert page.title() == ATTACK
    assert page.locator("img").count() == 0
    assert page.locator(".title").inner_text() == ATTACK


def test_policy_stops_scripts_that_escaping_would_miss(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        to_html(sample()).replace("</body>", "<script>document.title='run'</script></body>"), encoding="utf-8"
    )
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.title() == sample().title
    page.close()


@pytest.mark.parametrize("width", [320, 400, 768, 1280])
def test_nothing_sticks_out(show: Callable[..., Page], width: int) -> None:
    for html in (
        to_html(sample()),
        to_html(hostile()),
        to_index([entry(sample(), "a.html"), entry(hostile(), "b.html")]),
    ):
        page = show(html, viewport={"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_print_shows_labels_and_no_controls(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    page.locator(".filter[data-key=plans]").click()
    page.emulate_media(media="print")
    assert [*map(str.strip, visible(page, ".para .label"))] == ["工作计划", "工作计划"]
    assert not visible(page, ".clear")
    assert not visible(page, ".scores")


def test_every_dimension_has_its_own_colour(show: Callable[..., Page]) -> None:
    page = show(to_html(sample()))
    grounds = page.locator(".legend .swatch").evaluate_all("all => all.map(e => getComputedStyle(e).backgroundColor)")
    assert len(set(grounds)) == len(DIMENSIONS) + 1


def test_index_leads_to_the_pages(show: Callable[..., Page], tmp_path: Path) -> None:
    (tmp_path / "甲 #1.html").write_text(to_html(sample()), encoding="utf-8")
    page = show(to_index([entry(sample(), "甲 #1.html")]))
    page.get_by_role("link").click()
    assert page.locator(".para").count() == 10
