"""text -> Report: what each line is, the headings above each paragraph, and the report's metadata.

Officials write the outline of a report by hand, so nothing here trusts it: numbers are missing, doubled or
of mixed forms, brackets are half-width, a heading may share its line with the text under it. Each line is
judged by its mark, its length, its closing punctuation and by what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any

from lawgov_nlp.readers.furniture import is_furniture, is_path
from lawgov_nlp.report import Line, LineKind, OcrLine, Report
from lawgov_nlp.text import HALF_STOP

_NUM = "一二三四五六七八九十百"
_MARKS: tuple[tuple[float, re.Pattern[str]], ...] = (
    (0, re.compile(rf"第[{_NUM}\d]{{1,5}}(?:部分|章|篇)[、：:，,\s]*")),
    (1, re.compile(rf"[{_NUM}]{{1,3}}\s*[、．.，,：:](?![{_NUM}]+[、季是])\s*|[{_NUM}]{{1,3}}[ \u3000]+")),
    (2, re.compile(rf"[（(〈]\s*[{_NUM}]{{1,3}}\s*[)）〉][、．.，,\s]*")),
    (2.8, re.compile(rf"第[{_NUM}]{{1,2}}[，,、：:]\s*")),
    (3, re.compile(r"\d{1,2}\s*(?:[、．]|\.(?!\d)|\.(?=20\d\d年)|,(?!\d))\s*")),
    (3.5, re.compile(r"\d{1,2}(?:\.\d{1,2}){1,2}[、\s]+")),
    (4, re.compile(r"[（(]\s*\d{1,2}\s*[)）][、．.，,\s]*|\d{1,2}[)）][、．.，,\s]*")),
    (5, re.compile(r"[①-⑳⑴-⒇]\s*")),
)
"""Rank and form of a heading's number, outermost first: a mark closes every heading of its rank or deeper."""

_APPENDIX = re.compile(rf"附(?:[件表录]\s*[\d{_NUM}]{{0,3}})?\s*(?:[：:、\s]|$)")
"""How the heading of an appendix opens: it stands beside the sections, numbered or not, and closes the last of them."""

_UNNUMBERED = 1.5
"""Rank of a heading without a number: under 一、 and above （一）, unless a gap in the numbers says otherwise."""

