"""Pages of government sites: the article alone, complete and in order, with its title; nothing is ever fetched.

Own walk, not trafilatura (2.3.1): on one invented report put into six common kinds of markup it lost
every paragraph boundary where the article stands in a layout table, broke the paragraphs up or fell back to the whole
page with nested <div><span> (see trafilatura#43, #430, #890), and dropped the title or kept 来源 and 浏览次数. A lost
paragraph is a wrong count in a report; a page has one article, and finding the block that holds it is simple.
"""

from __future__ import annotations

import html
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from lxml import etree
from lxml import html as lxml_html

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import HALF_PAIRS, ExtractedText, check_length
from lawgov_nlp.readers.furniture import is_furniture, is_pager, is_path
from lawgov_nlp.readers.imprint import PageImprint
from lawgov_nlp.readers.lines import HAN, WIDE, row_lines, visible
from lawgov_nlp.readers.listnumbers import NUMBERED, ListNumbers, hides_numbers
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
    r"(?i)\b(trs_?(ue)?_?editor|ucap-?content|zoom|fontzoom|v_news_content|vsb_content\w*|wp_articlecontent|js_content|art_con"
    r"|(article|news|pages?|detail|main|txt|info|xxgk)[-_]?(content|con|body|txt)|content|con_?text|bt[-_]content)\b"
)
# Those of them that nothing but an article has; a page holds one.
_SURE = re.compile(
    r"(?i)(^|\s)(trs_?(ue)?_?editor|ucap-?content|v_news_content|vsb_content\w*|wp_articlecontent|js_content)(\s|$)"
)
_HIDDEN = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")
_TITLE_METAS = ("articletitle", "og:title", "headline")
_TITLE_LEAST = 4
_PAGED_BY_SCRIPT = re.compile(r"createPageHTML\w*\s*\(\s*(?:[2-9]|[1-9]\d+)\s*,")
_HEAD_LINES = 12
_ENTITIES = re.compile(r"&(?:nbsp|emsp|ensp|ldquo|rdquo|mdash|middot|hellip);")
_SCRAP = 0.5
_FEW = 60
_SURE_CHARS = 100
_DOUBT = 0.5
"""Junk for a character of text, from which on a page's article is doubtful."""
_DOUBT_WHOLE = 0.2
"""The same with scraps where no block could be told from the page, so that all of it was taken."""
_TITLE_CHARS = 4000  # with the white space of the source
_SIGNOFF = re.compile(
    r"\d{4}年\d{1,2}月(\d{1,2}日)?|[〇○零一二三四五六七八九十]{4}年.{1,3}月.*"
    r"|.{2,28}(政府|委员会|办公室|办事处|[局委办厅所])"
)
_SIGNOFF_LINES = 4
_CLIMB = 3
_NO_NUMBERS = "data-lawgov-no-numbers"
_REPEATS = 3
_WAITING_CHARS = 150
_REPEATED_CHARS = 60
_LONG_LINE = 30
_COPY_CHARS = 150
_BASE, _PRIME = 1_000_003, (1 << 61) - 1
_OUTLINE = re.compile(
    r"[\W_]*(第?[一二三四五六七八九十百]{1,3}[、．.，章节条部]|[（(][一二三四五六七八九十\d]{1,3}[）)]|\d{1,2}[.、．]|[①-⑳])"
)
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
    title, name = _title(root), str(root.xpath("string(//title)"))
    imprint = PageImprint(root)
    paged = _PAGED_BY_SCRIPT.search(text)
    _strip(root)
    page = _Page(root, name)
    if _without_copies(root, page):
        page = _Page(root, name)
    if sum(map(len, map(_HAN.findall, page.plain()))) < _MIN_HAN:
        raise ReadError(
            f"{path}: no article on this page (a list of links, a frame, or filled in by script?); "
            "open the report itself and save the page, or copy its text into a .txt"
        )
    article = _article(root, page)
    found = list(_lines(article))
    check_length(sum(map(len, found)), path)
    pagers = [line for line in found if is_pager(line)] or [line for line in page.lines if is_pager(line)]
    if paged or pagers:
        shown = f" ({pagers[0]})" if pagers else ""
        warnings += (f"the article goes on on further pages{shown}, which were not read; save those, too",)
    lines = [line for line in _without_path(found) if not is_furniture(line) and not is_pager(line)]
    lines = imprint.left_out(lines, _HEAD_LINES)
    logger.debug("%s: <%s>, %d of %d lines are furniture", path, article.tag, len(found) - len(lines), len(found))
    lines += _signoff(article)
    title = title or page.title(article)
    if title and _squeezed(title) not in _squeezed("".join(lines[:8])):
        lines.insert(0, title)
    weight, total = page.weights[article], page.weights[root].text
    outside = total - weight.text
    if outside > 0.1 * total:
        warnings += (f"{outside} characters of text outside the article were left out; compare with the page",)
    whole = article.tag in ("body", "html") and weight.junk + weight.scraps > _DOUBT_WHOLE * weight.text
    if weight.junk > _DOUBT * weight.text or whole:
        warnings += ("the article could not be told from the rest of the page with certainty; compare with the page",)
    text = visible("\n".join(lines))
    if _ENTITIES.search(text):  # escaped twice
        text = html.unescape(text)
    return ExtractedText(text=text, warnings=warnings)


