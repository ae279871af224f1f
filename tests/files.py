"""The same report as txt, docx, pdf and html, made the way that offices make them; for the tests of the readers."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_HAN = "一二三四五六七八九"
_MARKERS = tuple(map(re.compile, (r"([一二三四五六七八九十]+)、", r"（([一二三四五六七八九十]+)）", r"(\d+)\.(?!\d)")))
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_LEVELS = (("chineseCounting", "%1、", "nothing"), ("chineseCounting", "（%2）", "nothing"), ("decimal", "%3.", "tab"))


def write_txt(path: Path, lines: Sequence[str], encoding: str = "utf-8") -> None:
    """Write the lines with Windows line ends."""
    path.write_bytes("\r\n".join(lines).encode(encoding))


def write_docx(path: Path, lines: Sequence[str]) -> None:
    """Write a Word file in which 一、, （一） and 1. are automatic numbers of one list with three levels.

    A marker that isn't the next number of its level stays typed, as a clerk would leave it.
    """
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    document = docx.Document()
    _add_numbering(document)
    titles, signoffs = _parts(lines)
    counts = [0, 0, 0]
    for index, line in enumerate(lines):
        level = _level(counts, line)
        paragraph = document.add_paragraph(_MARKERS[level].sub("", line, count=1) if level >= 0 else line)
        paragraph.paragraph_format.space_after = Pt(0)
        if index < titles:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
        elif index >= len(lines) - signoffs:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        else:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
            paragraph.paragraph_format.first_line_indent = Pt(32)
        for run in paragraph.runs:
            run.font.size = Pt(22 if index < titles else 16)
        if level >= 0:
            properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
            properties.get_or_add_ilvl().val = level
            properties.get_or_add_numId().val = 77
    document.save(str(path))


def write_pdf(path: Path, lines: Sequence[str]) -> None:
    """Write an A4 pdf: lines wrapped, first lines indented, a running header, page numbers, a centred title."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    font: dict[str, Any] = {"fontName": "STSong-Light", "wordWrap": "CJK"}
    body = ParagraphStyle("body", fontSize=16, leading=28, firstLineIndent=32, **font)
    title = ParagraphStyle("title", fontSize=22, leading=34, alignment=1, **font)
    signoff = ParagraphStyle("signoff", fontSize=16, leading=28, alignment=2, rightIndent=32, **font)
    titles, signoffs = _parts(lines)

    def furniture(canvas: Any, document: Any) -> None:
        canvas.setFont("STSong-Light", 10)
        canvas.drawString(80, A4[1] - 40, "法治政府建设年度报告汇编")
        canvas.drawCentredString(A4[0] / 2, 40, f"— {document.page} —")

    story = []
    for index, line in enumerate(lines):
        style = title if index < titles else signoff if index >= len(lines) - signoffs else body
        story.append(Paragraph(html.escape(line), style))
    document = SimpleDocTemplate(str(path), pagesize=A4, leftMargin=80, rightMargin=74, topMargin=90, bottomMargin=90)
    document.build(story, onFirstPage=furniture, onLaterPages=furniture)


def write_html(path: Path, lines: Sequence[str], encoding: str = "utf-8") -> None:
    """Write a page of a government site, with all that stands round the article there.

    A single title line stands only in the page's own heading and meta tag; of several, the last does, and all of them
    in the article.
    """
    titles, _ = _parts(lines)
    kinds = (
        "<p>　　{}</p>",
        '<p style="text-indent:2em"><span>&nbsp;&nbsp;</span><span lang="EN-US">{}</span></p>',
        "<div><div>&emsp;&emsp;{}</div></div>",
        "{}<br/>",
    )
    article = "\n".join(
        kinds[i % len(kinds)].format(html.escape(line)) for i, line in enumerate(lines[titles if titles == 1 else 0 :])
    )
    heading = html.escape(lines[titles - 1] if titles else "")
    page = _PAGE.format(charset=encoding.replace("gb18030", "gb2312"), heading=heading, article=article)
    path.write_bytes(page.encode(encoding))


