"""Mutations that know a format: libFuzzer alone breaks the checksum of every zip and the tree of every page.

Each takes the input, a random generator and `raw`, libFuzzer's own mutation of bytes.
"""

from __future__ import annotations

import copy
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO

from lxml import etree

Raw = Callable[[bytes], bytes]

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
LONGEST = 60_000
"""Bytes of an input. A repeated piece may reach it, so that what is slower than linear shows."""

TEXT_WORDS = (
    *"一二三四五六七八九十百千万亿零〇两半余多几数来上近约成点至到负个件年月日元户名次%％、，。；：！？（）()〈〉[]《》“”’.·—-~/|\t",
    *("\n", "\r\n", "\u2028", "\u3000", "\u00a0", "\u200b", "\ufeff", "\u1680", "\x1f", "\x85", "\u202e", "\u0301", "🧑‍⚖️", "𠮷"),
    *"0123456789０９①⑴٣²",
    *("一、", "（一）", "1.", "（1）", "第一，", "第一部分 ", "一是", "1.1 ", "目录", "附件1：", "……3", "- 3 -", "[bookmark: _GoBack]"),
    *("某镇人民政府", "关于2023年法治政府建设情况的报告", "某政〔2024〕8号", "2024年1月8日", "二〇二三年十二月三十一日", "县委、县政府："),
    *("发布时间：2024-01-12", "打印本页", "上一篇：", "如下：", "截至目前，", "调解纠纷30件", "百分之三十", "三分之二", "九成五", "300余户", "1.9万人次"),
)  # fmt: skip
HTML_WORDS = (
    *TEXT_WORDS,
    *("<p>", "</p>", "<div>", "</div>", "<br>", "<table>", "<tr>", "<td>", "</td>", "</tr>", "</table>", "<th>", "<pre>", "</pre>"),
    *("<h1>", "</h1>", "<a href=x>", "</a>", "<span>", "</span>", "<title>", "</title>", "<script>", "</script>", "<style>", "<!--", "-->"),
    *("<meta name=ArticleTitle content=", " id=zoom", ' class="title"', ' style="display:none"', " hidden", "<body>", "<html>", "<frameset>"),
    *("&nbsp;", "&emsp;", "&#0;", "&#xD800;", "&#1114112;", "&amp", "<?xml version='1.0' encoding='gb2312'?>", "<![CDATA[", "]]>", "<svg>"),
    *("A+", "A-", "大", "字体：", "来源：", "浏览次数：", "索引号：", "扫一扫", " colspan=3", " rowspan=2", " colspan=0 rowspan=999999", "<caption>", "<select>", "<textarea>", "<template>", "<li>", "<form>"),
)  # fmt: skip
XML_VALUES = (
    *("", "0", "1", "-1", "9", "77", "32767", "32768", "2147483647", "99999999999999999999", "9" * 5000, "x", "%1", "%1%2%3", "（%2）", "%9", "%1" * 400),
    *("decimal", "chineseCounting", "ideographDigital", "decimalZero", "upperLetter", "lowerRoman", "decimalEnclosedCircle", "none", "bullet"),
    *("chineseLegalSimplified", "decimalFullWidth", "nothing", "tab", "begin", "separate", "end", "continue", "restart", "paragraph", "true", "NULL"),
    *("../../x", "/word/document.xml", "A1:XFD1048576", "B2", "s", "inlineStr", "hidden", "word/numbering.xml", "External", "http://x/officeDocument"),
)  # fmt: skip
XML_TAGS = re.findall(
    r"\w+",
    "p r t tbl tr tc tab br cr fldChar instrText sdt sdtContent ins del moveFrom moveTo txbxContent altChunk ruby rt pPr "
    "rPr numPr numId ilvl pStyle abstractNum lvl lvlText numFmt start suff isLgl lvlRestart lvlOverride startOverride "
    "num abstractNumId numStyleLink style basedOn hMerge vMerge gridSpan tblHeader tcPr trPr noBreakHyphen ptab body document footnote ",
)
PDF_NUMBERS = (
    *(b"0", b"1", b"-1", b"0.5", b"90", b"180", b"270", b"595", b"-595", b"1e38", b"99999999999", b"-2147483648", b"4294967295"),
    *(b"0.0000000000000000000000000000000000000000001", b"3" * 60, b"." + b"0" * 60 + b"1", b"nan", b"+-3"),
)  # fmt: skip
PDF_WORDS = (
    *(b"BT", b"ET", b"Tj", b"TJ", b"Tf", b"Td", b"Tm", b"T*", b"Tr", b"Tz", b"Ts", b"TL", b"Tc", b"Tw", b"cm", b"q", b"Q", b"Do", b"W n"),
    *(b"/MediaBox [0 0 595 842]", b"/CropBox [0 0 1e38 1e38]", b"/Rotate 90", b"/Kids", b"/Count 9999", b"/Encrypt", b"/Length 9999999"),
    *(b"3 Tr", b"1 0 0 -1 0 0 Tm", b"0 0 0 0 0 0 Tm", b"/F1 0 Tf", b"/F1 1e30 Tf", b"( )", b"(1.)", b"<4e00>", b"/XObject", b"stream", b"endobj"),
)  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16-le", "utf-16-be", "utf-16", "utf-32", "big5hkscs")


def text(data: bytes, rng: random.Random, raw: Raw, words: Sequence[str] = TEXT_WORDS) -> bytes:
    """UTF-8 text changed by characters, words and lines; one in five times by bytes."""
    if rng.random() < 0.2:
        return raw(data)
    chars = data.decode("utf-8", "ignore")
    for _ in range(rng.choice((1, 1, 2, 4))):
        chars = edited(chars, rng, words)
    return chars.encode()[:LONGEST]