_ITEM = re.compile(rf"(?:[{_NUM}]|其[{_NUM}])(?:是|要|为|则|方面)|首先|其次|再次|最后")
_ARTIFACT = re.compile(
    r"(?:\[(?:bookmark|image|图片|表格|if|endif)[^\]]*\]\s*)+|[-—–·*_=~＊—\s]+|[-—–]\s*\d{1,3}\s*[-—–]|第\s*\d{1,3}\s*页.{0,12}"
    r"|.{2,60}?(?:(?:[.．·•‥]\s{0,3}){3,80}|…+)\s*\d{1,3}",  # an entry of a table of contents
    re.IGNORECASE,
)
_CONVERTER_MARK = re.compile(r"\[(?:bookmark|image|图片)[^\]]{0,200}\]", re.IGNORECASE)
_SENTENCE_END = "。；！？;!?…"
_DOC_NUMBER = re.compile(
    r"[\u4e00-\u9fffA-Za-z]{1,14}\s*[〔［\[（(﹝]\s*(?:19|20)\d\d\s*[〕］\]）)﹞]\s*第?\s*\d{1,4}\s*号"
)
# What stands round the number of a red-headed document: copy number, secrecy, urgency, who signs.
_SIGNER = r"签\s*发(?:人)?\s*[：:].{0,40}"
_RED_HEAD = re.compile(
    r"(?=.)(?:(?:(?:№|No\.?|份\s*号\s*[：:]?)\s*)?(?<!\d)\d{5,8}(?!\d)|(?:绝密|机密|秘密|内部(?:资料|文件)?)(?:\s*[★☆*]\s*(?:\d{1,2}[年月]|长期)?)?"
    r"|特\s*急|加\s*急|急\s*件|平\s*急|特\s*提|(?:密\s*级|紧急程度|缓急|保密期限)\s*[：:][^\s：:]{0,8}|注意保存|[\s★☆])*"
    rf"(?:{_SIGNER})?"
)
_ZEROS = "〇零○O0◯ＯΟО"
_DIGITS = {**{c: str(i) for i, c in enumerate("〇一二三四五六七八九")}, **dict.fromkeys(_ZEROS, "0")}
_HALF_WIDTH = {ord("０") + digit: ord("0") + digit for digit in range(10)}
_DATE = re.compile(
    rf"((?:19|20)\d\d|[一二][{_ZEROS}一二三四五六七八九]{{3}})\s*[年./-]\s*"
    rf"(\d{{1,2}}|[{_NUM}]{{1,3}}|元)\s*[月./-]\s*(?:(\d{{1,2}}|[{_NUM}]{{1,3}})\s*日?)?"
)
# A date with a label, or one that nobody has filled in: 报送日期：2024年1月15日, 2024年  月  日.
_DATE_LABEL = re.compile(r"(?:报送|成文|签发|填报|落款)?日[ \u3000]*期[ \u3000]*[：:]\s*(?=.{2,8}年)")
_UNFILLED = re.compile(rf"(?:(?:19|20)\d\d|二[{_ZEROS}一二三四五六七八九]{{3}})?\s*年\s*(?:\d{{1,2}})?\s*月\s*日")
_AFTER_DATE_LINES = 6
_YEAR = re.compile(
    rf"((?:19|20)\d\d|二[{_ZEROS}][{_ZEROS}一二三][{_ZEROS}一二三四五六七八九]|一九[八九][{_ZEROS}一二三四五六七八九])\s*年"
)
_ORGANISATION = (
    r"(?:人民政府|政府|办事处|街道办|管理委员会|管委会|工作委员会|委员会|党工委|党委|局|厅|办公室|委|办|"
    r"领导小组|中心|支队|大队|总队|司法所|派出所|分局|公署|院|站|会)"
)
_PLACE = r"(?:省|市|县|区|旗|州|盟|镇|乡|街道|苏木|农场|团|新区|开发区|园区|师|林场)"
_TITLE_WORDS = re.compile(rf"报告|总结|汇报|情况|要点|{_ORGANISATION}$|年度?.{{0,12}}法[治制]|^关于|的函$|{_PLACE}$")
_AFTERWORD = re.compile(
    r"[（(]?(?:附件?\s*(?:[：:\d]|$)|联系(?:人|电话)|此[件页](?:公开|无正文|主动)|抄[送报]|公开(?:方式|属性))"
)
_TITLE_END = re.compile(r"(?:报告|总结|汇报|综述|情况)(?:[（(].{1,20}[)）])?$")
# A title's second line, a draft's mark, the meeting and the speaker, the body that signs above.
_AFTER_TITLE = re.compile(
    r"的|暨|[（(][^（()）]{1,20}[)）]$|[—－-]{1,2}.{4,40}上$|.{2,16}[长任记席][ \u3000]+\S{1,2}[ \u3000]?\S{1,2}$"
)
_UNDER_TITLE = re.compile(r"[^，。、；：]{2,24}(?:政府|办事处|委员会|管委会|工委|局|厅)$")
_STRAY = re.compile(r"^[\W_]{1,9}|[\W_]{1,9}$")
_NOTICE = re.compile(r"(?:印发|转发|批转|公布|发布|报送|呈报|上报).{0,90}的(?:通知|函|通报|请示|报告|公告)$")
_SENDS = re.compile(r"现(?:将|予)?.{0,90}?(?:印发|转发|报送|呈报|上报|公布|发布)给?")
_NOTICE_LINES = 24
_WEB_LINE = re.compile(r"(?:发布时间|发布日期|来源|信息来源|浏览次数|阅读次数|作者|字号|打印|目\s*录$)[：:\s]?")
_WEB_TAIL = re.compile(
    r"[【\[]?(?:[上下]一[篇条][：:\s]|相关(?:附件|文档|链接|阅读|稿件|信息)|扫一扫|分享到|责任编辑|编辑[：:]"
    r"|打印|关闭|返回|附件下载)"
)
_TRANSITION = re.compile(
    r"如下|以下|下列|汇报|(?:报告|情况|工作|任务|举措|措施|方面|问题|打算|计划|做法|成效|[是有在为])[：:]$"
)
_TIME_OPENING = re.compile(
    r"(?:今年|本年|去年|上年|年初|年内|全年|一年来|近年|目前|截至|截止|自[\d今去]|按照|根据|(?:19|20)\d\d年)"
)
_AMOUNT = re.compile(r"\d(?<!\d[.·]\d)[\d.,]*\s*[多余]?\s*[万亿]?\s*[件场次份户名个起人条宗家元处例批台%％]")
_YEAR_NUMBER = re.compile(r"(?:19|20)\d\d(?:\s*[-—－–至]+\s*(?:19|20)?\d\d)?|\d{1,2}[.·]\d{1,2}")
_LINE = re.compile(r"[^\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_SPACE = " \t\u3000\u00a0\u1680\u200b\ufeff\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\u202f\u205f" + "".join(
    map(chr, range(0x2000, 0x2010))
)
_PATH_LINES = 12
_HEADING_CHARACTERS = 60
_UNNUMBERED_CHARACTERS = 36
_RUN_IN_CHARACTERS = 42


