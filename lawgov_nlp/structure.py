"""text -> Report: what each line is, the headings above each paragraph, and the report's metadata.

Officials write the outline of a report by hand, so nothing here trusts it: numbers are missing, doubled or
of mixed forms, brackets are half-width, a heading may share its line with the text under it. Each line is
judged by its mark, its length, its closing punctuation and by what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from lawgov_nlp.report import Report, Unit, UnitKind

_NUM = "一二三四五六七八九十百"
_MARKS: tuple[tuple[float, re.Pattern[str]], ...] = (
    (0, re.compile(rf"第[{_NUM}\d]+(?:部分|章|篇)[、：:，,\s]*")),
    (1, re.compile(rf"[{_NUM}]{{1,3}}\s*[、．.，,](?![{_NUM}]+[、季是])\s*|[{_NUM}]{{1,3}}[ \u3000]+")),
    (2, re.compile(rf"[（(〈]\s*[{_NUM}]{{1,3}}\s*[)）〉][、．.，,\s]*")),
    (2.8, re.compile(rf"第[{_NUM}]{{1,2}}[，,、：:]\s*")),
    (3, re.compile(r"\d{1,2}\s*(?:[、．]|\.(?!\d)|,(?!\d))\s*")),
    (4, re.compile(r"[（(]\s*\d{1,2}\s*[)）][、．.，,\s]*|\d{1,2}[)）]\s*")),
    (5, re.compile(r"[①-⑳⑴-⒇]\s*")),
)
"""Rank and form of a heading's number, outermost first: a mark closes every heading of its rank or deeper."""

_UNNUMBERED = 1.5
"""Rank of a heading without a number: under 一、 and above （一）, unless a gap in the numbers says otherwise."""

_ITEM = re.compile(rf"(?:[{_NUM}]|其[{_NUM}])(?:是|要|为|则|方面)|首先|其次|再次|最后")
_ARTIFACT = re.compile(
    r"(?:\[(?:bookmark|image|图片|表格|if|endif)[^\]]*\]\s*)+|[-—–·*_=~＊—\s]+|[-—–]\s*\d{1,3}\s*[-—–]|第\s*\d{1,3}\s*页.{0,12}",
    re.IGNORECASE,
)
_CONVERTER_MARK = re.compile(r"\[(?:bookmark|image|图片)[^\]]*\]", re.IGNORECASE)
_SENTENCE_END = "。；！？;!?…"
_DOC_NUMBER = re.compile(
    r"[\u4e00-\u9fffA-Za-z]{1,14}\s*[〔［\[（(﹝]\s*(?:19|20)\d\d\s*[〕］\]）)﹞]\s*第?\s*\d{1,4}\s*号"
)
_DIGITS = {**{c: str(i) for i, c in enumerate("〇一二三四五六七八九")}, "零": "0", "○": "0", "O": "0"}
_DATE = re.compile(
    r"((?:19|20)\d\d|[一二][〇零○O九一二三四五六七八]{3})\s*[年./-]\s*"
    rf"(\d{{1,2}}|[{_NUM}]{{1,3}})\s*[月./-]\s*(?:(\d{{1,2}}|[{_NUM}]{{1,3}})\s*日?)?"
)
_YEAR = re.compile(r"((?:19|20)\d\d|二[〇零○O]一[〇零○O一二三四五六七八九]|二[〇零○O]二[〇零○O一二三四五六七八九])\s*年")
_ORGANISATION = (
    r"(?:人民政府|政府|办事处|街道办|管理委员会|管委会|工作委员会|委员会|党工委|党委|局|厅|办公室|委|办|"
    r"领导小组|中心|支队|大队|总队|司法所|派出所|分局|公署|院|站|会)"
)
_PLACE = r"(?:省|市|县|区|旗|州|盟|镇|乡|街道|苏木|农场|团|新区|开发区|园区|师|林场)"
_TITLE_WORDS = re.compile(rf"报告|总结|汇报|情况|要点|{_ORGANISATION}$|年度?.{{0,12}}法[治制]|^关于|的函$|{_PLACE}$")
_AFTERWORD = re.compile(r"[（(]?(?:附件?\s*[：:\d]|联系(?:人|电话)|此[件页](?:公开|无正文|主动)|抄[送报]|公开(?:方式|属性))")
_TRANSITION = re.compile(r"如下|报告|汇报|以下|下列|情况|工作|任务|举措|措施")
_TIME_OPENING = re.compile(r"(?:今年|本年|去年|上年|年初|年内|全年|一年来|近年|目前|截至|截止|自|按照|根据|为|(?:19|20)\d\d年)")
_SPACE = " \t\u3000\u00a0\u200b\ufeff\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
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
    kind: UnitKind | None = None

    @property
    def ends_sentence(self) -> bool:
        return self.text[-1] in _SENTENCE_END or self.text[-2:-1] in _SENTENCE_END and self.text[-1] in "”’）)】》"


