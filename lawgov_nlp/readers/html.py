"""Pages of government sites: the article alone, complete and in order, with its title; nothing is ever fetched.

Own walk, not trafilatura (2.3.1): on one invented report put into six common kinds of markup it lost
every paragraph boundary where the article stands in a layout table, broke the paragraphs up or fell back to the whole
page with nested <div><span> (see trafilatura#43, #430, #890), and dropped the title or kept 来源 and 浏览次数. A lost
paragraph is a wrong count in a report; a page has one article, and finding the block that holds it is simple.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from lxml import etree
from lxml import html as lxml_html

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import HALF_PAIRS, ExtractedText, check_length
from lawgov_nlp.readers.lines import HAN, WIDE, row_lines, visible
from lawgov_nlp.readers.txt import decode_bytes

logger = logging.getLogger(__name__)

MAX_BYTES = 30_000_000
_MIN_HAN = 40

_GONE = ("head", "script", "style", "noscript", "template", "iframe", "object", "svg", "nav", "footer", "aside")
_GONE += ("select", "input", "textarea", "button", "option")  # type: ignore[assignment]
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_BLOCKS = {"address", "article", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt", "fieldset"}
_BLOCKS |= {"figcaption", "figure", "form", "header", "hr", "legend", "li", "main", "ol", "p", "pre", "section"}
_BLOCKS |= {"table", "tbody", "tfoot", "thead", "tr", "ul"} | _HEADINGS
_TEXT_TAGS = {"a", "b", "blockquote", "em", "font", "i", "li", "ol", "p", "pre", "strong", "u", "ul"} | _HEADINGS
# Names that the systems behind the sites (TRS, UCAP, 博达 vsb, Founder) give to the block with the article.
_CONTENT = re.compile(
    r"(?i)\b(trs_?(ue)?editor|ucap-?content|zoom|fontzoom|v_news_content|vsb_content\w*|wp_articlecontent"
    r"|(article|news|pages?|detail|main|txt|info|xxgk)[-_]?(content|con|body|txt)|content|con_?text|bt[-_]content)\b"
)
_HIDDEN = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")
_ENTRIES = (  # of the table above an article
    r"索\s*引\s*号|信息索引号?|主题分类|主\s*题\s*词|发文机关|发布机构|发布单位|公开主体|公开责任部门|信息来源|成文日期|发文日期"
    r"|发布日期|发布时间|生成日期|公开日期|更新时间|发文字号|文\s*号|公开方式|公开范围|公开时限|有\s*效\s*性|时\s*效\s*性|废止日期"
)
_LABELS = (
    r"来\s*源|作\s*者|责任编辑|编\s*辑|初\s*审|审\s*核|浏览次数|浏览量|阅读次数|阅读量|访问量|点击数|点击次数|字\s*体|字\s*号|分享到?"
    r"|当前位置|您的位置|您(现在|当前)的位置|主办单位?|承办单位?|技术支持|上一[篇条]|下一[篇条]"
)
# No line with a full stop is one: 全年开展“扫一扫”答题，浏览次数1.2万次。 is a finding of the report.
_FURNITURE = re.compile(
    rf"(?!.*[。；])[\W_]*(({_ENTRIES})\s*[】\])）]?\s*[:：\t]|({_LABELS})\s*[】\])）]?\s*[:：]"
    r"|(日\s*期|时\s*间)\s*[:：]\s*\d{4}[-/]"
    r"|((打印|关闭|收藏|分享|微信|微博|QQ空间|字体|字号|返回|顶部|首页|本页|本文|窗口|[大中小]|A)[\W_]*)+$"
    r"|.*(扫一扫|扫描二维码|版权所有|ICP备|网站标识码|公网安备|浏览次数\s*[:：]|【打印】|无障碍阅读|网站地图))"
)
_FURNITURE_CHARS = 120
_TITLE_CHARS = 4000  # with the white space of the source
_SIGNOFF = re.compile(
    r"\d{4}年\d{1,2}月(\d{1,2}日)?|[〇○零一二三四五六七八九十]{4}年.{1,3}月.*"
    r"|.{2,28}(政府|委员会|办公室|办事处|[局委办厅所])"
)
_SIGNOFF_LINES = 4
_CLIMB = 3
_HAN = re.compile(f"[{HAN}]")
_BLANKS = re.compile(r"[ \t\f\r\n]+")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_GLUE = re.compile(f"(?<=[{WIDE}])\n|\n(?=[{WIDE}])")


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a saved web page.

    Raises:
        ReadError: No article on it (a list, a frame, a page filled by script), or too large.
    """
    if len(data) > MAX_BYTES:
        raise ReadError(f"{path}: {len(data) / 1e6:.0f} MB of html; a page has at most {MAX_BYTES / 1e6:.0f} MB")
    # The declared charset is not asked: `gb2312` on UTF-8 pages is common after a move, the bytes don't lie.
    text, warnings = decode_bytes(data, path)
    # lxml refuses a str with an encoding declaration; the parser takes bytes of an encoding we name.
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        root = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise ReadError(f"{path}: no html that can be read ({error}); save the page again") from error
    if any("depth" in entry.message for entry in parser.error_log):  # libxml2 drops the rest of the page
        raise ReadError(f"{path}: tags nested too deep to read the page whole; copy its text into a .txt")
    if _settable(root):
        warnings += (HALF_PAIRS,)
    title = _title(root)
    _strip(root)
    masses = _masses(root)
    total = masses.get(root, 0)
    if total < _MIN_HAN:
        raise ReadError(
            f"{path}: no article on this page (a list of links, a frame, or filled in by script?); "
            "open the report itself and save the page, or copy its text into a .txt"
        )
    article = _article(root, masses, total)
    found = list(_lines(article))
    check_length(sum(map(len, found)), path)
    lines = [line for line in found if not _is_furniture(line)]
    logger.debug("%s: <%s>, %d of %d lines are furniture", path, article.tag, len(found) - len(lines), len(found))
    lines += _signoff(article)
    if title and _squeezed(title) not in _squeezed("".join(lines[:8])):
        lines.insert(0, title)
    outside = total - masses[article]
    if outside > 0.1 * total:
        warnings += (f"{outside} characters of text outside the article were left out; compare with the page",)
    return ExtractedText(text=visible("\n".join(lines)), warnings=warnings)