@dataclass
class _Line:
    """A non-blank line while it is being judged. `number` is the value of its mark, where that is plain."""

    text: str
    start: int
    rank: float | None = None
    mark: int = 0  # length of the number and its punctuation
    number: int | None = None
    kind: LineKind | None = None

    @property
    def ends_sentence(self) -> bool:
        if self.text[-1] in _SENTENCE_END or HALF_STOP.search(self.text, len(self.text) - 1):
            return True
        return self.text[-2:-1] in _SENTENCE_END and self.text[-1] in "”’）)】》"


def parse_report(
    text: str,
    source: str | None = None,
    warnings: tuple[str, ...] = (),
    headings: Mapping[str, int] = MappingProxyType({}),
    ocr: tuple[OcrLine, ...] = (),
) -> Report:
    """The structure and metadata of a report.

    Args:
        text: The report, one paragraph a line; kept as it is.
        source: Where it was read from; goes into `Report.source`.
        warnings: What the reader warned of; goes into `Report.warnings`.
        headings: Lines that the file itself sets as headings, with their level from 1 on.
        ocr: The printed lines that the reader recognized in pictures; goes into `Report.ocr`.
    """
    lines = list(_lines(text))
    _lift_arabic_outline(lines)
    _mark_artifacts(lines)
    _mark_contents(lines)
    head = _mark_head(lines)
    enclosed = _enclosed(lines, head)
    if enclosed is None:
        _mark_tail(lines, head)
        _mark_middle([line for line in lines if line.kind is None], headings)
    else:  # a notice and the report that it sends out
        for part, above in ((lines[:enclosed], head), (lines[enclosed:], 0)):
            if above == 0:
                above = _mark_head(part)
            _mark_tail(part, above)
            _mark_middle([line for line in part if line.kind is None], headings)
    units = tuple(_units(lines))
    return Report(
        text=text,
        units=units,
        source=source,
        warnings=warnings,
        ocr=ocr,
        **_metadata(units, lines[enclosed].start if enclosed else 0),
    )


def _lines(text: str) -> Iterator[_Line]:
    for raw in _LINE.finditer(text):
        stripped = raw.group().strip(_SPACE)
        if stripped:
            line = _Line(stripped, raw.start() + raw.group().index(stripped))
            _read_mark(line)
            yield line


def _read_mark(line: _Line) -> None:
    """Find the number that a line begins with; a doubled one (一、一、…) counts as one."""
    if _ITEM.match(line.text):
        return
    for rank, pattern in _MARKS:
        match = pattern.match(line.text)
        if match and match.end() < len(line.text):
            line.rank, line.mark = rank, match.end()
            line.number = _integer(re.sub(rf"[^{_NUM}\d]", "", match.group()))
            again = pattern.match(line.text, match.end())
            if again and again.end() < len(line.text):
                line.mark = again.end()
            return


def _lift_arabic_outline(lines: Sequence[_Line]) -> None:
    """Where 1. is the outer level and （一） the inner, rank it so; usually it is the other way round."""
    ranks = [line.rank for line in lines]
    if 1 not in ranks and 2 in ranks and 3 in ranks and ranks.index(3) < ranks.index(2):
        for line in lines:
            line.rank = 1 if line.rank == 3 else line.rank