def _without_path(lines: list[str]) -> list[str]:
    """The lines below the path to the page, where one stands near the top: what is above it is the site's."""
    at = next((k for k, line in enumerate(lines[:_HEAD_LINES]) if is_path(line)), -1)
    return lines[at + 1 :] if not any(sentence_chars(line) for line in lines[: max(at, 0)]) else lines


def _title(root: etree._Element) -> str:
    """The report's title as the page gives it: its meta tag, or a heading that the page's <title> has, too."""
    said: dict[str, str] = {}
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").lower()
        said.setdefault(name, " ".join((meta.get("content") or "").split()))
    for name in _TITLE_METAS:
        if len(said.get(name, "")) >= _TITLE_LEAST:
            return said[name]
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
    if hides_numbers("\n".join(style.text or "" for style in root.iter("style"))):
        root.set(_NO_NUMBERS, "")
    for element in list(root.iter(*_GONE)):
        if element.getparent() is not None:
            element.drop_tree()
    everything = len(root.text_content())
    for element in root.xpath("//*[@style or @hidden]"):
        hidden = element.get("hidden") is not None or _HIDDEN.search(element.get("style", ""))
        if hidden and element.getparent() is not None and len(element.text_content()) < everything / 2:
            # WeChat and others show the article by script; its copy for telephones is dropped later.
            names = (element.get("id", ""), element.get("class", ""))
            waits = "visibility" in element.get("style", "").lower() or _CONTENT.search(" ".join(names))
            least = _MIN_HAN if any(map(_SURE.search, names)) else _WAITING_CHARS
            if not waits or len(_HAN.findall(element.text_content())) < least:
                element.drop_tree()


@dataclass(kw_only=True, eq=False)
class _Weight:
    """What an element holds, in characters.

    Attributes:
        text: Chinese characters in sentences.
        junk: Characters of links and labels.
        scraps: Characters of other short lines.
        first: Place of its first line among the page's.
        last: Place behind its last line.
    """

    text: int = 0
    junk: int = 0
    scraps: int = 0
    first: int = 0
    last: int = 0

    @property
    def score(self) -> float:
        """How much more of an article it holds than of anything else."""
        return self.text - self.junk - _SCRAP * self.scraps

    @property
    def plain(self) -> int:
        """The same where an article may be short lines only."""
        return self.text + self.scraps - self.junk


