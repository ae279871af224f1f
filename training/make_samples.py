"""Make the sample reports from their texts: `python training/make_samples.py`.

`data/sample_texts/*.txt` hold four invented reports, with one paragraph per line and tabs between the cells of a table.
Each becomes a file as its office would have published it: Word with automatic numbers, a printed pdf, a page of
a county's site, a plain text from an old machine. The pdf needs LibreOffice (`soffice`) and Noto CJK; the others need
no other programs.
"""

import html
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from string import Template
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph
from docx.text.run import Run

DATA = Path(__file__).resolve().parents[1] / "data"
SAMPLES, TEXTS = DATA / "samples", DATA / "sample_texts"
MARKS = (re.compile(r"[一二三四五六七八九十]+、"), re.compile(r"（[一二三四五六七八九十]+）"))
"""The numbers that Word counts automatically, from the outer level inwards."""


class Text(NamedTuple):
    """The lines of a report: those of the title, of the body, and of the sign-off."""

    title: Sequence[str]
    body: Sequence[str]
    signoff: Sequence[str]


class Fonts(NamedTuple):
    """Typefaces by purpose; an official document (公文) uses four."""

    title: str
    body: str
    outer: str
    inner: str


GOVERNMENT = Fonts("方正小标宋简体", "仿宋_GB2312", "黑体", "楷体_GB2312")
"""The typefaces that the standard for official documents (GB/T 9704) requires; they are named, not embedded."""
HERE = Fonts("Noto Serif CJK SC", "Noto Serif CJK SC", "Noto Sans CJK SC", "Noto Serif CJK SC")
"""The nearest typefaces in Debian's fonts-noto-cjk, for printing."""