def _parts(lines: Sequence[str]) -> tuple[int, int]:
    """How many lines at the start are titles, and how many at the end the sign-off."""

    def bare(line: str) -> bool:
        return len(line) <= 45 and line[-1:] not in "。：；" and not any(m.match(line) for m in _MARKERS)

    titles = next((i for i, line in enumerate(lines) if not bare(line)), 0)
    rest = lines[titles:]
    return titles, next((i for i, line in enumerate(reversed(rest)) if not bare(line) or len(line) > 25), 0)


def _level(counts: list[int], line: str) -> int:
    """The level whose next number the line begins with, and count on; -1 for none."""
    for level, marker in enumerate(_MARKERS):
        n = counts[level] + 1
        han = ("" if n < 20 else _HAN[n // 10 - 1]) + "十" * (n >= 10) + ("" if n % 10 == 0 else _HAN[n % 10 - 1])
        if (match := marker.match(line)) and match[1] == (str(n) if level == 2 else han):
            counts[level:] = [n, *[0] * (2 - level)]
            return level
    return -1


def _add_numbering(document: Any) -> None:
    from docx.oxml import parse_xml

    levels = "".join(
        f'<w:lvl w:ilvl="{i}"><w:start w:val="1"/><w:numFmt w:val="{fmt}"/><w:suff w:val="{suffix}"/>'
        f'<w:lvlText w:val="{text}"/><w:lvlJc w:val="left"/></w:lvl>'
        for i, (fmt, text, suffix) in enumerate(_LEVELS)
    )
    root = document.part.numbering_part.element
    abstract = parse_xml(
        f'<w:abstractNum {_W} w:abstractNumId="77"><w:multiLevelType w:val="multilevel"/>{levels}</w:abstractNum>'
    )
    root.insert(0, abstract)  # before every w:num, or Word calls the file damaged
    root.append(parse_xml(f'<w:num {_W} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))


_PAGE = """<!DOCTYPE html>
<html><head><meta http-equiv="Content-Type" content="text/html; charset={charset}">
<title>{heading}_云岭县人民政府门户网站</title>
<meta name="ArticleTitle" content="{heading}"><meta name="PubDate" content="2024-01-12 10:30">
<script>var 正文 = "<p>脚本里的文字不是正文，不应当出现在结果当中。</p>";</script>
<style>.a {{ color: red }}</style></head>
<body><div class="header"><ul class="nav"><li><a href="/">网站首页</a></li><li><a href="/zw">政务公开</a></li>
<li><a href="/fw">政务服务</a></li></ul></div>
<div class="location">当前位置：<a href="/">首页</a> &gt; <a href="/zw">政务公开</a> &gt; 法治政府建设年度报告</div>
<table class="xxgk"><tr><td>索 引 号：</td><td>yl0012/2024-00031</td><td>主题分类：</td><td>法治政府建设</td></tr>
<tr><td>发布机构：</td><td>松坪镇人民政府</td><td>发布日期：</td><td>2024-01-12</td></tr></table>
<div class="main"><h1 class="title">{heading}</h1>
<div class="info"><span>来源：松坪镇人民政府</span> <span>发布时间：2024-01-12 10:30</span>
<span>浏览次数：<script>document.write(12)</script>128 次</span> <span>字体：【大 中 小】</span></div>
<div class="share">分享到：<a href="#">微信</a><a href="#">微博</a></div>
<div id="zoom" class="article-content">
{article}
</div>
<div class="tools"><a href="javascript:print()">【打印】</a> <a href="javascript:close()">【关闭】</a></div>
<div class="page">上一篇：<a href="1.html">松坪镇2022年工作总结</a></div>
<div class="page">下一篇：<a href="2.html">没有了</a></div><div class="qr">扫一扫在手机打开当前页</div></div>
<div class="footer"><p>主办单位：云岭县人民政府办公室　　版权所有：云岭县人民政府</p>
<p>网站标识码：0000000000　　ICP备00000000号　　公网安备 00000000000000号</p></div></body></html>
"""