class _Page:
    """A page's lines and what each of its elements weighs: an article has sentences, what is round it has links.

    A line belongs to the innermost element that holds all of it. Labels and links count against the element; so do
    scraps, which may be headings, but within the article they count against every block round it alike. A short line
    that comes three times says nothing.
    """

    def __init__(self, root: etree._Element, name: str) -> None:
        self.lines: list[str] = []
        self._name = name
        self.weights: dict[etree._Element, _Weight] = {}
        self._owners: list[tuple[etree._Element, int]] = []
        self._walk(root)
        often = Counter(line for line in self.lines if len(line) < _REPEATED_CHARS and not re.search(r"\d", line))
        for line, (owner, links) in zip(self.lines, self._owners, strict=True):
            weight = self.weights[owner]
            if links * 2 > len(line) or is_furniture(line) or is_pager(line):
                weight.junk += len(line)
            elif often[line] >= _REPEATS:
                continue
            elif (han := sentence_chars(line)) > 0:
                weight.text += han
            elif not _OUTLINE.match(line):
                weight.scraps += len(line)
        # Children come behind their parents in the dictionary.
        for element, weight in reversed(self.weights.items()):
            parent = element.getparent()
            if element is not root and parent in self.weights:
                self.weights[parent].text += weight.text
                self.weights[parent].junk += weight.junk
                self.weights[parent].scraps += weight.scraps
        self._root = root

    def plain(self) -> Iterator[str]:
        """The lines that are neither links nor the page's own."""
        for line, (_, links) in zip(self.lines, self._owners, strict=True):
            if links * 2 <= len(line) and not is_furniture(line):
                yield line

    def title(self, article: etree._Element) -> str:
        """The line above or at the top of an article that opens the page's <title>, or an empty string."""
        page = _squeezed(self._name)
        for line in self.lines[: self.weights[article].first + _HEAD_LINES]:
            short = _squeezed(line)
            if 8 <= len(short) <= 100 and page.startswith(short) and not is_furniture(line):
                return line
        return ""

    def _walk(self, root: etree._Element) -> None:
        stack: list[etree._Element] = []
        pieces: list[str] = []
        depth = links = linked = 0

        def flush() -> None:
            nonlocal linked
            if line := _collapsed("".join(pieces)):
                self.lines.append(line)
                self._owners.append((stack[max(depth, 1) - 1], linked))
            pieces.clear()
            linked = 0

        def add(text: str | None) -> None:
            nonlocal depth, linked
            if text and not text.isspace():
                if not pieces:
                    depth = len(stack)
                pieces.append(text)
                linked += len(text.strip()) if links else 0
            elif text and pieces:
                pieces.append(text)

        for event, element in etree.iterwalk(root, events=("start", "end")):
            if element.tag in _BLOCKS or element.tag in ("td", "th", "br"):
                flush()
            if event == "start":
                stack.append(element)
                links += element.tag == "a"
                self.weights[element] = _Weight(first=len(self.lines))
                add(element.text)
            else:
                links -= element.tag == "a"
                self.weights[element].last = len(self.lines) + bool(pieces)
                stack.pop()
                depth = min(depth, len(stack))
                if stack:
                    add(element.tail)
        if pieces:
            stack.append(root)
            flush()


def sentence_chars(line: str) -> int:
    """Chinese characters of a line that says something; 0 for a scrap."""
    han = len(_HAN.findall(line))
    if re.search("[。；！？]", line) or (han >= 20 and "，" in line) or (han >= 12 and re.search(r"，.*\d", line)):
        return han
    return han if han >= _LONG_LINE else 0


def _without_copies(root: etree._Element, page: _Page) -> bool:
    """Drop blocks that say what one before says: the copy for telephones, which a class hides.

    Returns:
        Whether there were any.
    """
    marks = [0]
    for line in page.lines:
        said = hash(_squeezed(line)) if sentence_chars(line) else 0
        marks.append((marks[-1] * _BASE + said) % _PRIME if said else marks[-1])
    powers, counts = [1], [0]
    for line in page.lines:
        counts.append(counts[-1] + (sentence_chars(line) > 0))
        powers.append(powers[-1] * _BASE % _PRIME)
    seen: dict[tuple[int, int], etree._Element] = {}
    gone: list[etree._Element] = []
    for element, weight in page.weights.items():
        n = counts[weight.last] - counts[weight.first]
        if weight.text < _COPY_CHARS or n < 3 or element.tag in _TEXT_TAGS or element is root:
            continue
        key = (n, (marks[weight.last] - marks[weight.first] * powers[n]) % _PRIME)
        first = seen.setdefault(key, element)
        if first is not element and page.weights[first].last <= weight.first:
            gone.append(element)
    for element in gone:
        if element.getparent() is not None:
            element.drop_tree()
    return bool(gone)