def _title(root: etree._Element) -> str:
    """The report's title as the page gives it: its meta tag, or a heading that the page's <title> has, too."""
    for meta in root.iter("meta"):
        if (meta.get("name") or "").lower() == "articletitle" and (meta.get("content") or "").strip():
            return " ".join(meta.get("content").split())
    page = _squeezed("".join(root.xpath("string(//title)")))
    for element in root.xpath("//h1 | //*[contains(@class, 'title') or contains(@class, 'Title') or @id='title']"):
        text = _beginning(element)
        short = _squeezed(text)
        if 6 <= len(short) <= 100 and (short in page or "报告" in short):
            return "".join(line.strip() for line in text.splitlines())
    return ""


def _beginning(element: etree._Element) -> str:
    """The text of an element, cut off beyond any title: blocks nest, and each would be read to its end."""
    pieces, size = [], 0
    for piece in element.itertext():
        pieces.append(piece)
        size += len(piece)
        if size > _TITLE_CHARS:
            break
    return "".join(pieces)


def _settable(root: etree._Element) -> bool:
    """Take out the characters that libxml2 reads from a page and lxml refuses to write when a neighbour is dropped.

    Returns:
        Whether there were halves of surrogate pairs among them, which stand as U+FFFD now.
    """
    halves = False
    for element in root.iter():
        for place in ("text", "tail"):
            text = getattr(element, place)
            if text and _UNFIT.search(text):
                halves = halves or re.search("[\ud800-\udfff]", text) is not None
                setattr(element, place, _UNFIT.sub(_fit, text))
    return halves


def _fit(char: re.Match[str]) -> str:
    if char[0] >= "\ud800":
        return "\ufffd"
    return " " if char[0].isspace() else ""  # a form feed, a separator


def _strip(root: etree._Element) -> None:
    """Drop what is no text, and what the page hides unless that is the article waiting for its script."""
    for element in list(root.iter(*_GONE)):
        if element.getparent() is not None:
            element.drop_tree()
    everything = len(root.text_content())
    for element in root.xpath("//*[@style or @hidden]"):
        hidden = element.get("hidden") is not None or _HIDDEN.search(element.get("style", ""))
        if hidden and element.getparent() is not None and len(element.text_content()) < everything / 2:
            element.drop_tree()