def _mark_artifacts(lines: Iterable[_Line]) -> None:
    for line in lines:
        if _ARTIFACT.fullmatch(line.text):
            line.kind = LineKind.ARTIFACT


def _mark_contents(lines: Sequence[_Line]) -> None:
    """目录 and the lines under it that come again below: read as headings they would double every section."""
    at = next((k for k, line in enumerate(lines[:12]) if re.fullmatch(r"目[ \u3000]*录", line.text)), None)
    if at is None:
        return
    lines[at].kind = LineKind.ARTIFACT
    bare = [re.sub(r"\d{1,3}$", "", line.text).rstrip(" \t\u3000.．…·") for line in lines]
    last = {text: k for k, text in enumerate(bare)}
    for k in range(at + 1, len(lines)):
        if last[bare[k]] == k:
            return
        lines[k].kind = LineKind.ARTIFACT


def _mark_path(lines: Sequence[_Line]) -> None:
    """您所在的位置：政务公开 > 工作报告, and what a page has above it: its date, the site's and the channel's name."""
    top = next(
        (k for k, line in enumerate(lines[:_PATH_LINES]) if line.ends_sentence or len(line.text) > 80), len(lines)
    )
    at = next((k for k, line in enumerate(lines[: min(top, _PATH_LINES)]) if is_path(line.text)), -1)
    for line in lines[: at + 1]:
        line.kind = LineKind.ARTIFACT


def _mark_head(lines: Sequence[_Line]) -> int:
    """Mark the title block and the salutation; return how many lines they take."""
    block: list[_Line] = []
    salutation: list[_Line] = []
    _mark_path(lines)
    end, complete = 0, False
    for k, line in enumerate(lines):
        if line.kind is LineKind.ARTIFACT:
            continue
        text = _CONVERTER_MARK.sub("", line.text).strip(_SPACE)
        dated = len(text) <= 60 and (_is_date(text) or _RED_HEAD.fullmatch(text) or _has_number(text))
        short = len(text) <= 60 and not line.ends_sentence and "。" not in text
        if (short and _WEB_LINE.match(text) and block) or is_furniture(text):
            line.kind = LineKind.ARTIFACT
        elif short and text[-1:] in "：:" and not _TRANSITION.search(text) and not _TIME_OPENING.match(text):
            salutation.append(line)
        elif dated and not salutation:
            block.append(line)
        elif salutation or line.rank is not None or "\t" in text or not short or text[-1:] in "：:，,、":
            break
        elif (
            not complete
            or _AFTER_TITLE.match(text)
            or text in (t.text for t in block)
            or (_UNDER_TITLE.match(text) and k + 1 < len(lines) and _is_date(lines[k + 1].text))
        ):
            block.append(line)
            complete = complete or bool(_TITLE_END.search(text))
        else:
            break
        end = k + 1
    if not any(_TITLE_WORDS.search(line.text) or _has_number(line.text) for line in block):
        block = []  # a short line that names neither a report nor a body is a heading of a report without title
    for line in block:
        line.kind = LineKind.TITLE
    for line in salutation:
        line.kind = LineKind.SALUTATION
    return end if block or salutation else 0


def _enclosed(lines: Sequence[_Line], head: int) -> int | None:
    """Where the report begins that a notice (关于印发《…报告》的通知) sends out; None where there is no notice.

    It opens with the name that the notice gives it, or with a title below the notice's body, name and date.
    """
    top = "".join(line.text for line in lines[:head] if line.kind is LineKind.TITLE and not _is_red_head(line.text))
    notice = _NOTICE.search(top) is not None
    near = [k for k in range(head, len(lines)) if lines[k].kind is None][:_NOTICE_LINES]
    if not notice and not any(_SENDS.search(lines[k].text) for k in near[:3]):
        return None
    named = {_bare(name) for name in re.findall("《([^《》]{6,80})》", top + "".join(lines[k].text for k in near[:3]))}
    signed = False
    for place, k in enumerate(near):
        text = lines[k].text
        signed = signed or (_is_date(text) and place > 0 and _is_body_name(lines[near[place - 1]]))
        opening = [lines[j].text for j in near[place : place + 3]]
        whole = any(_bare("".join(opening[:n])) in named for n in (1, 2, 3))
        titled = len(text) <= 60 and lines[k].rank is None and not _AFTERWORD.match(text) and not lines[k].ends_sentence
        if (
            titled
            and place > 0
            and (whole or (signed and any(_TITLE_END.search(t) for t in opening[:2] if len(t) <= 60)))
        ):
            if _is_date(text) or (signed and _is_body_name(lines[k]) and _is_date(opening[1] if opening[1:] else "")):
                continue
            return k
    return None


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text)