def make_txt(text: Text) -> bytes:
    """Return a text from Notepad on an old machine: GB18030, Windows line ends, and spaces for all alignment."""
    wide = "\u3000"
    lines = [
        *(wide * 8 + t for t in text.title),
        "",
        *(wide * 2 + b for b in text.body),
        "",
        *(wide * 14 + s for s in text.signoff),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode("gb18030")


def make_docx(text: Text) -> bytes:
    """Return a Word file with 一、 and （一） as automatic numbers, the former by style, the latter by paragraph."""
    return word(text, GOVERNMENT, automatic=True)


def make_pdf(text: Text) -> bytes:
    """Return a pdf printed by LibreOffice, which embeds only the used part of a font."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "report.docx")
        source.write_bytes(word(text, HERE, automatic=False))
        # A separate profile is needed: otherwise a running LibreOffice would take the job and print nothing.
        profile = f"-env:UserInstallation={Path(folder, 'profile').as_uri()}"
        command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
        data = source.with_suffix(".pdf").read_bytes()
    # As with Word, the time of writing and values derived from it are removed. Offsets count bytes, so lengths stay.
    data = re.sub(rb"(?<=CreationDate\(D:)\d{14}", b"20250110090000", data)
    return re.sub(rb"(?<=[</])[0-9A-F]{32}(?=[>\s])", b"0" * 32, data)


def make_html(text: Text) -> bytes:
    """Return a page of a county government's site; its heading is the title, and the text is pasted from Word."""
    (title,) = text.title
    article = [*map(_pasted, text.body), "<p>&nbsp;</p>"]
    right = '<p style="text-align: right;"><span style="font-size: 16pt;">{}</span></p>'
    article += [right.format(_words(line)) for line in text.signoff]
    return Template(PAGE).substitute(title=html.escape(title), article="\n".join(article)).encode()


def _pasted(line: str) -> str:
    if MARKS[0].match(line):
        bold = '<p style="text-indent: 2em;"><strong><span style="font-family: 黑体;">{}</span></strong></p>'
        return bold.format(_words(line))
    font = "font-family: 仿宋_GB2312; font-size: 16pt; line-height: 150%"
    return f'<p class="MsoNormal" style="text-indent: 2em;"><span style="{font}">{_words(line)}<o:p></o:p></span></p>'


def _words(line: str) -> str:
    """Format a line as Word does: Latin letters and digits in separate spans, quotation marks as entities."""
    escaped = re.sub(r"[0-9A-Za-z.%·]+", r'<span lang="EN-US">\g<0></span>', html.escape(line, quote=False))
    return escaped.replace("“", "&ldquo;").replace("”", "&rdquo;")


def word(text: Text, fonts: Fonts, *, automatic: bool) -> bytes:
    """Return a Word file laid out by GB/T 9704: A4, 28 points per line, first lines indented by two characters.

    Args:
        text: The report.
        fonts: The typefaces of the report.
        automatic: Whether 一、 and （一） are automatic numbers; otherwise they are typed.
    """
    document = docx.Document()
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin = Mm(37), Mm(35)
    section.left_margin, section.right_margin = Mm(28), Mm(26)
    _page_number(section.footer.paragraphs[0], fonts)
    if automatic:
        _number_list(document, fonts)
    for line in text.title:
        # A document number is above the title, in the size of the text.
        _paragraph(document, line, fonts.title, 16 if "〔" in line else 22, WD_ALIGN_PARAGRAPH.CENTER)
    document.add_paragraph()
    rows: list[str] = []
    for line in [*text.body, ""]:
        if "\t" in line:
            rows.append(line)
            continue
        if rows:
            _table(document, [row.split("\t") for row in rows], fonts)
            rows = []
        if line:
            _body(document, line, fonts, automatic=automatic)
    document.add_paragraph()
    for line in text.signoff:
        paragraph = _paragraph(document, line, fonts.body, 16, WD_ALIGN_PARAGRAPH.RIGHT)
        paragraph.paragraph_format.right_indent = Pt(32)
    properties = document.core_properties
    properties.author = properties.last_modified_by = properties.comments = ""
    properties.created = properties.modified = datetime(2025, 1, 10)
    buffer = BytesIO()
    document.save(buffer)
    return _undated(buffer.getvalue())


def _body(document: Document, line: str, fonts: Fonts, *, automatic: bool) -> None:
    level = next((i for i, mark in enumerate(MARKS) if mark.match(line)), None)
    font = fonts.body if level is None or len(line) > 40 else (fonts.outer, fonts.inner)[level]
    if automatic and level is not None:
        line = MARKS[level].sub("", line, count=1)
    paragraph = _paragraph(document, line, font, 16, WD_ALIGN_PARAGRAPH.JUSTIFY)
    if not line.endswith("：") or len(line) > 20:  # the salutation isn't indented
        paragraph.paragraph_format.first_line_indent = Pt(32)
    if automatic and level == 0:
        paragraph.style = "Heading 1"
    elif automatic and level == 1:
        number = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        number.get_or_add_ilvl().val, number.get_or_add_numId().val = 1, 20


def _paragraph(document: Document, line: str, font: str, size: int, alignment: WD_ALIGN_PARAGRAPH) -> Paragraph:
    paragraph = document.add_paragraph()
    layout = paragraph.paragraph_format
    layout.alignment, layout.space_before, layout.space_after = alignment, Pt(0), Pt(0)
    layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(28 if size < 20 else 34)
    _run(paragraph, line, font, size)
    return paragraph


def _run(paragraph: Paragraph, text: str, font: str, size: float) -> Run:
    run = paragraph.add_run(text)
    run.font.name, run.font.size, run.font.bold = font, Pt(size), False
    run._r.rPr.rFonts.set(qn("w:eastAsia"), font)
    return run


def _table(document: Document, rows: Sequence[Sequence[str]], fonts: Fonts) -> None:
    table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            _run(cell.paragraphs[0], text, fonts.body, 12)
            cell.paragraphs[0].alignment = WD_ALIGN_PARAGRAPH.CENTER


def _page_number(paragraph: Paragraph, fonts: Fonts) -> None:
    """Add `— 1 —` at the foot of each page, with the number as a field."""
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(paragraph, "— ", fonts.body, 14)
    for kind in ("begin", "PAGE", "separate", "1", "end"):
        run = _run(paragraph, "1" if kind == "1" else "", fonts.body, 14)
        if kind == "PAGE":
            run._r.append(OxmlElement("w:instrText"))
            run._r[-1].text = kind
        elif kind != "1":
            run._r.append(OxmlElement("w:fldChar"))
            run._r[-1].set(qn("w:fldCharType"), kind)
    _run(paragraph, " —", fonts.body, 14)


def _number_list(document: Document, fonts: Fonts) -> None:
    """Add a list of two levels, 一、 (the style Heading 1) and （一）."""
    levels = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="chineseCountingThousand"/>{style}'
        f'<w:suff w:val="nothing"/><w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/>'
        f'<w:rPr><w:rFonts w:eastAsia="{font}"/><w:b w:val="0"/><w:sz w:val="32"/></w:rPr></w:lvl>'
        for i, (style, text, font) in enumerate(
            (('<w:pStyle w:val="Heading1"/>', "%1、", fonts.outer), ("", "（%2）", fonts.inner))
        )
    )
    kind = '<w:multiLevelType w:val="multilevel"/>'
    root = document.part.numbering_part.element
    # Every abstractNum must come before every num; otherwise Word reports a damaged file.
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="20">{kind}{levels}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="20"><w:abstractNumId w:val="20"/></w:num>'))
    style = document.styles["Heading 1"]
    style.font.color.rgb = RGBColor(0, 0, 0)
    style.element.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = 20