def parse_report(text: str, source: str | None = None, warnings: tuple[str, ...] = ()) -> Report:
    """The structure and metadata of a report.

    Args:
        text: The report, one paragraph a line; kept as it is.
        source: Where it was read from; goes into `Report.source`.
        warnings: What the reader warned of; goes into `Report.warnings`.
    """
    lines = list(_lines(text))
    _mark_artifacts(lines)
    head = _mark_head(lines)
    _mark_tail(lines, head)
    _mark_middle([line for line in lines if line.kind is None])
    units = tuple(_units(lines))
    return Report(text=text, units=units, source=source, warnings=warnings, **_metadata(units))


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    for raw in text.split("\n"):
        stripped = raw.strip(_SPACE + "\r")
        if stripped:
            line = _Line(stripped, at + raw.index(stripped))
            _read_mark(line)
            yield line
        at += len(raw) + 1


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


def _mark_artifacts(lines: Iterable[_Line]) -> None:
    for line in lines:
        if _ARTIFACT.fullmatch(line.text):
            line.kind = UnitKind.ARTIFACT


def _mark_head(lines: Sequence[_Line]) -> int:
    """Mark the title block and the salutation; return how many lines they take."""
    block, salutation, end = [], [], 0
    for k, line in enumerate(lines):
        if line.kind is UnitKind.ARTIFACT:
            continue
        text = _CONVERTER_MARK.sub("", line.text).strip(_SPACE)
        dated = _is_date(text) or _DOC_NUMBER.search(text)
        if text[-1:] in "：:" and len(text) <= 60 and not _TRANSITION.search(text) and "。" not in text:
            salutation.append(line)
        elif salutation or line.rank is not None and not dated or "\t" in text:
            break
        elif dated and len(text) <= 60 or (len(text) <= 60 and not line.ends_sentence and text[-1:] not in "：:，,、"):
            block.append(line)
        else:
            break
        end = k + 1
    if not any(_TITLE_WORDS.search(line.text) or _DOC_NUMBER.search(line.text) for line in block):
        block = []  # a short line that names neither a report nor a body is a heading of a report without title
    for line in block:
        line.kind = UnitKind.TITLE
    for line in salutation:
        line.kind = UnitKind.SALUTATION
    return end if block or salutation else 0


def _mark_tail(lines: Sequence[_Line], head: int) -> None:
    """Mark the sign-off: dates, the issuing body and notes behind the last paragraph."""
    signed = False
    for line in reversed(lines[head:]):
        if line.kind is UnitKind.ARTIFACT:
            continue
        text = line.text
        plain = len(text) <= 40 and not re.search(r"[。，；：,;:\t]", text) and line.rank is None
        body = plain and bool(re.search(rf"{_ORGANISATION}(?:[（(].{{1,10}}[)）])?$", text))
        if _is_date(text) or _AFTERWORD.match(text) and len(text) <= 80:
            signed = signed or _is_date(text)
        elif not (plain and _DATE.search(text) or body or signed and plain and len(text) <= 24):
            return
        line.kind = UnitKind.SIGNOFF


def _mark_middle(lines: Sequence[_Line]) -> None:
    """Tell headings from paragraphs between the title and the sign-off."""
    for line, following in zip(lines, [*lines, None][1:], strict=True):
        line.kind = UnitKind.HEADING if _is_heading(line, following) else UnitKind.BODY
    headings = [line for line in lines if line.kind is UnitKind.HEADING]
    numbered = {line.rank for line in lines if line.rank is not None}
    for line in headings:
        if line.rank is None:
            line.rank = _gap_rank(line, lines) or (_UNNUMBERED if 1 in numbered else 1)


def _is_heading(line: _Line, following: _Line | None) -> bool:
    """Whether a line is a heading with no text of its own.

    A numbered line with nothing beneath it but its next sibling is a short paragraph (1.执法力量不足。),
    however much it looks like a heading.
    """
    text = line.text[line.mark :]
    if "\t" in text or re.search("[。；！？]", text[:-1]) or text[-1] in "：:，,、" or following is None:
        return False
    if line.rank is None:
        return len(text) <= _UNNUMBERED_CHARACTERS and not line.ends_sentence and not _ITEM.match(text)
    leaf = following.rank is not None and following.rank <= line.rank
    if line.ends_sentence:
        return not leaf and len(text) <= _RUN_IN_CHARACTERS and not _TIME_OPENING.match(text) and text[-1] == "。"
    return len(text) <= _HEADING_CHARACTERS and (not leaf or line.rank <= 1)