def _article(root: etree._Element, page: _Page) -> etree._Element:
    """The block with the most text and the least of anything else.

    A block with one of the usual names is taken from 80% of its text on: on a short report the site's own words weigh
    more. One with a name that only articles have is taken where it has the half of all.
    """
    weights = page.weights
    blocks = [e for e in weights if e.tag not in _TEXT_TAGS and isinstance(e.tag, str)]
    best = max(blocks, key=lambda e: (weights[e].score, weights[e].first - weights[e].last), default=root)
    if weights[best].score < _FEW:  # a list, a table: no sentences to go by
        least, said = 0.8 * weights[root].text, 0.5 * (weights[root].text + weights[root].scraps)
        blocks = [e for e in blocks if weights[e].text >= least and weights[e].text + weights[e].scraps >= said]
        best = max(blocks, key=lambda e: (weights[e].plain, weights[e].first - weights[e].last), default=root)
    named = [e for e in weights if _CONTENT.search(f"{e.get('id', '')} {e.get('class', '')}")]
    inner = [e for e in named if weights[e].text >= 0.8 * weights[best].text and e.tag not in ("body", "html")]
    inside = [e for e in inner if weights[best].first <= weights[e].first and weights[e].last <= weights[best].last]
    if inside:  # the first is the outermost: nothing is lost
        best = inside[0]
    sure = [e for e in named if _SURE.search(e.get("id", "")) or _SURE.search(e.get("class", ""))]
    held = max(sure, key=lambda e: weights[e].text, default=None)
    # Unless the article lies in several of them.
    whole = 0.9 * sum(weights[e].text for e in sure if not _within(e, sure))
    if held is not None and weights[held].text >= max(_SURE_CHARS, weights[root].text / 2, whole):
        best = held
    # Figures in a table weigh next to nothing, and some sites set the table beside the block with the text.
    child = best
    for parent in islice(best.iterancestors(), _CLIMB):
        if parent.tag != "body" and any(_has_table(sibling) for sibling in parent if sibling is not child):
            best = parent
        child = parent
    return best


def _within(element: etree._Element, others: list[etree._Element]) -> bool:
    above = set(element.iterancestors())
    return any(other in above for other in others)


def _has_table(element: etree._Element) -> bool:
    """Whether there is a table of the report's: not of links, not the one with 索引号."""
    for table in element.iter("table"):
        links = sum(len(link.text_content()) for link in table.iter("a"))
        rows = (line for line in _lines(table) if "\t" in line)
        if links < len(table.text_content().strip()) / 2 and not all(map(is_furniture, rows)):
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
    number = ""
    numbers = ListNumbers(hidden=element.getroottree().getroot().get(_NO_NUMBERS) is not None)
    for event, node in etree.iterwalk(element, events=("start", "end")):
        tag = node.tag
        cell = tag in ("td", "th")
        if tag in _BLOCKS or cell or tag == "br":
            flush()
        if event == "start":
            pre += tag == "pre"
            if tag == "li":
                number = numbers.number(node)
            elif tag == "tr":
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
        if number and text and text.strip():
            text = text if NUMBERED.match(text) else number + text.lstrip()
            number = ""
        for place, piece in enumerate((text or "").split("\n") if pre else [text or ""]):
            if place:
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
                if is_furniture(line) or len(lines) == _SIGNOFF_LINES:
                    return _up_to_signoff(lines)
                lines.append(line)
    return _up_to_signoff(lines)


def _up_to_signoff(lines: list[str]) -> list[str]:
    last = max((i for i, line in enumerate(lines, 1) if _SIGNOFF.fullmatch(line)), default=0)
    return lines[:last]


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)