def _mark_tail(lines: Sequence[_Line], head: int) -> None:
    """Mark the sign-off: the issuing body and the date, and notes around them.

    Attachments and a page's remains may follow it, so the date that stands under a body is looked for first.
    """
    rest = [line for line in lines[head:] if line.kind is None]
    while rest and not rest[-1].ends_sentence and _is_web_tail(rest[-1].text) and not _is_date(rest[-1].text):
        rest.pop().kind = LineKind.ARTIFACT
    if len(rest) > 1 and re.fullmatch(r"\d{1,3}", rest[-1].text) and _is_date(rest[-2].text):
        rest.pop().kind = LineKind.ARTIFACT  # the number of the last page
    pairs = [k for k in range(1, len(rest)) if _is_date(rest[k].text) and _is_body_name(rest[k - 1])]
    if not pairs:
        pairs = [k for k in range(max(1, len(rest) - 1 - _AFTER_DATE_LINES), len(rest) - 1) if _closes(rest, k)][:1]
    if pairs and len(rest) - pairs[-1] > 1 and not any(len(line.text) > 80 for line in rest[pairs[-1] + 1 :]):
        for line in rest[pairs[-1] + 1 :]:
            if _AFTERWORD.match(line.text) or line.text.endswith("日印发"):
                line.kind = LineKind.SIGNOFF
            elif line.rank is None and len(line.text) <= 12 and not re.search(r"[\d\t，。]", line.text):
                line.kind = LineKind.ARTIFACT  # 打印本页, 关闭窗口
        rest = rest[: pairs[-1] + 1]
    listed = _attachments(rest)
    signed = False
    for at in range(len(rest) - 1, -1, -1):
        line = rest[at]
        plain = _is_plain(line)
        # 意见建议 / 建议加大支持力度: the last line under a heading is a paragraph, however short.
        only_text = at > 0 and rest[at - 1].rank is not None and not rest[at - 1].ends_sentence
        if at in listed or _is_date(line.text) or (_AFTERWORD.match(line.text) and len(line.text) <= 80):
            signed = signed or _is_date(line.text)
        elif not (
            (plain and _DATE.search(line.text))
            or _is_body_name(line)
            or (signed and plain and not only_text and len(line.text) <= 24)
            or (at > 0 and plain and re.search(f"{_PLACE}$", line.text) and _is_date(rest[at - 1].text))
        ):
            return
        line.kind = LineKind.SIGNOFF


def _closes(lines: Sequence[_Line], at: int) -> bool:
    """Whether a line is a date, after which come notes, attachments and a page's remains, but no text."""
    return _is_date(lines[at].text) and all(
        line.rank is None and not line.ends_sentence and len(line.text) <= 80 for line in lines[at + 1 :]
    )


def _is_web_tail(text: str) -> bool:
    return is_furniture(text) or (len(text) <= 60 and _WEB_TAIL.match(text) is not None)


def _attachments(lines: Sequence[_Line]) -> set[int]:
    """Places of 附件 and of the numbered names under it."""
    found: set[int] = set()
    for at, line in enumerate(lines):
        goes_on = at - 1 in found and line.rank == 3 and len(line.text) <= 60 and not line.ends_sentence
        if goes_on or re.match(r"附件?\s*(?:[：:\d]|$)", line.text):
            found.add(at)
    return found


def _is_plain(line: _Line) -> bool:
    """Whether a line could be a name: short, no punctuation, no number, no closing formula (特此报告)."""
    return (
        len(line.text) <= 40
        and line.rank is None
        and not re.match("[特专]此|以上|[当妥]否|请", line.text)
        and not _ITEM.match(line.text)
        and not re.search(r"[。，；：、,;:\t]", line.text)
    )


