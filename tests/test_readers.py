"""The readers: the same report out of four formats, and the traps of each format. All places and texts are invented."""

from __future__ import annotations

import io
import os
import random
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import SUFFIXES, office, pdf, read_file
from lawgov_nlp.readers.lines import row_lines
from lawgov_nlp.readers.numbering import chinese
from tests import files

LINES = """\
云岭县松坪镇人民政府
关于2023年法治政府建设情况的报告
云岭县人民政府：
2023年，松坪镇围绕年初确定的各项任务，把依法办事的要求落到每一个站所、每一个村，全镇治理水平稳步提高。现报\
告如下。
一、主要工作和成效
（一）压实各级责任
镇党委会全年研究法治工作9次，听取站所汇报14次，把考核分值由3%提高到5.5%，年底对12个村（社区）逐一打\
分，排名靠后的2个村由镇长约谈。
（二）办好群众身边的事。松坪镇把调解室搬到集市上，每逢赶集日由2名律师和3名调解员坐班，全年接待来访群众130\
2人次，登记矛盾纠纷217件，当场化解198件，其余19件转交县级部门办理，回访满意率达到97.6%，比上一年\
提高2.1个百分点；发放《办事不求人》手册2600余份，受众约1.2万人次。
1.下村走访
组织干部分成6个小组，用3个月时间走完全镇4386户，收集“急难愁盼”意见建议560余条，其中涉及宅基地、林权\
、水源的占六成以上，能办的当月办结，暂时办不了的逐户说明原因并且建立台账，一是农闲时集中办，二是外出户电话办，\
三、四季度各通报一次进度。
2.公开办事
（三）用好“云岭通”APP和12345热线
热线工单按时办结率100%。
二、存在的不足
持证执法人员只有7名，遇到跨村案件时人手明显不够；个别干部遇事仍然习惯找关系，不习惯找依据。
三、下一步打算
2024年，我镇将继续配强执法力量，力争年内新增持证人员5名以上，把流动调解室覆盖到全部12个村（社区），并且\
每季度向社会公布一次办理结果。
松坪镇人民政府
2024年1月12日""".splitlines()

SHORT = LINES[4:9]

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def lines_of(path: Path) -> list[str]:
    """The non-blank lines that the reader gives, as all later modules see them."""
    text = read_file(path).text
    text.encode("utf-8")
    assert "\r" not in text
    return [line.strip() for line in text.split("\n") if line.strip()]


def refused(path: Path, *parts: str) -> None:
    """Reading raises a ReadError that names the file and says all of `parts`."""
    with pytest.raises(ReadError) as caught:
        read_file(path)
    for part in (str(path), *parts):
        assert part in str(caught.value)


def saved(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))
    return path


# ---- parity

needs_font = pytest.mark.usefixtures("chinese_font")


@pytest.mark.parametrize("suffix", ["txt", "docx", "pdf", "html"])
@pytest.mark.parametrize("report", [LINES, LINES[:2] + LINES[3:-2] * 4 + LINES[-2:], LINES[1:], SHORT])
def test_the_four_formats_give_the_same_lines(
    tmp_path: Path, suffix: str, report: list[str], request: pytest.FixtureRequest
) -> None:
    if suffix == "pdf":
        request.getfixturevalue("chinese_font")
    path = tmp_path / f"报告 2023.{suffix}"
    getattr(files, f"write_{suffix}")(path, report)
    assert lines_of(path) == report
    warnings = read_file(path).warnings
    assert not warnings or (report is SHORT and "header" in warnings[0])


def test_docx_builder_types_no_numbers(tmp_path: Path) -> None:
    import docx

    files.write_docx(tmp_path / "a.docx", LINES)
    typed = [p.text for p in docx.Document(str(tmp_path / "a.docx")).paragraphs]
    assert "主要工作和成效" in typed
    assert "下村走访" in typed


# ---- which reader


def test_path_errors(tmp_path: Path) -> None:
    refused(tmp_path / "none.txt", "no such file")
    refused(tmp_path, "folder")
    refused(saved(tmp_path / "a.pptx", "x"), ".pptx", *SUFFIXES)
    refused(saved(tmp_path / "a", "x"), "without suffix")
    refused(saved(tmp_path / "a.txt", ""), "empty")
    refused(saved(tmp_path / "b.txt", " \n　\n"), "no text")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.txt", "x")
    path.chmod(0)
    refused(path, "Permission")


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "a.txt", "松" * 3_000_000)
    refused(path, "2,000,000")
    monkeypatch.setattr("lawgov_nlp.readers.MAX_BYTES", 1000)
    refused(path, "MB")


@pytest.mark.parametrize(("name", "kind"), [("a.doc", "html"), ("b.doc", "docx"), ("c.txt", "html"), ("d.wps", "pdf")])
def test_content_goes_before_suffix(tmp_path: Path, name: str, kind: str) -> None:
    getattr(files, f"write_{kind}")(tmp_path / name, LINES)
    assert lines_of(tmp_path / name) == LINES
    assert kind in read_file(tmp_path / name).warnings[0]


def test_plain_text_named_doc(tmp_path: Path) -> None:
    files.write_txt(tmp_path / "a.doc", LINES, "gb18030")
    assert lines_of(tmp_path / "a.doc") == LINES


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rubbish_is_refused(tmp_path: Path, suffix: str) -> None:
    for size in (50, 5000):
        with pytest.raises(ReadError):
            read_file(saved(tmp_path / f"a{suffix}", random.Random(size).randbytes(size)))