def _masses(root: etree._Element) -> dict[etree._Element, int]:
    """Chinese characters of running text in each element: not of links, page headings, labels and scraps."""
    masses: dict[etree._Element, int] = {}
    links = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            links += element.tag in ("a", "h1")
            masses[element] = 0 if links else _mass(element.text)
            continue
        links -= element.tag in ("a", "h1")
        parent = element.getparent()
        if parent is not None and element is not root:
            masses[parent] += masses[element] + (0 if links else _mass(element.tail))
    return masses


def _mass(text: str | None) -> int:
    if not text or _is_furniture(text):
        return 0
    han = len(_HAN.findall(text))
    return han if han >= 8 or re.search("[，。；：、]", text) else 0


def _article(root: etree._Element, masses: dict[etree._Element, int], total: int) -> etree._Element:
    """The smallest block that holds the running text.

    A block with one of the usual names is taken from 80% of it on: on a short report the site's own words weigh more.
    """
    named = [
        e
        for e, mass in masses.items()
        if mass >= 0.8 * total and isinstance(e.tag, str) and _CONTENT.search(f"{e.get('id', '')} {e.get('class', '')}")
    ]
    best = max(named, key=lambda e: masses[e], default=root)  # the first of equals is the outermost: nothing is lost
    while True:
        inner = next((c for c in best if masses.get(c, 0) >= 0.98 * masses[best] and c.tag not in _TEXT_TAGS), None)
        if inner is None:
            break
        best = inner
    # Figures in a table weigh next to nothing, and some sites set the table beside the block with the text.
    child = best
    for parent in islice(best.iterancestors(), _CLIMB):
        if parent.tag != "body" and any(_has_table(sibling) for sibling in parent if sibling is not child):
            best = parent
        child = parent
    return best


def _has_table(element: etree._Element) -> bool:
    """Whether there is a table of the report's: not of links, not the one with 索引号."""
    for table in element.iter("table"):
        links = sum(len(link.text_content()) for link in table.iter("a"))
        rows = (line for line in _lines(table) if "\t" in line)
        if links < len(table.text_content().strip()) / 2 and not all(map(_is_furniture, rows)):
            return True
    return False


def _lines(element: etree._Element) -> Iterator[str]:
    """The lines of an element as a browser breaks them, table rows joined by tabs. Not recursive: pages nest deep."""
    frames: list[list[str]] = [[]]
    rows: list[list[list[str]]] = []
    buffer: list[str] = []

    def flush() -> None:
        if line := _collapsed("".join(buffer)):
            frames[-1].append(line)
        buffer.clear()

    pre = 0
    for event, node in etree.iterwalk(element, events=("start", "end")):
        tag = node.tag
        cell = tag in ("td", "th")
        if tag in _BLOCKS or cell or tag == "br":
            flush()
        if event == "start":
            pre += tag == "pre"
            if tag == "tr":
                rows.append([])
            elif cell and rows:
                frames.append([])
            text = node.text
        else:
            pre -= tag == "pre"
            if cell and rows and len(frames) > 1:
                rows[-1].append(frames.pop())
            elif tag == "tr":
                frames[-1].extend(row_lines(rows.pop()))
            text = node.tail if node is not element else None
        for number, piece in enumerate((text or "").split("\n") if pre else [text or ""]):
            if number:
                flush()
            buffer.append(piece)
    flush()
    yield from frames[0]


def _collapsed(text: str) -> str:
    """White space as a browser shows it; a line end in the source beside a Chinese character is none."""
    text = _BLANKS.sub(lambda blanks: "\n" if "\n" in blanks[0] or "\r" in blanks[0] else " ", text.strip())
    text = _GLUE.sub("", text)
    return re.sub(r"[ \t\r\n\f\xa0]+", " ", text).strip()


def _signoff(article: etree._Element) -> list[str]:
    """Issuing body and date that stand behind the article's block, up to the first line of the site's own."""
    lines: list[str] = []
    for node in (article, *article.iterancestors()):
        for sibling in node.itersiblings():
            for line in _lines(sibling):
                if _is_furniture(line) or len(lines) == _SIGNOFF_LINES:
                    return _up_to_signoff(lines)
                lines.append(line)
    return _up_to_signoff(lines)


def _up_to_signoff(lines: list[str]) -> list[str]:
    last = max((i for i, line in enumerate(lines, 1) if _SIGNOFF.fullmatch(line)), default=0)
    return lines[:last]


def _is_furniture(line: str) -> bool:
    line = line.strip()
    return len(line) <= _FURNITURE_CHARS and _FURNITURE.match(line) is not None


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