def _is_body_name(line: _Line) -> bool:
    return _is_plain(line) and bool(re.search(rf"{_ORGANISATION}(?:[（(].{{1,10}}[)）])?$", line.text))


def _mark_middle(lines: Sequence[_Line], headings: Mapping[str, int]) -> None:
    """Tell headings from paragraphs between the title and the sign-off."""
    before: _Line | None = None
    for line, following, beyond in zip(lines, [*lines, None][1:], _list_ends(lines), strict=True):
        heading = _is_heading(line, before, following) and not _is_listed(line, before, beyond)
        if line.rank is None and line.text in headings and following is not None:
            heading = heading or (len(line.text) <= _HEADING_CHARACTERS and not line.ends_sentence)
        line.kind = LineKind.HEADING if heading else LineKind.BODY
        before = line
    _rank_styled(lines, headings)
    _rank_unnumbered(lines)


def _rank_styled(lines: Sequence[_Line], headings: Mapping[str, int]) -> None:
    """Rank the headings without a number that the file gives a level, like the numbered ones of that level."""
    found = [line for line in lines if line.kind is LineKind.HEADING and line.text in headings]
    ranks: dict[int, float] = {}
    for line in found:
        if line.rank is not None:
            ranks.setdefault(headings[line.text], line.rank)
    outer = min((headings[line.text] for line in found), default=1)
    for line in found:
        if line.rank is None and len({headings[other.text] for other in found}) > 1:
            line.rank = ranks.get(headings[line.text], 1 + headings[line.text] - outer)


def _list_ends(lines: Sequence[_Line]) -> list[_Line | None]:
    """For each line the first one below it that is no short line without a number; None where there is none."""
    ends: list[_Line | None] = []
    beyond: _Line | None = None
    for line in reversed(lines):
        ends.append(beyond)
        if line.rank is not None or not _short(line):
            beyond = line
    return ends[::-1]


def _is_listed(line: _Line, before: _Line | None, beyond: _Line | None) -> bool:
    """Whether a short unnumbered line belongs to a list: paragraphs such as 人员老化 or 《某某规定》 under a heading.

    A run of such lines that begins under a numbered heading or behind a colon, and after which (`beyond`) the numbering
    goes on or the report ends, has nothing that it could be a heading of.
    """
    if line.rank is not None or line.text[-1] in "：:" or before is None:
        return False
    opens = (before.kind is LineKind.HEADING and before.rank is not None) or before.text[-1] in "：:"
    goes_on = before.kind is LineKind.BODY and before.rank is None and _short(before)
    leaf = beyond is None or (beyond.rank is not None and (beyond.number or 0) > 1)
    return leaf and (opens or goes_on)


def _short(line: _Line) -> bool:
    """Whether a line is as short as an unnumbered heading, and as open at its end."""
    return len(line.text) <= _UNNUMBERED_CHARACTERS and not line.ends_sentence and line.text[-1] not in "：:，,、"


def _is_heading(line: _Line, before: _Line | None, following: _Line | None) -> bool:
    """Whether a line is a heading with no text of its own.

    A numbered line with nothing beneath it but its next sibling is a short paragraph (1.执法力量不足。), however much
    it looks like a heading; so is the last of such siblings, and every line that gives an amount.
    """
    text = line.text[line.mark :]
    if (
        len(text) > _HEADING_CHARACTERS  # first: what follows may look at each character many times
        or "\t" in text
        or text.count("|") > 1
        or re.search("[。；！？]", text[:-1])
        or HALF_STOP.search(text[:-1])
        or text[-1] in "，,、"
        or not re.search(r"\w", text)
        or following is None
    ):
        return False
    if _ITEM.match(text) or any(text.count(a) != text.count(b) for a, b in ("《》", "“”")):  # 《…: a broken line
        return False
    if _AMOUNT.search(text) and not _heads(line, following):
        return False
    colon = text[-1] in "：:"
    if line.rank is None:
        if colon:
            return len(text) <= 16 and not re.search("如下|以下|下列|汇报|报告|[，,]", text)
        if _TIME_OPENING.match(text) and re.search("[，,]", text):
            return False
        bare = _YEAR_NUMBER.sub("", _APPENDIX.sub("", text, count=1))
        return len(text) <= _UNNUMBERED_CHARACTERS and not line.ends_sentence and not re.search(r"\d", bare)
    leaf = following.rank is not None and following.rank <= line.rank
    sibling = before is not None and before.rank == line.rank and before.kind is LineKind.BODY and not _run_in(before)
    if leaf or (sibling and (following.rank is None or following.rank <= line.rank)):
        return leaf and line.rank <= 1 and not line.ends_sentence and not colon
    return not line.ends_sentence or (
        len(text) <= _RUN_IN_CHARACTERS and text[-1] in "。；" and not re.search("[：:]", text)
        and not _TIME_OPENING.match(text)
    )  # fmt: skip