def _gap_rank(line: _Line, lines: Sequence[_Line]) -> float | None:
    """The rank whose numbering skips exactly this heading (一、 … 三、), if one does."""
    at = next(k for k, other in enumerate(lines) if other is line)
    for rank in (1, 2):
        before = next((o.number for o in reversed(lines[:at]) if o.rank == rank), 0)
        after = next((o.number for o in lines[at + 1 :] if o.rank == rank), None)
        if before is not None and after == before + 2:
            return rank
    return None


def _units(lines: Iterable[_Line]) -> Iterator[Unit]:
    path: list[tuple[float, str]] = []
    for line in lines:
        kind = line.kind or UnitKind.BODY
        run_in = _run_in(line) if kind is UnitKind.BODY else None
        if line.rank is not None and kind in (UnitKind.HEADING, UnitKind.BODY):
            path = [entry for entry in path if entry[0] < line.rank]
            heading = line.text if kind is UnitKind.HEADING else run_in
            if heading:
                path.append((line.rank, heading.rstrip("。：:" + _SPACE)))
        headings = tuple(h for _, h in path) if kind is UnitKind.BODY else ()
        yield Unit(kind=kind, text=line.text, start=line.start, end=line.start + len(line.text), headings=headings)


def _run_in(line: _Line) -> str | None:
    """The heading that a numbered paragraph opens with (（一）健全工作机制。按照…), or None.

    It is short, has text behind it, and says nothing of time or amount: （一）今年以来，共调解30件。 is a sentence.
    """
    if line.rank is None:
        return None
    text = line.text
    match = re.compile(rf"[。：:]|[{_SPACE}]{{2,}}|[{_SPACE}](?=[{_NUM}]是)").search(text, line.mark)
    if not match or match.end() >= len(text):
        return None
    heading = text[line.mark : match.start()]
    if not 2 <= len(heading) <= _RUN_IN_CHARACTERS or len(re.findall("[，,]", heading)) > 2:
        return None
    if _TIME_OPENING.match(heading) and re.search("[，,]", heading) or re.search(r"\d(?!年|[.·]\d)", heading):
        return None
    return text[: match.start()]


def _metadata(units: Sequence[Unit]) -> dict[str, str | int | None]:
    titles = [_CONVERTER_MARK.sub("", u.text).strip(_SPACE) for u in units if u.kind is UnitKind.TITLE]
    signed = [u.text for u in units if u.kind is UnitKind.SIGNOFF]
    number = next((m.group() for t in titles if (m := _DOC_NUMBER.search(t))), None)
    named = [t for t in titles if not _is_date(t) and not _DOC_NUMBER.fullmatch(t) and not t.endswith("文件")]
    # The body above the title is part of it, unless the title names it again.
    named = [t for t, below in zip(named, [*named, ""][1:], strict=True) if not below.startswith(t)]
    title = "".join(named) or None
    first = next((u.text for u in units if u.kind is UnitKind.BODY), "")
    return {
        "title": title,
        "issuer": _issuer(title or "", signed),
        "year": _year(title or "") or _year(first[:200]),
        "date": _first_date(signed) or _first_date(titles),
        "doc_number": re.sub(r"\s", "", number) if number else None,
    }


def _issuer(title: str, signed: Sequence[str]) -> str | None:
    """The body that reports: in front of 关于 or of the year in the title, else in the sign-off."""
    head = re.split(rf"关于|印发|{_YEAR.pattern}|法治政府|依法行政|推进", title)[0].strip(_SPACE)
    signer = next((re.split(_DATE, s)[0].strip(_SPACE) for s in signed if re.search(_ORGANISATION, s)), None)
    if re.search(rf"{_ORGANISATION}$", head):
        return head
    if signer and re.search(rf"{_ORGANISATION}$", signer):
        return signer
    return head if re.search(rf"{_PLACE}$", head) else None


def _year(text: str) -> int | None:
    match = _YEAR.search(text)
    return int(_arabic(match[1])) if match else None


def _is_date(text: str) -> bool:
    return bool(_DATE.fullmatch(text.strip("（）() " + _SPACE)))


def _first_date(texts: Iterable[str]) -> str | None:
    for text in texts:
        match = _DATE.search(text)
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
    tens, ten, ones = text.rpartition("十")
    if any(len(part) > 1 or part and part not in _DIGITS for part in (tens, ones)) or not text:
        return None
    return (int(_DIGITS.get(tens, "1")) * 10 if ten else 0) + int(_DIGITS.get(ones, "0"))