@pytest.mark.parametrize("suffix", ["docx", "pdf"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_cut_off_files_are_refused(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a.{suffix}"
    getattr(files, f"write_{suffix}")(path, LINES)
    data = path.read_bytes()
    refused(saved(path, data[: int(len(data) * share)]), "damaged")


def test_web_archive(tmp_path: Path) -> None:
    refused(saved(tmp_path / "a.doc", "MIME-Version: 1.0\nContent-Type: multipart/related"), "mht")


# ---- txt


@pytest.mark.parametrize("mark", [False, True])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16-le", "utf-16-be"])
def test_encodings(tmp_path: Path, encoding: str, mark: bool) -> None:
    for text in ("\n".join(LINES), LINES[1], "松坪镇", "2023年"):
        path = saved(tmp_path / "a.txt", ("\ufeff" * mark + text).encode(encoding))
        assert read_file(path).text == text


def test_big5_and_utf16_ascii(tmp_path: Path) -> None:
    text = "雲嶺縣松坪鎮人民政府關於法治政府建設情況的報告"
    assert read_file(saved(tmp_path / "a.txt", text.encode("big5"))).text == text
    assert read_file(saved(tmp_path / "b.txt", "2023-2024".encode("utf-16-le"))).text == "2023-2024"


def test_text_is_kept_but_for_line_ends(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.txt", "\ufeff　　一、 甲\r\n乙\u200b\r丙\u2028丁\x0c戊\n")
    assert read_file(path).text == "　　一、 甲\n乙\u200b\n丙\n丁\n戊\n"


def test_damaged_text(tmp_path: Path) -> None:
    data = "\n".join(LINES).encode()
    cut = read_file(saved(tmp_path / "a.txt", data[:-2]))
    assert cut.text.endswith("12\ufffd")
    assert "damaged" in cut.warnings[0]
    nul = read_file(saved(tmp_path / "a.txt", data[:300] + b"\0" + data[300:] + b"\0" * 999))
    assert nul.text == "\n".join(LINES)
    assert "1 NUL" in nul.warnings[0]
    half = read_file(saved(tmp_path / "a.txt", data + b"\xed\xa0\x80"))  # a half surrogate pair
    assert half.text.startswith("\n".join(LINES))
    assert half.text.encode()
    refused(saved(tmp_path / "a.txt", b"\0" * 99), "no text")
    refused(saved(tmp_path / "a.txt", "Déjà vu, façade, naïve".encode("latin-1")), "UTF-8")


# ---- docx


def word(path: Path, body: str, **parts: str) -> Path:
    """A docx with this body (w: elements); `numbering`, `styles`, `footnotes` are the insides of those parts."""
    tags = {"numbering": "numbering", "styles": "styles", "footnotes": "footnotes"}
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
    rel = f'<Relationship Id="{{0}}" Type="{kind}/{{0}}" Target="{{1}}"/>'
    space = f'{W} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", rels.format(rel.format("officeDocument", "/word/document2.xml")))
        archive.writestr("word/document2.xml", f"<w:document {space}><w:body>{body}</w:body></w:document>")
        dangling = rel.format("image", "NULL")  # python-docx#797
        archive.writestr(
            "word/_rels/document2.xml.rels",
            rels.format(dangling + "".join(rel.format(name, f"{name}.xml") for name in parts)),
        )
        for name, inside in parts.items():
            archive.writestr(f"word/{name}.xml", f"<w:{tags[name]} {space}>{inside}</w:{tags[name]}>")
    return path


def p(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def tc(*blocks: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{''.join(blocks)}</w:tc>"


def tbl(*rows: list[str]) -> str:
    return "<w:tbl>" + "".join(f"<w:tr>{''.join(row)}</w:tr>" for row in rows) + "</w:tbl>"


def num(num_id: int, level: int | None = None) -> str:
    ilvl = "" if level is None else f'<w:ilvl w:val="{level}"/>'
    return f'<w:numPr>{ilvl}<w:numId w:val="{num_id}"/></w:numPr>'


def lvl(index: int, fmt: str, text: str, more: str = "") -> str:
    inside = f'<w:start w:val="1"/><w:numFmt w:val="{fmt}"/>{more}<w:lvlText w:val="{text}"/>'
    return f'<w:lvl w:ilvl="{index}">{inside}</w:lvl>'


def lists(*levels: str, more: str = "") -> str:
    return (
        f'<w:abstractNum w:abstractNumId="0">{"".join(levels)}</w:abstractNum>'
        f'<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>{more}'
    )


CHAPTERS = (lvl(0, "chineseCounting", "%1、"), lvl(1, "chineseCounting", "（%2）"), lvl(2, "decimal", "%3."))


def test_tables_in_body_order(tmp_path: Path) -> None:
    wide, tall, under = '<w:gridSpan w:val="2"/>', '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    table = tbl(
        [tc(p("事项"), properties=tall), tc(p("件数"), properties=wide)],
        [tc(p("重复"), properties=under), tc(p("受理"), p("办结")), tc(p("占比"))],
        [tc(p("信访")), tc(tbl([tc(p("内")), tc(p("外"))])), tc(p(""))],
    )
    path = word(tmp_path / "a.docx", p("前") + table + p("后"))
    assert read_file(path).text.split("\n") == ["前", "事项\t件数", "\t受理 办结\t占比", "信访\t内 外\t", "后"]


def test_layout_tables_keep_their_paragraphs(tmp_path: Path) -> None:
    assert lines_of(word(tmp_path / "a.docx", tbl([tc(p("一段"), p("二段"))]))) == ["一段", "二段"]
    long = "长" * 150
    assert row_lines([["项目"], [long, long]]) == ["项目", long, long]


def test_tracked_changes(tmp_path: Path) -> None:
    body = (
        "<w:p><w:r><w:t>受理</w:t></w:r><w:del><w:r><w:delText>9</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>19</w:t></w:r></w:ins><w:moveFrom><w:r><w:t>旧</w:t></w:r></w:moveFrom><w:r><w:t>件</w:t></w:r></w:p>"
        + p("上段，", "<w:rPr><w:del/></w:rPr>")
        + p("接着。")
        + tbl(["<w:trPr><w:del/></w:trPr>", tc(p("删去的行"))])
    )
    assert lines_of(word(tmp_path / "a.docx", body)) == ["受理19件", "上段，接着。"]


def test_fields_links_breaks_tabs(tmp_path: Path) -> None:
    def field(code: str, result: str) -> str:
        mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'.format
        return (
            mark("begin")
            + f"<w:r><w:instrText> {code} </w:instrText></w:r>"
            + mark("separate")
            + f"<w:r><w:t>{result}</w:t></w:r>"
            + mark("end")
        )

    body = (
        f"<w:p>{field('PAGE', '3')}<w:hyperlink><w:r><w:t>链接</w:t></w:r></w:hyperlink>"
        '<w:fldSimple w:instr="DATE"><w:r><w:t>今天</w:t></w:r></w:fldSimple>'
        "<w:r><w:tab/><w:t>甲</w:t><w:br/><w:t>乙</w:t></w:r></w:p>"
        f"<w:p>{field('TOC', '一、目录行 1')}</w:p>"
        "<w:sdt><w:sdtContent>" + p("控件") + "</w:sdtContent></w:sdt>"
    )
    source = read_file(word(tmp_path / "a.docx", body))
    assert source.text.split("\n") == ["3链接今天\t甲", "乙", "控件"]
    assert source.warnings == ("the table of contents was left out",)


def test_broken_field_swallows_nothing(tmp_path: Path) -> None:
    body = '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r></w:p>' + p("正文")
    body += p("末段", "<w:rPr><w:del/></w:rPr>")
    assert lines_of(word(tmp_path / "a.docx", body)) == ["正文", "末段"]


def test_text_box_once(tmp_path: Path) -> None:
    box = "<w:txbxContent>" + p("框内") + "</w:txbxContent>"
    body = (
        "<w:p><w:r><w:t>正文</w:t></w:r><w:r><mc:AlternateContent>"
        f"<mc:Choice>{box}</mc:Choice><mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    )
    assert lines_of(word(tmp_path / "a.docx", body)) == ["正文", "框内"]


def test_footnotes_warn(tmp_path: Path) -> None:
    notes = f'<w:footnote w:type="separator">{p("x")}</w:footnote><w:footnote>{p("注")}</w:footnote>'
    assert read_file(word(tmp_path / "a.docx", p("正文"), footnotes=notes)).warnings == ("1 footnotes were left out",)


def test_numbers_beyond_ten_and_restart(tmp_path: Path) -> None:
    body = "".join(p("章", num(1, 0)) + p("节", num(1, 1)) + p("节", num(1, 1)) for _ in range(23))
    got = lines_of(word(tmp_path / "a.docx", body, numbering=lists(*CHAPTERS)))
    assert [got[0], got[30], got[-3], got[-2], got[-1]] == ["一、章", "十一、章", "二十三、章", "（一）节", "（二）节"]
    assert [chinese(n) for n in (10, 20, 99, 100, 105, 110, 1001)] == [
        "十", "二十", "九十九", "一百", "一百零五", "一百一十", "一千零一",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fmt", "third"),
    [
        ("chineseCountingThousand", "三、"),
        ("japaneseCounting", "三、"),
        ("taiwaneseCounting", "三、"),
        ("ideographTraditional", "丙、"),
        ("ideographDigital", "三、"),
        ("chineseLegalSimplified", "叁、"),
        ("decimalFullWidth", "３、"),
        ("decimalEnclosedCircle", "③、"),
        ("decimalEnclosedCircleChinese", "③、"),
        ("decimalZero", "03、"),
        ("lowerLetter", "c、"),
        ("upperLetter", "C、"),
        ("upperRoman", "III、"),
        ("lowerRoman", "iii、"),
        ("none", "、"),
        ("bullet", ""),
    ],
)
def test_number_formats(tmp_path: Path, fmt: str, third: str) -> None:
    path = word(tmp_path / "a.docx", p("项", num(1)) * 3, numbering=lists(lvl(0, fmt, "%1、")))
    assert lines_of(path)[2] == f"{third}项"
    assert read_file(path).warnings == ()


def test_unknown_number_format_warns(tmp_path: Path) -> None:
    source = read_file(word(tmp_path / "a.docx", p("项", num(1)), numbering=lists(lvl(0, "thaiCounting", "%1."))))
    assert source.text == "1.项"
    assert "thaiCounting" in source.warnings[0]


def test_a_damaged_list_level_costs_its_numbers_only(tmp_path: Path) -> None:
    body = p("甲", num(1)) + p("乙", num(1, 1))
    damaged = lists(lvl(0, "decimal", "%1" * 200), lvl(1, "decimal", "(%2)"), lvl(2, "bullet", "%1" * 200))
    source = read_file(word(tmp_path / "a.docx", body, numbering=damaged))
    assert source.text == "甲\n(1)乙"
    assert source.warnings == ("1 paragraph(s) have lost their numbers: their list is damaged",)
    unused = read_file(word(tmp_path / "b.docx", p("乙", num(1, 1)) + p("丙", num(1, 2)), numbering=damaged))
    assert (unused.text, unused.warnings) == ("(1)乙\n丙", ())


def test_number_from_style_and_removed(tmp_path: Path) -> None:
    styles = (
        f'<w:style w:type="paragraph" w:styleId="base"><w:pPr>{num(1)}</w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="head"><w:basedOn w:val="base"/></w:style>'
        f'<w:style w:type="paragraph" w:styleId="sub"><w:pPr>{num(1)}</w:pPr></w:style>'
    )
    numbering = lists(lvl(0, "chineseCounting", "%1、"), lvl(1, "chineseCounting", "（%2）", '<w:pStyle w:val="sub"/>'))
    head, sub = '<w:pStyle w:val="head"/>', '<w:pStyle w:val="sub"/>'
    body = p("甲", head) + p("乙", sub) + p("丙", head + num(0)) + p("丁", head) + p("戊", head + num(1, 1))
    path = word(tmp_path / "a.docx", body, styles=styles, numbering=numbering)
    assert lines_of(path) == ["一、甲", "（一）乙", "丙", "二、丁", "（一）戊"]


def test_start_override_legal_and_suffix(tmp_path: Path) -> None:
    again = (
        '<w:num w:numId="2"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>'
        "</w:lvlOverride></w:num>"
        '<w:num w:numId="3"><w:abstractNumId w:val="0"/></w:num>'
    )
    levels = (
        lvl(0, "chineseCounting", "第%1条"),
        lvl(1, "decimal", "%1.%2", "<w:isLgl/>"),
        lvl(2, "decimal", "%3", '<w:lvlRestart w:val="0"/><w:suff w:val="nothing"/>'),
    )
    body = "".join(
        p("x", num(n, level)) for n, level in ((1, 0), (1, 1), (1, 2), (2, 0), (2, 0), (2, 1), (2, 2), (3, 0))
    )
    path = word(tmp_path / "a.docx", body, numbering=lists(*levels, more=again))
    assert lines_of(path) == ["第一条 x", "1.1 x", "1x", "第五条 x", "第六条 x", "6.1 x", "2x", "第七条 x"]


def test_hostile_docx(tmp_path: Path) -> None:
    def with_document(data: bytes) -> Path:
        source = zipfile.ZipFile(word(tmp_path / "good.docx", p("x")))
        with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(name, data if name == "word/document2.xml" else source.read(name))
        return tmp_path / "a.docx"

    refused(with_document(b" " * 30_000_000), "zip bomb")
    refused(with_document(b" " * 210_000_000), "zip bomb")
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
    refused(with_document(bomb.encode()), "DOCTYPE")
    refused(with_document(bomb.encode("utf-16")), "DOCTYPE")
    refused(with_document(f"<w:document {W}><w:body>".encode()), "damaged")
    depth = 250
    deep = "<w:sdt>" * depth + "<w:p/>" + "</w:sdt>" * depth
    refused(with_document(f"<w:document {W}><w:body>{deep}</w:body></w:document>".encode()), "no text")
    refused(saved(tmp_path / "b.docx", b"PK\x03\x04" + b"x" * 99), "damaged")


def test_zips_that_are_no_docx(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("_rels/.rels", '<R><R Type="x/officeDocument" Target="xl/workbook.xml"/></R>')
    refused(tmp_path / "a.docx", "workbook", "expected an .xlsx")
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
    refused(saved(tmp_path / "b.docx", ole + "EncryptedPackage".encode("utf-16-le")), "password")
    refused(saved(tmp_path / "c.doc", ole + "Workbook".encode("utf-16-le")), "no Word document")


def test_methods_that_word_does_not_pack_with(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):  # a damaged stream of these raises errors of bz2 and lzma
        source = zipfile.ZipFile(word(tmp_path / "good.docx", p("文字")))
        with zipfile.ZipFile(tmp_path / "a.docx", "w", method) as target:
            for name in source.namelist():
                target.writestr(name, source.read(name))
        refused(tmp_path / "a.docx", f"method {method}")


@pytest.mark.parametrize("start", ["-3", "99999999999999999999", "9" * 5000])
@pytest.mark.parametrize("fmt", ["upperLetter", "ideographDigital", "decimalZero"])
def test_a_list_that_begins_where_none_can(tmp_path: Path, fmt: str, start: str) -> None:
    level = lvl(0, fmt, "%1、").replace('<w:start w:val="1"/>', f'<w:start w:val="{start}"/>')
    override = f'<w:lvlOverride w:ilvl="0"><w:startOverride w:val="{start}"/></w:lvlOverride>'
    again = f'<w:num w:numId="2"><w:abstractNumId w:val="0"/>{override}</w:num>'
    path = word(tmp_path / "a.docx", p("项", num(1)) + p("项", num(2)), numbering=lists(level, more=again))
    first, second = lines_of(path)
    assert len(first) < 6
    assert second == {"upperLetter": "A、项", "ideographDigital": "一、项", "decimalZero": "01、项"}[fmt]


def test_a_level_with_a_long_text(tmp_path: Path) -> None:
    path = word(tmp_path / "a.docx", p("项", num(1)) * 20_000, numbering=lists(lvl(0, "decimal", "第" * 250)))
    refused(path, "2,000,000")


_FIELD = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
_GONE = '<w:p><w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr><w:r><w:t>文字</w:t></w:r></w:p>'


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (f"<w:p>{_FIELD.format('begin')}{_FIELD.format('separate')}<w:r><w:t>字</w:t></w:r></w:p>" * 20_000, {}),
        (_GONE * 50_000, {}),
        (
            p("字", '<w:pStyle w:val="s2999"/>') * 2000,
            {"styles": "".join(f'<w:style w:type="paragraph" w:styleId="s{k}"><w:basedOn w:val="s{k - 1}"/></w:style>' for k in range(3000))},
        ),
    ],
    ids=["fields without end", "deleted paragraph ends", "a long chain of styles"],
)  # fmt: skip
def test_docx_monsters_take_no_time(tmp_path: Path, body: str, more: dict[str, str]) -> None:
    path = word(tmp_path / "a.docx", body, **more)
    begin = time.process_time()
    read_file(path)
    assert time.process_time() - begin < 8


# ---- office


def test_office_without_libreoffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    refused(saved(tmp_path / "a.rtf", r"{\rtf1 x}"), "LibreOffice", ".docx")


needs_office = pytest.mark.skipif(not (shutil.which("soffice") or shutil.which("libreoffice")), reason="no LibreOffice")


@needs_office
def test_rtf_through_libreoffice(tmp_path: Path) -> None:
    body = r"\par ".join("".join(f"\\u{ord(c)}?" for c in line) for line in LINES)
    assert lines_of(saved(tmp_path / "报,告;1.rtf", rf"{{\rtf1\ansi {body}}}")) == LINES


@needs_office
def test_old_word_keeps_its_numbers(tmp_path: Path) -> None:
    import subprocess

    files.write_docx(tmp_path / "a.docx", LINES)
    home = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        "soffice",
        home,
        "--headless",
        "--convert-to",
        "doc",
        "--outdir",
        str(tmp_path),
        str(tmp_path / "a.docx"),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert lines_of(tmp_path / "a.doc") == LINES


@needs_office
def test_libreoffice_refuses_or_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused(saved(tmp_path / "a.rtf", r"{\rtf1 \u"), "LibreOffice can't open it")
    monkeypatch.setattr(office, "TIMEOUT", 0.01)
    refused(saved(tmp_path / "a.rtf", r"{\rtf1 x}"), "took over")


# ---- pdf


def draw(path: Path, *pages: Callable[[Any], None], **options: Any) -> Path:
    """A pdf of A4 pages, each drawn by a function that gets the reportlab canvas."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path), pagesize=A4, **options)
    for page in pages:
        canvas.setFont("STSong-Light", 16)
        page(canvas)
        canvas.showPage()
    canvas.save()
    return path


def at(*texts: tuple[float, float, str]) -> Callable[[Any], None]:
    def page(canvas: Any) -> None:
        for x, y, text in texts:
            canvas.drawString(x, y, text)

    return page


def picture(canvas: Any) -> None:
    from PIL import Image
    from reportlab.lib.utils import ImageReader

    canvas.drawImage(ImageReader(Image.new("RGB", (60, 80), "white")), 0, 0, 595, 842)


FULL = "镇里把人员、经费、场地逐项落实，全年开展各类活动三"  # 25 characters, 400 pt: one full line


def test_paragraph_over_lines_and_pages(tmp_path: Path) -> None:
    first = at((132, 400, FULL[:23]), (100, 372, FULL), (100, 344, FULL[:23] + "1302"), (280, 50, "- 1 -"))
    second = at((100, 750, "人次，圆满完成。"), (132, 722, "另一段。"), (280, 50, "- 2 -"))
    want = [FULL[:23] + FULL + FULL[:23] + "1302人次，圆满完成。", "另一段。"]
    assert lines_of(draw(tmp_path / "a.pdf", first, second)) == want


@needs_font
def test_paragraphs_without_indent(tmp_path: Path) -> None:
    lines = [
        FULL,
        FULL,
        "完成。",
        "一、标题",
        FULL,
        "三、四季度" + FULL[:19] + "。",
        "（二）新的一段" + FULL[:18],
        "结束。",
    ]
    page = at(*[(100, 700 - 28 * i, line) for i, line in enumerate(lines)])
    want = [FULL * 2 + "完成。", "一、标题", FULL + lines[5], lines[6] + "结束。"]
    assert lines_of(draw(tmp_path / "a.pdf", page)) == want


def test_numbers_at_the_start_of_a_line(tmp_path: Path) -> None:
    page = at(
        (132, 700, FULL[:23]), (100, 672, FULL[:23]), (100, 644, "97.6%的群众。"), (132, 616, "又一段，" + FULL[:19])
    )
    got = lines_of(draw(tmp_path / "a.pdf", page, at((100, 750, "三、四季度各一次。"), (132, 722, FULL[:22] + "。"))))
    assert got == [
        FULL[:23] * 2 + "97.6%的群众。",
        "又一段，" + FULL[:19] + "三、四季度各一次。",
        FULL[:22] + "。",
    ]


@needs_font
def test_gap_between_paragraphs(tmp_path: Path) -> None:
    page = at((100, 700, FULL), (100, 672, FULL), (100, 620, FULL), (100, 592, FULL))
    assert lines_of(draw(tmp_path / "a.pdf", page)) == [FULL * 2] * 2


@needs_font
def test_long_centred_title(tmp_path: Path) -> None:
    def page(canvas: Any) -> None:
        canvas.setFont("STSong-Light", 22)
        canvas.drawCentredString(300, 760, "云岭县松坪镇人民政府关于二〇二三年法治")
        canvas.drawCentredString(300, 726, "政府建设情况的报告")
        canvas.setFont("STSong-Light", 16)
        for i in range(8):
            canvas.drawString(132 if i % 4 == 0 else 100, 660 - 28 * i, FULL[:23] if i % 4 == 0 else FULL)

    got = lines_of(draw(tmp_path / "a.pdf", page))
    assert got == ["云岭县松坪镇人民政府关于二〇二三年法治政府建设情况的报告", *[FULL[:23] + FULL * 3] * 2]


@needs_font
def test_the_invisible_text_of_an_ocr_layer(tmp_path: Path) -> None:
    def page(canvas: Any) -> None:
        picture(canvas)
        text = canvas.beginText(100, 700)
        text.setTextRenderMode(3)
        text.textLine(FULL)
        text.textLine("完成十件实事，办结率百分之百。")
        canvas.drawText(text)

    read = read_file(draw(tmp_path / "a.pdf", page))
    assert "".join(read.text.split()) == FULL + "完成十件实事，办结率百分之百。"
    assert read.warnings == ()


@needs_font
def test_issuer_over_its_title(tmp_path: Path) -> None:
    issuer, title = "北云市云阁区人民政府西柳坊街道办事处", "2022年法治政府建设年度情况报告"

    def page(canvas: Any) -> None:
        canvas.setFont("STSong-Light", 22)
        canvas.drawCentredString(297, 760, issuer)
        canvas.drawCentredString(297, 728, title)
        canvas.setFont("STSong-Light", 16)
        at(*((132 if k % 4 == 0 else 100, 680 - 28 * k, FULL[:23] if k % 4 == 0 else FULL) for k in range(8)))(canvas)

    assert lines_of(draw(tmp_path / "a.pdf", page))[:2] == [issuer, title]


@needs_font
def test_table_rows(tmp_path: Path) -> None:
    rows = [["事项", "件数", "率"], ["1", "2", "3"], ["调解", "", "6"]]
    page = at(*[(100 + 150 * j, 700 - 28 * i, cell) for i, row in enumerate(rows) for j, cell in enumerate(row)])
    assert lines_of(draw(tmp_path / "a.pdf", page)) == ["事项\t件数\t率", "1\t2\t3", "调解\t6"]


@needs_font
def test_typed_spaces_and_bullets(tmp_path: Path) -> None:
    page = at(
        (100, 700, "报　　告"), (100, 672, "●"), (132, 672, "一条"), (100, 644, "New law text"), (100, 616, "甲 乙")
    )
    assert lines_of(draw(tmp_path / "a.pdf", page)) == ["报 告", "●一条", "New law text", "甲乙"]


@pytest.mark.parametrize("number", ["— {} —", "- {} -", "{}/3", "第{}页 共3页", "{}"])
def test_headers_and_page_numbers_go(tmp_path: Path, number: str) -> None:
    pages = [
        at((100, 800, "松坪镇年度报告汇编"), (100, 700, f"第{n}项工作完成。"), (280, 40, number.format(n)))
        for n in (1, 2, 3)
    ]
    assert lines_of(draw(tmp_path / "a.pdf", *pages)) == ["第1项工作完成。", "第2项工作完成。", "第3项工作完成。"]


def test_watermark_and_bold_printed_twice(tmp_path: Path) -> None:
    def page(canvas: Any) -> None:
        for dx in (0, 0.4):
            canvas.drawString(100 + dx, 700, "加粗标题")
        canvas.rotate(45)
        canvas.drawString(500, 100, "内部资料")

    source = read_file(draw(tmp_path / "a.pdf", page))
    assert source.text == "加粗标题"
    assert "4 characters of a watermark" in source.warnings[0]


@needs_font
def test_turned_page(tmp_path: Path) -> None:
    def page(canvas: Any) -> None:
        canvas.setPageRotation(90)
        canvas.rotate(90)
        canvas.drawString(100, -100, FULL)
        canvas.drawString(100, -128, "完成。")

    assert lines_of(draw(tmp_path / "a.pdf", page)) == [FULL + "完成。"]


@needs_font
def test_landscape_page_has_its_own_edges(tmp_path: Path) -> None:
    def wide(canvas: Any) -> None:
        canvas.setPageSize((842, 595))
        for i in range(6):
            canvas.drawString(100, 500 - 28 * i, FULL + FULL[:14] if i != 2 else FULL)

    upright = at((132, 700, FULL[:23]), (100, 672, FULL), (132, 644, FULL[:23]), (100, 616, "完成。"))
    want = [FULL[:23] + FULL, FULL[:23] + "完成。", (FULL + FULL[:14]) * 2 + FULL, (FULL + FULL[:14]) * 3]
    assert lines_of(draw(tmp_path / "a.pdf", upright, wide)) == want


@needs_font
def test_scans(tmp_path: Path) -> None:
    refused(draw(tmp_path / "a.pdf", picture, picture), "OCR")
    mixed = read_file(
        draw(tmp_path / "b.pdf", at((100, 700, FULL), (100, 672, FULL)), picture, lambda canvas: None, picture)
    )
    assert mixed.text == FULL * 2
    assert "2, 4" in mixed.warnings[0]
    refused(draw(tmp_path / "c.pdf", lambda canvas: None), "no text")


def test_a_page_without_bounds_is_damage(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.pdf", at((100, 700, FULL)))
    data = path.read_bytes()
    (box,) = set(re.findall(rb"/MediaBox \[[^]]*\]", data))
    path.write_bytes(data.replace(box, b"/MediaBox [ 0 0 " + b"5" * 50 + b".5 842 ]"))
    refused(path, "page 1 has no bounds")


def test_encrypted_and_endless_pdf(tmp_path: Path) -> None:
    from reportlab.lib.pdfencrypt import StandardEncryption

    page = at((100, 700, FULL))
    refused(draw(tmp_path / "a.pdf", page, encrypt=StandardEncryption("secret")), "encrypted")
    # Without a password to open it, only printing is forbidden: everyone may read it.
    assert lines_of(draw(tmp_path / "b.pdf", page, encrypt=StandardEncryption("", "owner"))) == [FULL]
    refused(draw(tmp_path / "c.pdf", *[page] * (pdf.MAX_PAGES + 1)), "501 pages")


@pytest.mark.parametrize("text", ["a" * 5000, "a b " * 5000])
def test_print_of_no_size_takes_no_time(tmp_path: Path, text: str) -> None:
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=(595, 842))
    canvas.setFont("Helvetica", 0.01)
    canvas.drawString(1, 400, text)
    canvas.save()
    begin = time.process_time()
    assert lines_of(tmp_path / "a.pdf") == [text.strip()]
    assert time.process_time() - begin < 5


def test_radicals_become_characters() -> None:
    assert "".join(map(pdf._unified, "⼀⽤⾏⻅⻓⻔豈、A")) == "一用行见长门豈、A"


# ---- html


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_page_encodings(tmp_path: Path, encoding: str) -> None:
    files.write_html(tmp_path / "a.html", LINES, encoding)
    assert lines_of(tmp_path / "a.html") == LINES


def test_wrong_charset_declared(tmp_path: Path) -> None:
    files.write_html(tmp_path / "a.html", LINES)
    page = (tmp_path / "a.html").read_text("utf-8").replace("charset=utf-8", "charset=gb2312")
    assert lines_of(saved(tmp_path / "b.html", page)) == LINES


BODY = LINES[4:]
MARKUP = {
    "p": lambda lines: "".join(f"<p>&nbsp;　{line}</p>" for line in lines),
    "br": lambda lines: "<br>\n".join(f"&nbsp;&nbsp;{line}" for line in lines),
    "p in br": lambda lines: f"<p>{'<br/><br/>'.join(lines)}</p>",
    "div span": lambda lines: "".join(
        f"<div><div><span>{x[:3]}</span><span>{x[3:]}</span></div>\n</div>" for x in lines
    ),
    "layout table": lambda lines: "<table><tr><td>" + "".join(f"<p>{x}</p>" for x in lines) + "</td></tr></table>",
    "layout row": lambda lines: "<table><tr><td></td><td>" + "<br>".join(lines) + "</td></tr></table>",
    "unclosed": lambda lines: "".join(f"<p>{line}" for line in lines),
    "own tag": lambda lines: "<ucapcontent>" + "".join(f"<p>{line}</p>" for line in lines) + "</ucapcontent>",
    "wrapped source": lambda lines: "".join(f"<p>\n  {x[:7]}\n    {x[7:]}\n</p>" for x in lines),
    "two blocks": lambda x: "".join(f"<div class=part>{'<br>'.join(part)}</div>" for part in (x[:6], x[6:])),
    "pre": lambda lines: "<pre>" + "\n".join(lines) + "</pre>",
    "hidden": lambda lines: "<div style='display:none'>" + "<br>".join(lines) + "</div>",
}


@pytest.mark.parametrize("block", ["id=zoom", "class='TRS_Editor'", "class=x"])
@pytest.mark.parametrize("markup", MARKUP)
def test_markup_of_paragraphs(tmp_path: Path, markup: str, block: str) -> None:
    page = (
        "<html><head><meta charset=utf-8><title>松坪镇法治报告_云岭县</title></head><body>"
        "<ul><li><a href=/>首页</a></li><li><a href=/x>关于召开全县法治建设工作会议的通知</a></li></ul>"
        "<h1>松坪镇法治报告</h1><div>来源：松坪镇　浏览次数：33</div>"
        f"<div {block}>{MARKUP[markup](BODY)}</div><div>【打印】【关闭】</div>"
        "<div>版权所有：云岭县 ICP备0000号</div></body></html>"
    )
    assert lines_of(saved(tmp_path / "a.html", page)) == ["松坪镇法治报告", *BODY]


def test_html_table_and_signoff_outside(tmp_path: Path) -> None:
    rows = "<tr><th>事项</th><th>数量</th></tr><tr><td>调解</td><td>86<br>件</td></tr>"
    text = "".join(f"<p>{line}</p>" for line in LINES[3:-2])
    page = f"<div class=content>{text}<table>{rows}</table></div>" + "".join(
        f"<p>{line}</p>" for line in [*LINES[-2:], "【打印】"]
    )
    got = lines_of(saved(tmp_path / "a.html", f"<body><div>{page}</div></body>"))
    assert got == [*LINES[3:-2], "事项\t数量", "调解\t86 件", *LINES[-2:]]


@pytest.mark.parametrize("before", [False, True])
def test_table_beside_the_text_block(tmp_path: Path, before: bool) -> None:
    menu = "<table><tr><td><a href=1>政务公开</a></td><td><a href=2>网上办事大厅</a></td></tr></table>"
    entries = "<table><tr><td>索引号：</td><td>0031</td></tr></table>"
    table = "<div><table><tr><td>事项</td><td>数量</td></tr><tr><td>调解</td><td>86件</td></tr></table></div>"
    text = f"<div class=TRS_Editor>{''.join(f'<p>{line}</p>' for line in LINES[3:])}</div>"
    page = menu + entries + f"<div id=main>{table * before}{text}{table * (not before)}</div>"
    rows = ["事项\t数量", "调解\t86件"]
    got = lines_of(saved(tmp_path / "a.html", f"<body>{page}</body>"))
    assert got == (rows + LINES[3:] if before else LINES[3:] + rows)


def test_what_looks_like_furniture_but_is_the_report(tmp_path: Path) -> None:
    rows = ["开展“扫一扫”答题，微信公众号浏览次数达1.2万次。", "阅读量\t2万", "（三）推广无障碍阅读，方便老人。"]
    cells = "<table><tr><td>阅读量</td><td>2万</td></tr></table>"
    page = f"<div>{LINES[3]}<br>{rows[0]}<br>{cells}{rows[2]}</div><div>浏览次数：1</div><div>日期：2024-01-12</div>"
    assert lines_of(saved(tmp_path / "a.html", page)) == [LINES[3], *rows]


def test_repeated_paragraphs_stay(tmp_path: Path) -> None:
    page = "".join(f"<p>{line}</p>" for line in LINES[3:9] * 3)
    assert lines_of(saved(tmp_path / "a.html", f"<div>{page}</div>")) == LINES[3:9] * 3


def test_pages_without_article(tmp_path: Path) -> None:
    links = "".join(f"<li><a href={n}>松坪镇2023年法治政府建设年度报告，第{n}号</a></li>" for n in range(60))
    for page in (f"<ul>{links}</ul>", "<html><frameset><frame src=a></frameset></html>", "<html><body></body></html>"):
        refused(saved(tmp_path / "a.html", page), "no article")


def test_heavy_pages(tmp_path: Path) -> None:
    script = "<script>" + "var a = '<p>这不是正文，不应当出现。</p>';\n" * 100_000 + "</script>"
    page = script + "".join(f"<p>{line}</p>" for line in LINES[3:])
    assert lines_of(saved(tmp_path / "a.html", page)) == LINES[3:]
    refused(saved(tmp_path / "b.html", "<div>" * 100_000 + LINES[3]), "nested too deep")
    nested = "<div>" * 1000 + "".join(f"<p>{line}</p>" for line in LINES[3:]) + "</div>" * 1000
    assert lines_of(saved(tmp_path / "c.html", nested)) == LINES[3:]


def test_half_surrogates_from_entities(tmp_path: Path) -> None:
    assert io.StringIO(read_file(saved(tmp_path / "a.html", f"<p>{LINES[3]}&#xD800;&#0;</p>")).text).read().encode()


@pytest.mark.parametrize("char", ["\x01", "&#1;", "\x0c", "&#xFFFF;", "&#55357;"])
def test_characters_that_lxml_reads_and_does_not_write(tmp_path: Path, char: str) -> None:
    page = f"<body><div><p>{LINES[7]}</p><script></script>{char}{LINES[8]}<i hidden>x</i>{char}完</div>"
    lines = lines_of(saved(tmp_path / "a.html", page))
    assert [re.sub("[\ufffd ]", "", line) for line in lines] == [LINES[7], LINES[8] + "完"]


@pytest.mark.parametrize("piece", [" ", "A+", "A-大", "【", "<p>", "&nbsp;"])
def test_long_runs_on_a_page_take_no_time(tmp_path: Path, piece: str) -> None:
    page = f"<body><p>{LINES[7]}</p><p>{LINES[5]}{piece * 50_000}完</p><p>{piece * 50}完</p></body>"
    begin = time.process_time()
    read_file(saved(tmp_path / "a.html", page))
    assert time.process_time() - begin < 5


def test_nested_titles_take_no_time(tmp_path: Path) -> None:
    page = f"<p>{LINES[7]}</p>" + "<div class=title>" * 200 + f"<p>{LINES[5]}</p>" * 20_000
    begin = time.process_time()
    read_file(saved(tmp_path / "a.html", page))
    assert time.process_time() - begin < 8