def _heads(line: _Line, following: _Line) -> bool:
    """Whether a short numbered line stands above a longer whole paragraph: （二）打造10个示范点，推动区域协同."""
    return (
        line.rank is not None
        and line.rank <= 2
        and not line.ends_sentence
        and len(line.text) - line.mark <= 30
        and following.rank is None
        and following.ends_sentence
        and len(following.text) > len(line.text)
    )


def _rank_unnumbered(lines: Sequence[_Line]) -> None:
    """Rank the headings without a number: in a gap of the numbering (一、 … 三、) like what it skips."""
    numbered = {line.rank for line in lines if line.rank is not None}
    outer = min([1, *numbered])
    above: dict[float, int | None] = {1: 0, 2: 0}  # the number of the last line of each rank
    for line, below in zip(lines, _numbers_below(lines), strict=True):
        if line.kind is LineKind.HEADING and line.rank is None:
            plain = outer if _APPENDIX.match(line.text) else _UNNUMBERED if 1 in numbered else 1
            gaps = (r for r, number in above.items() if number is not None and below[r] == number + 2)
            line.rank = next(gaps, plain)
        if line.rank in above:
            above[line.rank] = line.number


def _numbers_below(lines: Sequence[_Line]) -> list[dict[float, int | None]]:
    """For each line the number of the next line of rank 1 and of rank 2 below it, None where there is none."""
    found: list[dict[float, int | None]] = []
    below: dict[float, int | None] = {1: None, 2: None}
    for line in reversed(lines):
        found.append(below)
        if line.rank in below:
            below = {**below, line.rank: line.number}
    return found[::-1]


def _units(lines: Iterable[_Line]) -> Iterator[Line]:
    path: list[tuple[float, str]] = []
    for line in lines:
        kind = line.kind or LineKind.BODY
        run_in = _run_in(line) if kind is LineKind.BODY else None
        if line.rank is not None and kind in (LineKind.HEADING, LineKind.BODY):
            path = [entry for entry in path if entry[0] < line.rank]
            heading = line.text if kind is LineKind.HEADING else run_in
            if heading:
                path.append((line.rank, heading.rstrip("。；：:." + _SPACE)))
        headings = tuple(h for _, h in path) if kind is LineKind.BODY else ()
        yield Line(kind=kind, text=line.text, start=line.start, end=line.start + len(line.text), headings=headings)


def _run_in(line: _Line) -> str | None:
    """The heading that a numbered paragraph opens with (（一）健全工作机制。按照…), or None.

    It is short, has text behind it, and says nothing of time or amount: （一）今年以来，共调解30件。 is a sentence.
    """
    if line.rank is None:
        return None
    text = line.text
    match = re.compile(rf"[。：:]|{HALF_STOP.pattern}|[{_SPACE}]{{2,}}|[{_SPACE}](?=[{_NUM}]是)").search(
        text, line.mark
    )
    if not match or match.end() >= len(text):
        return None
    heading = text[line.mark : match.start()]
    if not 2 <= len(heading) <= _RUN_IN_CHARACTERS or len(re.findall("[，,]", heading)) > 2:
        return None
    if (_TIME_OPENING.match(heading) and re.search("[，,]", heading)) or re.search(r"\d(?!年|[.·]\d)", heading):
        return None
    return text[: match.start()]