def html(data: bytes, rng: random.Random, raw: Raw) -> bytes:
    """As `text`, with the words of pages."""
    return text(data, rng, raw, HTML_WORDS)


def encoded(data: bytes, rng: random.Random, raw: Raw) -> bytes:
    """Text in any encoding, mutated and sometimes written in another one; half of the times bytes are."""
    if rng.random() < 0.5:
        return raw(data)
    now, then = rng.choice(ENCODINGS), rng.choice(ENCODINGS)
    chars = edited(data.decode(now, "ignore"), rng, TEXT_WORDS)
    return chars.encode(then, "ignore")[:LONGEST]


def pdf(data: bytes, rng: random.Random, raw: Raw) -> bytes:
    """A pdf with uncompressed streams: a number or word changed, a piece repeated or cut out; sometimes bytes."""
    way = rng.random()
    if way < 0.15:
        return raw(data)
    if way < 0.6:
        numbers = list(re.finditer(rb"(?<![\w<])[-+]?\d+(?:\.\d+)?", data))
        if numbers:
            chosen = rng.choice(numbers)
            return data[: chosen.start()] + rng.choice(PDF_NUMBERS) + data[chosen.end() :]
    at = rng.randrange(len(data) + 1)
    end = min(len(data), at + rng.choice((1, 20, 200)))
    if way < 0.75:
        return data[:at] + b" " + rng.choice(PDF_WORDS) + b" " + data[at:]
    if way < 0.9:
        return (data[:end] + data[at:end] * rng.choice((1, 2, 50)) + data[end:])[:LONGEST]
    return data[:at] + data[end:]


def docx(data: bytes, rng: random.Random, raw: Raw) -> bytes:
    """The XML inside the zip changed as a tree, so that it stays XML; one in ten times the bytes of the zip."""
    try:
        parts = _unzipped(data)
    except Exception:  # whatever a broken zip raises: there is only its bytes to change
        return raw(data)
    if rng.random() < 0.1 or not parts:
        return raw(data)
    name = rng.choice([n for n in parts if n.endswith((".xml", ".rels"))] or list(parts))
    if rng.random() < 0.1:
        parts[name] = raw(parts[name])
    else:
        parts[name] = _mutated_xml(parts[name], rng)
    if rng.random() < 0.02:
        del parts[rng.choice(list(parts))]
    return zipped(
        parts, rng.choice((zipfile.ZIP_STORED,) * 4 + (zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))
    )


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of the parts."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def _unzipped(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist() if info.file_size < 1_000_000}


def _mutated_xml(data: bytes, rng: random.Random) -> bytes:
    try:
        root = etree.fromstring(data)
    except (etree.XMLSyntaxError, ValueError):
        return data
    elements = [element for element in root.iter() if isinstance(element.tag, str)]
    for _ in range(rng.choice((1, 1, 2, 5))):
        element, other = rng.choice(elements), rng.choice(elements)
        parent = element.getparent()
        way = rng.randrange(9)
        if way == 0 and parent is not None:
            parent.remove(element)
        elif way == 1 and len(elements) < 2000:
            other.append(copy.deepcopy(element))
        elif way == 2 and parent is not None:
            for _ in range(rng.choice((1, 3, 40))):
                parent.append(copy.deepcopy(element))
        elif way == 3 and element.attrib:
            element.set(rng.choice(list(element.attrib)), rng.choice(XML_VALUES))
        elif way == 4:
            element.tag = W + rng.choice(XML_TAGS)
        elif way == 5:
            etree.SubElement(element, W + rng.choice(XML_TAGS)).set(f"{W}val", rng.choice(XML_VALUES))
        elif way == 6:
            element.text = _xml_text(edited(element.text or "", rng, TEXT_WORDS))
        elif way == 7:
            child = etree.SubElement(element, f"{W}fldChar")
            child.set(f"{W}fldCharType", rng.choice(("begin", "separate", "end")))
        elif parent is not None:
            parent.append(
                other if element not in other.iterdescendants() and other is not parent else copy.deepcopy(element)
            )
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)[:LONGEST]


def _xml_text(chars: str) -> str:
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", chars)


def flipped(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one changed, put in, or some cut out: for where there is no libFuzzer."""
    at = rng.randrange(len(data) + 1)
    way = rng.randrange(3)
    if way == 0:
        return data[:at] + rng.randbytes(rng.choice((1, 4))) + data[at + 1 :]
    return data[:at] + (rng.randbytes(2) + data[at:] if way == 1 else data[at + rng.choice((1, 8, 200)) :])


def edited(chars: str, rng: random.Random, words: Sequence[str]) -> str:
    """A word put in, a piece replaced, cut out or repeated, or the lines in another order."""
    at = rng.randrange(len(chars) + 1)
    end = min(len(chars), at + rng.choice((1, 1, 3, 10, 80)))
    way = rng.randrange(8)
    if way < 3:
        return chars[:at] + rng.choice(words) + chars[at:]
    if way == 3:
        return chars[:at] + rng.choice(words) + chars[end:]
    if way == 4:
        return chars[:at] + chars[end:]
    if way == 5 and at < end:
        return (chars[:end] + chars[at:end] * _often(rng, end - at) + chars[end:])[: LONGEST // 3]
    if way == 6:
        return (chars[:at] + rng.choice(words) * _often(rng, 2) + chars[at:])[: LONGEST // 3]
    lines = chars.split("\n")
    rng.shuffle(lines)
    return "\n".join(lines)


def _often(rng: random.Random, size: int) -> int:
    """How often to repeat a piece of so many characters: seldom as often as fits."""
    return LONGEST // 3 // size if rng.random() < 0.05 else rng.choice((1, 2, 5, 20))