def _undated(archive: bytes) -> bytes:
    """Return the same zip without the time of writing, so that making a sample again gives the same file."""
    buffer = BytesIO()
    with ZipFile(BytesIO(archive)) as old, ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if not name.startswith("docProps/thumbnail"):
                new.writestr(ZipInfo(name), old.read(name), ZIP_DEFLATED)
    return buffer.getvalue()


PAGE = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="UTF-8">
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<title>${title}_澄溪县人民政府门户网站</title>
<meta name="SiteName" content="澄溪县人民政府门户网站">
<meta name="SiteDomain" content="www.chengxi.example">
<meta name="ColumnName" content="法治政府建设年度报告">
<meta name="ColumnType" content="政府信息公开">
<meta name="ArticleTitle" content="$title">
<meta name="PubDate" content="2024-01-25 16:08:32">
<meta name="ContentSource" content="望桐街道办事处">
<link rel="stylesheet" href="/images/1508/style.css">
<style>
.xxgk td { border: 1px solid #d8d8d8; padding: 6px 10px } .con-title { text-align: center; font-size: 26px }
</style>
<script src="/script/0/jquery.min.js"></script>
<script>var columnId = 1229543210, webId = 3187; if (top !== self) { top.location.href = self.location.href; }</script>
</head>
<body>
<div class="top"><div class="w1200">
<span>今天是：<script>document.write(new Date().toLocaleDateString())</script></span>
<a href="/wza">无障碍阅读</a> | <a href="/zlby">长者版</a> | <a href="/col/mail">县长信箱</a> |
<a href="https://login.example">登录</a>
</div></div>
<div class="header"><a href="/"><img src="/images/1508/logo.png" alt="澄溪县人民政府"></a>
<form action="/search"><input type="text" name="q" value="请输入关键字"><button type="submit">搜索</button></form></div>
<ul class="nav">
<li><a href="/">首页</a></li><li><a href="/col/col1/">走进澄溪</a></li><li><a href="/col/col2/">要闻动态</a></li>
<li><a href="/col/col3/">政务公开</a></li><li><a href="/col/col4/">政务服务</a></li>
<li><a href="/col/col5/">互动交流</a></li><li><a href="/col/col6/">数据开放</a></li>
</ul>
<div class="position">您现在的位置：<a href="/">首页</a> &gt; <a href="/col/col3/">政务公开</a> &gt;
<a href="/col/col31/">政府信息公开目录</a> &gt; <a href="/col/col312/">望桐街道</a> &gt; 法治政府建设年度报告</div>
<div class="main w1200">
<table class="xxgk" width="100%" cellspacing="0">
<tr><td><b>索 引 号：</b></td><td>11330999MB0000000X/2024-70125</td><td><b>公开方式：</b></td><td>主动公开</td></tr>
<tr><td><b>发布机构：</b></td><td>望桐街道办事处</td><td><b>成文日期：</b></td><td>2024-01-22</td></tr>
<tr><td><b>主题分类：</b></td><td>司法/法治政府建设</td><td><b>有 效 性：</b></td><td>有效</td></tr>
</table>
<h1 class="con-title">$title</h1>
<div class="con-info">
<span>发布日期：2024-01-25 16:08</span> <span>信息来源：望桐街道办事处</span>
<span>浏览次数：<i id="hits"><script src="/hits?id=70125"></script>347</i> 次</span>
<span>字体：[ <a href="javascript:doZoom(18)">大</a> <a href="javascript:doZoom(16)">中</a>
<a href="javascript:doZoom(14)">小</a> ]</span>
</div>
<div class="share">分享到： <a href="#" class="wx">微信</a> <a href="#" class="wb">微博</a></div>
<div id="zoom" class="article">
<!--<$$[信息内容]>begin-->
$article
<!--<$$[信息内容]>end-->
</div>
<div class="operate"><a href="javascript:window.print()">【打印】</a>
<a href="javascript:window.close()">【关闭】</a></div>
<div class="erweima"><img src="/qr/70125.png" alt=""><p>扫一扫在手机打开当前页面</p></div>
<div class="related"><h3>相关链接</h3><ul>
<li><a href="/art/2023/1/19/art_1229543210_66871.html">澄溪县望桐街道办事处2022年度法治政府建设情况报告</a>
<span>2023-01-19</span></li>
<li><a href="/art/2024/1/24/art_1229543198_70098.html">澄溪县司法局2023年度法治政府建设情况报告</a>
<span>2024-01-24</span></li>
<li><a href="/art/2024/1/12/art_1229543210_69954.html">望桐街道2023年政府信息公开工作年度报告</a>
<span>2024-01-12</span></li>
</ul></div>
</div>
<div class="footer">
<select onchange="window.open(this.value)"><option>县级部门网站</option>
<option value="#">县发展和改革局</option></select>
<p><a href="/gywm">关于我们</a> | <a href="/map">网站地图</a> | <a href="/sm">隐私声明</a></p>
<p>主办：澄溪县人民政府　承办：澄溪县人民政府办公室　技术支持：澄溪县大数据发展中心</p>
<p>网站标识码：3309990001　浙ICP备00000000号-1　浙公网安备 33099902000000号</p>
</div>
</body>
</html>
"""

_Made = tuple[Callable[[Text], bytes], int, int]
FILES: dict[str, _Made] = {
    "篾坪镇2024年度法治政府建设情况报告（定稿）.docx": (make_docx, 2, 2),
    "nyncj_2024fzzfbg.pdf": (make_pdf, 2, 2),
    "望桐街道2023年法治政府建设报告.html": (make_html, 1, 2),
    "huailinpu2023fazhizongjie.txt": (make_txt, 1, 1),
}
"""How to make each file, and the number of lines of its title and its sign-off."""


def main() -> None:
    """Make every sample and print its size."""
    for name, (make, titles, signoffs) in FILES.items():
        source = TEXTS / f"{Path(name).stem}.txt"
        lines = source.read_text(encoding="utf-8").splitlines()
        end = len(lines) - signoffs
        data = make(Text(lines[:titles], lines[titles:end], lines[end:]))
        (SAMPLES / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