def _metadata(units: Sequence[Line], enclosed: int) -> dict[str, Any]:
    """What the title block and the sign-off say; of a report that a notice sends out from `enclosed` on, both do."""
    titles = [_CONVERTER_MARK.sub("", u.text).strip(_SPACE) for u in units if u.kind is LineKind.TITLE]
    own = [
        _CONVERTER_MARK.sub("", u.text).strip(_SPACE) for u in units if u.kind is LineKind.TITLE and u.start >= enclosed
    ]
    signed = [u.text for u in units if u.kind is LineKind.SIGNOFF]
    number = next((t[m.start() : m.end()] for t in titles if (m := _DOC_NUMBER.search(t.translate(_HALF_WIDTH)))), None)
    named = [t for t in own if not (_is_date(t) or _is_red_head(t))]
    # The body above the title is part of it, unless the title names it again.
    named = [t for t, below in zip(named, [*named, ""][1:], strict=True) if not below.startswith(t)]
    title = "".join(named) or None
    first = next((u.text for u in units if u.kind is LineKind.BODY and u.start >= enclosed), "")
    return {
        "title": title,
        "issuer": _issuer(title or "", signed),
        "year": _year(title or "") or _year(first[:300]),
        "date": _first_date(signed) or _first_date(titles),
        "doc_number": re.sub(r"\s", "", number) if number else None,
    }


def _has_number(text: str) -> bool:
    """Whether a document number stands in a line."""
    return _DOC_NUMBER.search(text.translate(_HALF_WIDTH)) is not None


def _is_red_head(text: str) -> bool:
    """Whether a line of the title block is of the red head: 某某文件, the number, who signs, how secret it is."""
    rest = _DOC_NUMBER.sub("", text.translate(_HALF_WIDTH), count=1).strip(_SPACE)
    return not rest or text.endswith("文件") or _RED_HEAD.fullmatch(rest) is not None


def _issuer(title: str, signed: Sequence[str]) -> str | None:
    """The body that reports: in front of 关于 or of the year in the title, else in the sign-off."""
    halved = title.translate(_HALF_WIDTH)  # as long as the title
    end = re.search(rf"关于|印发|{_YEAR.pattern}|法治政府|依法行政|推进|$", halved)
    head = title[: end.start() if end else None].strip(_SPACE)
    signer = next((re.split(_DATE, s)[0].strip(_SPACE) for s in signed if re.search(_ORGANISATION, s)), None)
    if re.search(rf"{_ORGANISATION}$", head):
        return head
    if signer and re.search(rf"{_ORGANISATION}$", signer):
        return signer
    return head if re.search(rf"{_PLACE}$", head) else None


def _year(text: str) -> int | None:
    """The first year that isn't part of a programme's name or span (《…纲要（2021—2025年）》)."""
    text = re.sub(r"《[^《》]*》|(?:19|20)\d\d年?\s*[-—－–～~至]+\s*(?:19|20)\d\d年?", "", text.translate(_HALF_WIDTH))
    match = _YEAR.search(text)
    return int(_arabic(match[1])) if match else None


def _is_date(text: str) -> bool:
    """Whether a line is a date and nothing else, but for a label before it or brackets or a stray mark around it."""
    bare = _STRAY.sub("", _DATE_LABEL.sub("", text, count=1)).translate(_HALF_WIDTH)
    return bool(_DATE.fullmatch(bare) or _UNFILLED.fullmatch(bare))


def _first_date(texts: Iterable[str]) -> str | None:
    for text in texts:
        match = _DATE.search(text.translate(_HALF_WIDTH))
        if not match:
            continue
        year, month = int(_arabic(match[1])), _integer(match[2])
        day = _integer(match[3]) if match[3] else None
        try:
            return date(year, month or 0, day or 1).isoformat()[: 10 if day else 7]
        except ValueError:  # 2023年13月: not a date after all
            continue
    return None


def _arabic(year: str) -> str:
    return "".join(_DIGITS.get(c, c) for c in year)


def _integer(text: str) -> int | None:
    """A heading's number up to 99, in either script; None where it is neither."""
    if text.isdecimal():
        return int(text)
    if text == "元":
        return 1
    tens, ten, ones = text.rpartition("十")
    if any(len(part) > 1 or (part and part not in _DIGITS) for part in (tens, ones)) or not text:
        return None
    return (int(_DIGITS.get(tens, "1")) * 10 if ten else 0) + int(_DIGITS.get(ones, "0"))
