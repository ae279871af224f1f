"""Situations of everyday files from real offices, each rebuilt small; all places and texts are invented."""

from __future__ import annotations

import math
import shutil
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lawgov_nlp import read_report
from lawgov_nlp.readers import read_file
from lawgov_nlp.readers.furniture import is_furniture, is_pager, is_path
from lawgov_nlp.readers.structure import parse_report
from tests.test_readers import FULL, at, draw, lines_of, lists, lvl, needs_font, num, p, refused, saved, word

TITLE = "溪口县竹坪乡2022年法治政府建设年度报告"
PARTS = [
    "一、主要工作",
    "乡党委、乡政府把依法办事摆在重要位置，全年召开专题会议6次，乡长带头学法3次，逐级签订责任书41份。",
    "二、化解纠纷",
    "全年排查矛盾纠纷87件，调解成功85件，调解成功率97.7%，没有发生因调解不及时引起的群体性事件。",
    "三、存在的不足",
    "持证执法人员只有5名，专业力量与承担的任务还不相称，普法宣传的形式也比较单一，群众参与度不高。",
]
SIGNED = ["竹坪乡人民政府", "2023年1月6日"]
BODY = "乡里认真研究，扎实推进依法治理各项工作，把责任落到每一个站所。"


def kinds(report: object) -> list[tuple[str, str]]:
    return [(str(u.kind), u.text) for u in report.units]  # type: ignore[attr-defined]


def of_kind(report: object, kind: str) -> list[str]:
    return [text for k, text in kinds(report) if k == kind]


# ---- html

HEAD = (
    "<div class=top><a href=/>溪口县人民政府</a><ul><li><a href=/>首页</a><li><a href=/a>政务公开</a><li>走进溪口</ul></div>"
    "<div class=side><ul><li><a href=/1>关于召开全县安全生产工作会议的通知</a><li><a href=/2>竹坪乡开展春耕备耕工作</a></ul></div>"
)
FOOT = (
    "<div class=foot><p>主办：溪口县人民政府办公室　承办：溪口县大数据中心</p><p>地址：溪口县城关镇建设路8号　邮编：650000　电话：0870-7654321</p>"
    "<p>建议使用IE9以上浏览器，分辨率1280×768浏览本站</p><p>网站支持IPv6</p></div>"
)


def page(article: str, head: str = HEAD, foot: str = FOOT, meta: str = "") -> str:
    return f"<html><head><meta charset=utf-8>{meta}</head><body>{head}{article}{foot}</body></html>"


def paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>　　{line}</p>" for line in lines)


@pytest.mark.parametrize(
    "block",
    [
        "class=nr",
        "class=art_con",
        "class=zfxxgk_zw_content",
        "class=article",
        "class=x",
        "id=abc",
        "class=TRS_Editor",
        "",
    ],
)
@pytest.mark.parametrize("wrap", ["<div class=wz>{}</div>", "<table><tr><td>{}</td></tr></table>", "{}"])
def test_an_article_in_a_block_of_any_name(tmp_path: Path, block: str, wrap: str) -> None:
    article = f"<div class=bt>{TITLE}</div><div {block}>{paragraphs([*PARTS, *SIGNED])}</div>"
    meta = f"<title>{TITLE}_溪口县人民政府</title>"
    source = read_file(saved(tmp_path / "a.html", page(wrap.format(article), meta=meta)))
    assert [line for line in source.text.split("\n") if line] == [TITLE, *PARTS, *SIGNED]
    assert source.warnings == ()


@pytest.mark.parametrize("name", ["ArticleTitle", "articletitle"])
def test_the_meta_title_wins(tmp_path: Path, name: str) -> None:
    meta = f"<title>走进溪口</title><meta name={name} content='{TITLE}'>"
    article = f"<h1>溪口县政府信息公开平台</h1><div class=nr>{paragraphs(PARTS)}</div>"
    report = read_report(saved(tmp_path / "a.html", page(article, meta=meta)))
    assert report.title == TITLE
    assert report.year == 2022


def test_an_article_in_several_blocks_stays_whole(tmp_path: Path) -> None:
    share = "<div><a href=1>微信</a><a href=2>微博</a></div>"
    blocks = "".join(f"<div class=k{i}>{paragraphs(PARTS[i : i + 2])}</div>{share}" for i in (0, 2, 4))
    assert lines_of(saved(tmp_path / "a.html", page(f"<div class=all>{blocks}</div>"))) == PARTS


def test_an_article_of_short_lines_is_found(tmp_path: Path) -> None:
    names = [f"{place}村法治文化广场" for place in "甲乙丙丁戊己庚辛壬癸"]
    got = lines_of(saved(tmp_path / "a.html", page(f"<div class=q>{paragraphs(names)}</div>")))
    assert got == names


def test_a_page_of_much_else_is_doubtful(tmp_path: Path) -> None:
    links = "".join(f"<div><a href={n}>竹坪乡开展第{n}次集中宣传活动现场报道</a></div>" for n in range(30))
    mixed = links.join(f"<p>{line}</p>" for line in PARTS)
    (warning,) = read_file(saved(tmp_path / "a.html", page(mixed))).warnings
    assert "certainty" in warning


def test_two_long_texts_on_a_page_warn(tmp_path: Path) -> None:
    other = (
        "<div class=b>"
        + "<p>本站声明，凡注明来源的稿件均为本站原创，转载时应当注明出处。</p>" * 2
        + "</div>"
        + HEAD * 3
    )
    source = read_file(saved(tmp_path / "a.html", page(f"<div class=a>{paragraphs(PARTS)}</div>" + HEAD * 3 + other)))
    assert "原创" not in source.text
    assert "left out" in source.warnings[0]


@pytest.mark.parametrize("style", ["visibility: hidden; opacity: 0;", "visibility:hidden", "display:none", ""])
def test_wechat_shows_its_article_by_script(tmp_path: Path, style: str) -> None:
    words = [
        "微信扫一扫关注该公众号",
        "继续滑动看下一个",
        "在看，轻点两下取消在看",
        "该内容由发布者自行声明，平台仅提供信息存储空间服务。",
    ]
    interface = "".join(f"<div>{text}</div>" for text in words * 9)
    article = f"<div id=js_content style='{style}'>{paragraphs(PARTS)}</div>"
    head = f"<h1 class=rich_media_title id=activity-name>{TITLE}</h1>"
    path = saved(tmp_path / "a.html", f"<html><body>{head}{article}{interface}</body></html>")
    assert lines_of(path) == [TITLE, *PARTS]


LIST = "<ol {}><li><p>{}</p><li>{}</ol>"


@pytest.mark.parametrize(
    ("attributes", "numbers"),
    [
        ("", ("1.", "2.")),
        ("start=4", ("4.", "5.")),
        ("start=x", ("1.", "2.")),
        ("style='list-style-type:cjk-ideographic'", ("一、", "二、")),
        ("style='list-style:none'", ("", "")),
        ("type=A", ("A.", "B.")),
        ("type=i start=9", ("ix.", "x.")),
        ("reversed start=2", ("2.", "1.")),
    ],
)
def test_numbers_of_an_ordered_list(tmp_path: Path, attributes: str, numbers: tuple[str, str]) -> None:
    article = f"<div class=a>{paragraphs(PARTS)}{LIST.format(attributes, BODY, '执法力量不足。')}</div>"
    got = lines_of(saved(tmp_path / "a.html", page(article)))
    assert got[-2:] == [numbers[0] + BODY, numbers[1] + "执法力量不足。"]


def test_numbers_that_are_typed_or_switched_off_are_not_doubled(tmp_path: Path) -> None:
    typed = f"<ol><li>1.{BODY}<li>（二）{BODY}<li value=9>{BODY}</ol><ul><li>{BODY}</ul>"
    got = lines_of(saved(tmp_path / "a.html", page(f"<div>{paragraphs(PARTS)}{typed}</div>")))
    assert got[-4:] == ["1." + BODY, "（二）" + BODY, "9." + BODY, BODY]
    css = "<style>ul, ol {margin:0; list-style: none}</style>"
    got = lines_of(saved(tmp_path / "b.html", page(f"<div>{paragraphs(PARTS)}<ol><li>{BODY}</ol></div>", meta=css)))
    assert got[-1] == BODY


@pytest.mark.parametrize(
    "pager", ["<a>1</a> <a href=2>2</a> <a href=2>下一页</a>", "共3页 1 2 3", "上一页 1 2 3 下一页 尾页"]
)
def test_further_pages_are_told(tmp_path: Path, pager: str) -> None:
    path = saved(tmp_path / "a.html", page(f"<div class=a>{paragraphs(PARTS)}<div class=p>{pager}</div></div>"))
    assert lines_of(path) == PARTS
    assert "further pages" in read_file(path).warnings[0]


def test_further_pages_by_script(tmp_path: Path) -> None:
    for count, told in ((1, 0), (3, 1)):
        script = f'<script>createPageHTML({count}, 0, "t2022_1","html");</script>'
        path = saved(tmp_path / "a.html", page(f"<div class=a>{paragraphs(PARTS)}{script}</div>"))
        assert len(read_file(path).warnings) == told


def test_the_copy_for_telephones_is_read_once(tmp_path: Path) -> None:
    copies = "".join(f"<div class={name}><h2>{TITLE}</h2>{paragraphs(PARTS)}</div>" for name in ("pc", "mobile"))
    assert lines_of(saved(tmp_path / "a.html", page(copies))) == [TITLE, *PARTS]


def test_lines_of_a_page() -> None:
    for line in (
        "主办：溪口县人民政府办公室",
        "责任编辑：王某",
        "建议使用IE9以上浏览器",
        "文章来源：司法局 更新时间：2021/03/29",
        "2023-01-06 10:20",
    ):
        assert is_furniture(line), line
    for line in ("主办全县普法活动12场", "地址变更登记36件", "2023年1月6日", "来源于群众的意见56条。", "打印店纠纷3件"):
        assert not is_furniture(line), line
    assert is_path("您所在的位置：政务公开 > 工作报告")
    assert is_path("首页 > 政务公开 > 年度报告")
    assert not is_path("位置偏远的村有3个")
    assert is_pager("1 2 下一页")
    assert not is_pager("12")
    assert not is_pager("下一步打算")


def test_long_runs_of_page_words_take_no_time() -> None:
    begin = time.process_time()
    for piece in ("1 ", "1/2", "打印本页", "关闭窗口", "首页", "共1页", "打印 ", "下一页", "[大 "):
        for n in (10, 20, 59, 119):
            text = (piece * n)[:n] + "完"
            is_furniture(text), is_pager(text), is_path(text)
    assert time.process_time() - begin < 1


# ---- structure: red heads, notices, texts copied from a page, dates

REPORT_LINES = ["一、主要举措", BODY, "二、存在问题", "执法力量不足，经费也紧张。", "溪口县司法局", "2024年1月10日"]


@pytest.mark.parametrize(
    "number",
    [
        "溪司发〔2024〕3号        签发人：李某某",
        "溪司发〔2024〕3号\t签发人：李某某",
        "溪司发〔２０２４〕３号　　签发：王某",
        "溪司发〔2024〕3号\n签发人：李某某",
        "000012\n机密★1年\n特急\n溪司发〔2024〕3号",
        "№0000007\n秘密　特 急\n溪司发〔2024〕3号　　　签发人：李某某　王某",
        "份号：000001\n密级：内部\n紧急程度：平急\n溪司发〔2024〕3号",
    ],
)
@pytest.mark.parametrize("top", ["", "溪口县司法局文件\n"])
def test_what_stands_in_a_red_head_is_no_title(number: str, top: str) -> None:
    title = "溪口县司法局关于2023年度法治政府建设工作情况的报告"
    report = parse_report("\n".join([top + number, title, "县人民政府：", *REPORT_LINES]))
    assert (report.title, report.issuer, report.year, report.date) == (title, "溪口县司法局", 2023, "2024-01-10")
    assert (report.doc_number or "").endswith("号")
    assert of_kind(report, "heading") == ["一、主要举措", "二、存在问题"]


NAME = "溪口县2023年法治政府建设情况报告"
NOTICE = [
    "溪政办发〔2024〕6号",
    f"溪口县人民政府办公室关于印发《{NAME}》的通知",
    "各乡镇人民政府，县直各部门：",
    f"《{NAME}》已经县政府同意，现印发给你们，请认真贯彻执行。",
    "溪口县人民政府办公室",
    "2024年1月15日",
]


@pytest.mark.parametrize("between", [[], ["（此件公开发布）"], ["附件"], ["附件1"]])
@pytest.mark.parametrize(
    "name", [[NAME], ["溪口县2023年", "法治政府建设情况报告"], ["溪口县人民政府", "2023年法治政府建设情况报告"]]
)
def test_a_notice_with_the_report_that_it_sends_out(between: list[str], name: list[str]) -> None:
    report = parse_report("\n".join([*NOTICE, *between, *name, *REPORT_LINES[:4]]))
    assert (report.title, report.year, report.date) == ("".join(name), 2023, "2024-01-15")
    assert report.doc_number == "溪政办发〔2024〕6号"
    assert of_kind(report, "heading") == ["一、主要举措", "二、存在问题"]
    assert set(NOTICE[-2:]) <= set(of_kind(report, "signoff"))
    assert of_kind(report, "body") == [NOTICE[3], REPORT_LINES[1], REPORT_LINES[3]]


def test_a_report_passed_on_without_its_name_in_brackets() -> None:
    notice = [
        "溪口县人民政府办公室转发县司法局关于2023年法治政府建设情况报告的通知",
        "各乡镇人民政府：",
        "现将报告转发给你们，请遵照执行。",
    ]
    title = "溪口县司法局关于2023年法治政府建设情况的报告"
    report = parse_report("\n".join([*notice, *NOTICE[-2:], title, *REPORT_LINES]))
    assert (report.title, report.issuer, report.year, report.date) == (title, "溪口县司法局", 2023, "2024-01-15")
    assert of_kind(report, "signoff") == [*NOTICE[-2:], *REPORT_LINES[-2:]]


def test_a_notice_alone_encloses_nothing() -> None:
    report = parse_report("\n".join(NOTICE))
    assert report.title == NOTICE[1]
    assert report.date == "2024-01-15"


@pytest.mark.parametrize(
    "meta", ["文章来源：司法局 更新时间：2021/03/29 11:30:01", "来源：司法局　作者：张某　浏览次数：33"]
)
@pytest.mark.parametrize("suffix", ["txt", "str"])
def test_text_copied_from_a_page(tmp_path: Path, meta: str, suffix: str) -> None:
    top = ["今天是：2019年10月31日 星期四", "工作报告", "您所在的位置：政务公开 > 工作报告", NAME, meta, NAME]
    bottom = ["责任编辑：张某", "上一篇：没有了", "主办：溪口县人民政府　承办：大数据中心", "版权所有：溪口县"]
    text = "\n".join([*top, *REPORT_LINES, *bottom])
    report = read_report(saved(tmp_path / "a.txt", text)) if suffix == "txt" else read_report(text)
    assert (report.title, report.year, report.date) == (NAME, 2023, "2024-01-10")
    assert of_kind(report, "heading") == ["一、主要举措", "二、存在问题"]
    assert set(of_kind(report, "artifact")) == {*top, *bottom} - {NAME}


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("２０２４年１月１０日", "2024-01-10"),
        ("二〇〇六年十月十八日", "2006-10-18"),
        ("?二〇〇六年十月十八日", "2006-10-18"),
        ("·二○○六年十月十八日", "2006-10-18"),
        ("— 二0二四年一月十日", "2024-01-10"),
        ("二ＯＯ九年三月五日。", "2009-03-05"),
        ("2024年1月10日　", "2024-01-10"),
    ],
)
def test_dates_as_they_are_written(written: str, date: str) -> None:
    report = parse_report("\n".join(["溪口县石坪镇２０２３年法治政府建设报告", *REPORT_LINES[:5], written]))
    assert (report.year, report.date, report.issuer) == (2023, date, "溪口县司法局")
    assert of_kind(report, "signoff") == ["溪口县司法局", written.strip("\u3000")]
    assert report.units[0].text == "溪口县石坪镇２０２３年法治政府建设报告"  # as it stands in the text


def test_years_in_chinese_characters() -> None:
    for written, year in (("二〇〇六", 2006), ("二○一三", 2013), ("二0二三", 2023), ("一九九八", 1998)):
        assert parse_report(f"溪口县{written}年依法行政工作总结\n{BODY}").year == year


@pytest.mark.parametrize("piece", ["急", "机密★", "签发：", "密级：", "1", "12345 ", "№", "特 急"])
def test_long_red_heads_take_no_time(piece: str) -> None:
    begin = time.process_time()
    parse_report((piece * 60)[:59] + "完\n" + BODY)
    parse_report((piece * 60)[:60] + "\n" + BODY)
    assert time.process_time() - begin < 1


# ---- docx

LEVELS = lists(lvl(0, "chineseCounting", "%1、"), lvl(1, "chineseCounting", "（%2）"))


def styled(*styles: tuple[str, str, str]) -> str:
    """Paragraph styles: id, properties, the style that it is based on."""
    return "".join(
        f'<w:style w:type="paragraph" w:styleId="{name}">{base and f"<w:basedOn w:val={base!r}/>"}{inside}</w:style>'.replace(
            "'", '"'
        )
        for name, inside, base in styles
    )


def in_style(text: str, style: str) -> str:
    return p(text, f'<w:pStyle w:val="{style}"/>')


@pytest.mark.parametrize("deeper", [1, 2, 3])
def test_a_level_whose_list_stands_in_the_base_style(tmp_path: Path, deeper: int) -> None:
    own = f"<w:pPr>{num(1)}</w:pPr>"
    level = '<w:pPr><w:numPr><w:ilvl w:val="1"/></w:numPr></w:pPr>'
    chain = [("s1", own, ""), ("s2", level, "s1"), *((f"s{k}", "", f"s{k - 1}") for k in range(3, deeper + 2))]
    lines = [("组织领导", "s1"), ("压实责任", chain[-1][0]), ("完善机制", chain[-1][0]), ("普法宣传", "s1")]
    body = "".join(in_style(*line) for line in lines)
    got = lines_of(word(tmp_path / "a.docx", body, numbering=LEVELS, styles=styled(*chain)))
    want = ["一、组织领导", "（一）压实责任", "（二）完善机制", "二、普法宣传"]
    assert got == (want if deeper else got)


def test_a_style_s_own_list_does_not_take_its_level_from_another(tmp_path: Path) -> None:
    own = f"<w:pPr>{num(1)}</w:pPr>"
    styles = styled(("a", own, ""), ("b", '<w:pPr><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr>', "a"))
    got = lines_of(
        word(tmp_path / "a.docx", in_style("甲", "a") + in_style("乙", "b"), numbering=LEVELS, styles=styles)
    )
    assert got == ["一、甲", "乙"]


def test_an_outer_level_passed_over_counts_as_begun(tmp_path: Path) -> None:
    body = p("一、工作情况") + p("领导", num(1, 1)) + p("普法", num(1, 1)) + p("问题", num(1, 0)) + p("力量", num(1, 1))
    got = lines_of(word(tmp_path / "a.docx", body, numbering=LEVELS))
    assert got == ["一、工作情况", "（一）领导", "（二）普法", "二、问题", "（一）力量"]


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def test_hidden_text_is_left_out(tmp_path: Path) -> None:
    styles = (
        '<w:style w:type="character" w:styleId="c"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="h"><w:rPr><w:vanish/></w:rPr></w:style>'
    )
    parts = [run("讲座12场，"), run("（待核）", "<w:vanish/>"), run("（旧稿）", '<w:rStyle w:val="c"/>')]
    shown = run("受众300人次。", '<w:vanish w:val="0"/>')
    body = f"<w:p>{''.join(parts)}{shown}</w:p>" + in_style("全段", "h")
    numbered = (
        p("甲", num(1)) + f"<w:p><w:pPr>{num(1)}<w:rPr><w:vanish/></w:rPr></w:pPr>{parts[1]}</w:p>" + p("乙", num(1))
    )
    path = word(tmp_path / "a.docx", body + numbered, styles=styles, numbering=LEVELS)
    assert lines_of(path) == ["讲座12场，受众300人次。", "一、甲", "二、乙"]


def mark(kind: str) -> str:
    return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'


def code(text: str) -> str:
    return f"<w:r><w:instrText> {text} </w:instrText></w:r>"


@pytest.mark.parametrize("end", [False, True])
def test_contents_without_an_end_swallow_nothing(tmp_path: Path, end: bool) -> None:
    opening = mark("begin") + code('TOC \\o "1-3"') + mark("separate")
    page_number = mark("begin") + code("PAGEREF _Toc1") + mark("separate") + run("3") + mark("end")
    entries = f"<w:p>{opening}{run('一、组织领导')}<w:r><w:tab/></w:r>{run('1')}</w:p>"
    entries += f"<w:p>{run('二、普法宣传')}<w:r><w:tab/></w:r>{page_number}</w:p>" + p("三、打算......5")
    body = p(TITLE) + entries + (f"<w:p>{mark('end')}</w:p>" if end else "") + "".join(map(p, PARTS))
    source = read_file(word(tmp_path / "a.docx", body))
    assert source.text.split("\n") == [TITLE, *PARTS]
    assert source.warnings == ("the table of contents was left out",)


def test_contents_that_end_behind_the_report_swallow_no_sentences(tmp_path: Path) -> None:
    opening = f"<w:p>{mark('begin')}{code('TOC')}{mark('separate')}{run('一、主要工作 1')}</w:p>"
    body = opening + "".join(map(p, PARTS[1:])) + f"<w:p>{mark('end')}</w:p>"
    assert PARTS[1:2] == [line for line in lines_of(word(tmp_path / "a.docx", body)) if line in PARTS[1:2]]


def test_drop_cap_raw_line_end_and_capital_numbers(tmp_path: Path) -> None:
    cap = p("今", '<w:framePr w:dropCap="drop" w:lines="2"/>')
    capital = lists(lvl(0, "chineseLegalSimplified", "%1、").replace('w:val="1"', 'w:val="10"', 1))
    body = cap + p("年以来调解45件。") + p("讲座12场，\n受众300人次。") + p("甲", num(1)) + p("乙", num(1))
    assert lines_of(word(tmp_path / "a.docx", body, numbering=capital)) == [
        "今年以来调解45件。", "讲座12场， 受众300人次。", "壹拾、甲", "壹拾壹、乙",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (r"eq \o\ac(○,11)", "⑪"),
        (r"EQ \o(○,3)", "③"),
        (r"eq \o\ac(○,甲)", "甲"),
        ("SEQ x", ""),
        (r"eq \o\ac(○,99)", "99"),
    ],
)
def test_circled_characters(tmp_path: Path, field: str, shown: str) -> None:
    body = f"<w:p>{mark('begin')}{code(field)}{mark('end')}{run('完善制度。')}</w:p>"
    assert lines_of(word(tmp_path / "a.docx", body)) == [f"{shown}完善制度。"]


def test_word_art_is_read(tmp_path: Path) -> None:
    art = '<w:p><w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textpath string="溪口县人民政府文件"/></v:shape></w:pict></w:r></w:p>'
    assert lines_of(word(tmp_path / "a.docx", art + p(TITLE))) == ["溪口县人民政府文件", TITLE]


def test_a_report_that_is_an_embedded_file(tmp_path: Path) -> None:
    chunk = '<w:altChunk xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId9"/>'
    refused(word(tmp_path / "a.docx", chunk), "altChunk")
    assert "altChunk" in read_file(word(tmp_path / "b.docx", chunk + p(BODY))).warnings[0]


def test_a_long_heading_in_word_s_heading_style(tmp_path: Path) -> None:
    long = "深入学习领会上级部署要求，全面加强乡党委对依法治理工作的领导，推动各项任务落到实处见到成效"
    styles = '<w:style w:type="paragraph" w:styleId="1"><w:name w:val="heading 1"/></w:style>'
    styles += '<w:style w:type="paragraph" w:styleId="2"><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    body = p(TITLE) + in_style(long, "1") + in_style("强化责任", "2") + p(BODY) + in_style("改进普法", "2") + p(BODY)
    report = read_report(word(tmp_path / "a.docx", body, styles=styles))
    assert [q.headings for q in report.paragraphs] == [(long, "强化责任"), (long, "改进普法")]
    plain = read_report(word(tmp_path / "b.docx", p(TITLE) + p(long) + p(BODY)))
    assert of_kind(plain, "heading") == []


# ---- txt

LONG = [
    "　　根据县里的要求，现将竹坪乡2022年法治政府建设情况报告如下：乡党委、乡政府把依法办事摆在重要位置，全年召开专题会议6次。",
    "　　一、组织领导",
    "　　乡长带头学法3次，逐级签订责任书41份，接受群众咨询1302人次，发放宣传资料3200余份，培育法律明白人58名，处处有人管。",
    "　　二、存在的不足",
    "　　持证执法人员只有5名，专业力量与承担的任务还不相称，普法宣传的形式也比较单一，群众参与度不高，还要下更大的力气。",
]


def cut(line: str, columns: int) -> list[str]:
    """A line as an editor cuts it at a width."""
    lines, now, width = [], "", 0
    for char in line:
        step = 1 if char.isascii() else 2
        if width + step > columns:
            lines.append(now)
            now, width = "", 0
        now, width = now + char, width + step
    return [*lines, now]


@pytest.mark.parametrize("columns", [40, 57, 64, 72])
@pytest.mark.parametrize("layout", ["indented", "blank lines"])
def test_lines_cut_at_a_width(tmp_path: Path, columns: int, layout: str) -> None:
    whole = [TITLE, *LONG, *SIGNED] if layout == "indented" else [TITLE, *(line.strip() for line in LONG), *SIGNED]
    pieces = [piece for line in whole for piece in [*cut(line, columns), *([""] if layout != "indented" else [])]]
    assert lines_of(saved(tmp_path / "a.txt", "\r\n".join(pieces))) == [line.strip() for line in whole]


def test_lines_that_were_not_cut_stay(tmp_path: Path) -> None:
    short = [f"（{n}）制定制度{n}件，落实责任" for n in range(10, 20)]
    for lines in ([TITLE, *PARTS, *SIGNED], [TITLE, *LONG], short, [line.strip() for line in LONG]):
        text = "\n".join(lines)
        assert read_file(saved(tmp_path / "a.txt", text)).text == text


@pytest.mark.parametrize("gap", ["　　", "        ", "\u2003\u2003", "&nbsp;&nbsp;&nbsp;&nbsp;"])
def test_a_whole_report_on_one_line(tmp_path: Path, gap: str) -> None:
    whole = [TITLE, *PARTS, *SIGNED]
    assert lines_of(saved(tmp_path / "a.txt", gap.join(whole))) == whole
    row = "一行" * 90 + gap + "又一行"  # one gap makes no outline
    assert "".join(read_file(saved(tmp_path / "b.txt", row)).text.split()) == row.replace(gap, "") or "&" in gap


def test_markdown(tmp_path: Path) -> None:
    text = f"# {TITLE}\n\n## 工作成效\n\n### 组织领导\n\n{BODY[:9]}**{BODY[9:]}**\n\n|事项|件数|\n|---|---|\n|调解|87|\n\n## 不足 ##\n\n{BODY}\n"
    report = read_report(saved(tmp_path / "a.txt", text))
    assert report.title == TITLE
    assert [(q.headings, q.text) for q in report.paragraphs] == [
        (("工作成效", "组织领导"), BODY), (("工作成效", "组织领导"), "事项\t件数"), (("工作成效", "组织领导"), "调解\t87"), (("不足",), BODY),
    ]  # fmt: skip
    single = "# 一行\n" + BODY
    assert read_file(saved(tmp_path / "b.txt", single)).text == single


def test_entities_left_over(tmp_path: Path) -> None:
    text = f"{TITLE}\n&nbsp;&nbsp;一、组织领导\n&emsp;{BODY}&ldquo;好&rdquo;\n&nbsp;&nbsp;二、不足\n{BODY}\n"
    report = read_report(saved(tmp_path / "a.txt", text))
    assert [q.headings for q in report.paragraphs] == [("一、组织领导",), ("二、不足",)]
    assert report.paragraphs[0].text == f"{BODY}“好”"


@pytest.mark.parametrize("piece", ["# a", "**a", "---", "|", "　　", "&amp;", "#" * 500 + "x\n# ", "甲"])
def test_long_texts_take_no_time(tmp_path: Path, piece: str) -> None:
    begin = time.process_time()
    read_file(saved(tmp_path / "a.txt", "# 甲\n# 乙\n" + piece * (300_000 // len(piece)) + "完"))
    assert time.process_time() - begin < 4


# ---- pdf


def ocr(*words: tuple[float, float, str, int]) -> Callable[[Any], None]:
    """A page of the invisible words that OCR lays over a scan: x, y, text, width in per cent."""

    def page(canvas: Any) -> None:
        for x, y, text, scale in words:
            word = canvas.beginText(x, y)
            word.setFont("STSong-Light", 16)
            word.setTextRenderMode(3)
            word.setHorizScale(scale)
            word.textOut(text)
            canvas.drawText(word)

    return page


def test_ocr_equal_digits_set_narrow(tmp_path: Path) -> None:
    words = [
        (90, 700, "全年举办讲座", 100),
        (186, 700, "11", 30),
        (200, 700, "场，化解", 100),
        (264, 700, "2333", 30),
        (290, 700, "件。", 100),
    ]
    assert lines_of(draw(tmp_path / "a.pdf", ocr(*words))) == ["全年举办讲座11场，化解2333件。"]


def test_ocr_words_that_overlap(tmp_path: Path) -> None:
    words = [
        (90, 700, "乡里认真研究，扎实推进依法治理各项工作。", 100),
        (90, 640, "2025", 130),
        (112, 640, "年", 100),
        (138, 640, "1", 60),
    ]
    words += [(150, 640, "月", 60), (165, 640, "10", 60), (180, 640, "日", 60)]
    assert lines_of(draw(tmp_path / "a.pdf", ocr(*words)))[-1] == "2025年1月10日"


def test_ocr_space_behind_each_word(tmp_path: Path) -> None:
    words = [(90 + 34 * k, 700, text + " ", 60) for k, text in enumerate(("全年", "召开", "法治", "会议", "12", "次"))]
    assert lines_of(draw(tmp_path / "a.pdf", ocr(*words))) == ["全年召开法治会议12次"]


@pytest.mark.parametrize("degrees", [-2, -1, 0, 1.5, 2])
def test_ocr_of_a_crooked_scan(tmp_path: Path, degrees: float) -> None:
    rise = math.tan(math.radians(degrees))
    lines = [FULL[:23] + "甲", *[FULL] * 4, "完成。"]
    words = [
        (x, 720 - 28 * row + rise * (x - 100), line[k : k + 4], 100)
        for row, line in enumerate(lines)
        for k in range(0, len(line), 4)
        for x in [100 + 32 * (row == 0) + 16 * k]
    ]
    assert lines_of(draw(tmp_path / "a.pdf", ocr(*words))) == ["".join(lines)]


def test_bold_printed_twice_is_still_read_once(tmp_path: Path) -> None:
    page = at(*((100 + dx, 700, "Report 2023, 11 of 33") for dx in (0, 0.4)))
    assert lines_of(draw(tmp_path / "a.pdf", page)) == ["Report 2023, 11 of 33"]


COLUMN = "乡里把人员经费逐项落实，全年活动三次"  # 18 characters, 216 points


@needs_font
@pytest.mark.parametrize("aligned", [True, False])
def test_two_columns(tmp_path: Path, aligned: bool) -> None:
    left = [COLUMN] * 9
    right = [COLUMN[:12] + "。", "二、下一步", *[COLUMN] * 6, "完成。"]

    def page(canvas: Any) -> None:
        canvas.setFont("STSong-Light", 22)
        canvas.drawCentredString(297, 770, TITLE)
        canvas.setFont("STSong-Light", 12)
        for x, column, down in ((60, left, 0), (310, right, 0 if aligned else 9)):
            for row, line in enumerate(column):
                indent = 24 if (row == 0 and x == 60) or (x == 310 and row in (1, 2)) else 0
                canvas.drawString(x + indent, 720 - 20 * row - down, line[: 18 - indent // 12])

    joined = COLUMN[:16] + COLUMN * 8 + COLUMN[:12] + "。"
    assert lines_of(draw(tmp_path / "a.pdf", page)) == [
        TITLE,
        joined,
        "二、下一步",
        COLUMN[:16] + COLUMN * 5 + "完成。",
    ]


@needs_font
def test_a_table_of_two_columns_is_none(tmp_path: Path) -> None:
    rows = [("事项", "件数"), *((f"第{k}类矛盾纠纷", f"{k}件") for k in range(1, 12))]
    page = at(*((x, 700 - 24 * k, cell) for k, row in enumerate(rows) for x, cell in zip((100, 340), row, strict=True)))
    assert lines_of(draw(tmp_path / "a.pdf", page)) == ["\t".join(row) for row in rows]


@pytest.mark.parametrize("leader", ["........................", "……………………", "· · · · · · · · ·", ".  .  .  .  .  .  ."])
@needs_font
def test_contents_with_leaders(tmp_path: Path, leader: str) -> None:
    entries = [
        f"{name}{leader}{n}" for n, name in enumerate(("第一部分主要工作", "第二部分存在的不足", "附件有关统计数据"), 1)
    ]
    contents = at((250, 740, "目录"), *((100, 700 - 28 * k, entry) for k, entry in enumerate(entries)))
    body = at((132, 700, FULL[:23]), (100, 672, FULL), (100, 644, "完成。"))
    report = read_report(draw(tmp_path / "a.pdf", contents, body))
    assert [q.text for q in report.paragraphs] == [FULL[:23] + FULL + "完成。"]
    assert len(of_kind(report, "artifact")) == 4


@needs_font
@pytest.mark.parametrize("shifts", [(0, 24, 0, 24), (24, 0, 24, 0), (0, 11, 5, 30)])
def test_shifted_pages(tmp_path: Path, shifts: tuple[int, ...]) -> None:
    def page(dx: int) -> Callable[[Any], None]:
        rows = [(132, FULL[:23]), (100, FULL), (100, "完成。"), (132, FULL[:23]), (100, FULL), (100, FULL)]
        return at(*((x + dx, 720 - 28 * k, text) for k, (x, text) in enumerate(rows)))

    got = lines_of(draw(tmp_path / "a.pdf", *map(page, shifts)))
    first, second = FULL[:23] + FULL + "完成。", FULL[:23] + FULL * 2
    assert got == [first, second] * 4


@pytest.mark.parametrize("count", [20, 60])
def test_lines_that_all_begin_elsewhere(tmp_path: Path, count: int) -> None:
    page = at(*((40 + 7 * k, 790 - 12 * k, f"{k} ab") for k in range(count)))
    assert lines_of(draw(tmp_path / "a.pdf", page))[0] == "0 ab"


def test_characters_beyond_unicode(tmp_path: Path) -> None:
    cmap = (
        b"begincmap /CMapName /X def 3 begincodespacerange <00> <7F> <E08080> <EFBFBF> <F0808080> <F7BFBFBF>\n"
        b"endcodespacerange 1 begincidchar <E38081> 1 endcidchar endcmap"
    )
    text = b"BT /F 16 Tf 60 700 Td <E38081E5B9B3F7BFBFBFE38081> Tj ET"
    font = b"<</Type/Font/Subtype/Type0/BaseFont/X/Encoding 6 0 R/DescendantFonts[7 0 R]>>"
    inner = (
        b"<</Type/Font/Subtype/CIDFontType2/BaseFont/X/CIDSystemInfo<</Registry(A)/Ordering(Identity)/Supplement 0>>>>"
    )
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>"
    stream = b"<<%s/Length %d>>stream\n%s\nendstream"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page]
    objects += [stream % (b"", len(text), text), font, stream % (b"/Type/CMap/CMapName/X", len(cmap), cmap), inner]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (k, inside) for k, inside in enumerate(objects, 1))
    refused(
        saved(tmp_path / "a.pdf", b"%PDF-1.5\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF"), "no meaning in its fonts"
    )


@needs_font
@pytest.mark.parametrize(("size", "gray", "x"), [(60, 0.8, 90), (60, 0, 90), (16, 0.8, 115)])
def test_a_level_watermark_through_the_text(tmp_path: Path, size: int, gray: float, x: int) -> None:
    def page(canvas: Any) -> None:
        at((132, 700, FULL[:23]), *((100, 700 - 28 * k, FULL) for k in range(1, 6)), (100, 532, "完成。"))(canvas)
        canvas.setFillGray(gray)
        canvas.setFont("STSong-Light", size)
        canvas.drawString(x, 614, "征求意见稿件")

    source = read_file(draw(tmp_path / "a.pdf", page))
    assert source.text == FULL[:23] + FULL * 5 + "完成。"
    assert "6 characters of a watermark" in source.warnings[0]


def ruled(rows: list[list[str]], **style: Any) -> Callable[[Any], None]:
    def page(canvas: Any) -> None:
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Paragraph, Table

        look = ParagraphStyle("cell", fontName="STSong-Light", fontSize=11, leading=15, wordWrap="CJK")
        lines = [("GRID", (0, 0), (-1, -1), 0.5, "black"), ("VALIGN", (0, 0), (-1, -1), style.get("valign", "MIDDLE"))]
        cells = [[Paragraph(text, look) for text in row] for row in rows]
        table = Table(cells, colWidths=[110, 180, 120], style=[*lines, *style.get("spans", [])])
        table.wrapOn(canvas, 416, 400)
        table.drawOn(canvas, 90, 560)
        at((122, 500, FULL[:23]), (90, 472, "完成。"))(canvas)

    return page


@needs_font
@pytest.mark.parametrize("valign", ["TOP", "MIDDLE", "BOTTOM"])
def test_cells_that_wrap_stay_whole(tmp_path: Path, valign: str) -> None:
    rows = [
        ["任务", "完成情况", "责任单位"],
        ["加强行政执法规范化建设", "全年执法检查126次，立案37件，办结35件，罚没款18.6万元，培训4期", "司法所"],
        ["推进公共法律服务", "受理援助58件，接待来访1200人次", "司法所、综合行政执法队"],
    ]
    got = lines_of(draw(tmp_path / "a.pdf", ruled(rows, valign=valign)))
    assert got == [*("\t".join(row) for row in rows), FULL[:23] + "完成。"]


@needs_font
def test_merged_cells_of_a_ruled_table(tmp_path: Path) -> None:
    rows = [["类别", "件数", ""], ["调解", "受理87件", "办结85件"], ["", "上年80件", "上年79件"]]
    spans = [("SPAN", (1, 0), (2, 0)), ("SPAN", (0, 1), (0, 2))]
    got = lines_of(draw(tmp_path / "a.pdf", ruled(rows, spans=spans)))
    assert got[:3] == ["类别\t件数", "调解\t受理87件\t办结85件", "上年80件\t上年79件"]


# ---- which reader


def test_an_odt_whose_mimetype_is_not_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
        archive.writestr("content.xml", "<x/>")
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    refused(tmp_path / "a.odt", "LibreOffice")


@pytest.mark.parametrize("name", ["a.html", "a.mhtml", "a.txt", "a.doc"])
def test_web_archives_of_browsers(tmp_path: Path, name: str) -> None:
    head = "From: <Saved by Blink>\r\nSubject: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=\r\nDate: Mon\r\nMIME-Version: 1.0\r\n"
    refused(saved(tmp_path / name, head + "Content-Type: multipart/related\r\n"), "web archive", ".html")


# ---- imprints of pages, dates under the text

IMPRINTS = [
    "时间：01-15 浏览量 123",
    "时间：[2024-01-15] 浏览量：[123] 次",
    "发布时间 2024-01-15 来源 县司法局",
    "云岭县人民政府门户网站 www.yunling.gov.cn 发布时间：2024-01-15 来源：县司法局",
    "云岭县人民政府门户网站 发布时间：2024-01-15",
    "2024-01-15 09:30 来源：县司法局 作者：张三 点击：123",
    "[2024-01-15]  浏览量 123  字号：[大 中 小]",
    "发布于：2024-01-15 10:20:33 浏览：1022次",
    "录入时间 2024/1/15 10:00 点击数 12",
    "人气：233",
]
NO_IMPRINTS = [
    "时间：2024年1月15日，地点在镇会议室，共有50人参加",
    "时间 2024年1月15日 地点 镇会议室",
    "门户网站全年发布政务信息3200条，浏览量12万次",
    "网站浏览量1.2万次",
    "网站访问量\t3500",
    "点击率提高12%",
    "政府网站发布信息1200条",
    "一、政府门户网站建设",
    "2024年1月15日",
    "阅读普法书籍1200册",
    "竹坪乡人民政府 2024年1月15日",
]


def test_imprints_of_pages_are_told_from_what_a_report_says() -> None:
    assert [line for line in IMPRINTS if not is_furniture(line)] == []
    assert [line for line in NO_IMPRINTS if is_furniture(line)] == []


@pytest.mark.parametrize("imprint", IMPRINTS)
def test_an_imprint_is_no_body_wherever_a_text_was_copied_from(tmp_path: Path, imprint: str) -> None:
    report = parse_report("\n".join([TITLE, imprint, *PARTS, *SIGNED]))
    assert of_kind(report, "title") == [TITLE]
    assert of_kind(report, "body") == PARTS[1::2]
    assert report.date == "2023-01-06"
    article = f"<div class=x1><h2>{TITLE}</h2><p>{imprint}</p>{paragraphs(PARTS + SIGNED)}</div>"
    assert lines_of(saved(tmp_path / "a.html", page(article))) == [TITLE, *PARTS, *SIGNED]


@pytest.mark.parametrize(
    ("printed", "dropped"),
    [
        ("2023-01-09 县司法局", True),
        ("县司法局　2023年01月09日", True),
        ("2023-01-09", True),
        ("2023年1月9日 10:22", True),
        ("2023年1月9日", False),  # may be the report's own date
        ("2023-01-06", False),
        ("县司法局", False),  # may be the body that reports
    ],
)
def test_lines_that_repeat_the_meta_tags(tmp_path: Path, printed: str, dropped: bool) -> None:
    meta = '<meta name="PubDate" content="2023-01-09 10:22"><meta name="ContentSource" content="县司法局">'
    article = f"<div class=x1><h2>{TITLE}</h2><p>{printed}</p>{paragraphs(PARTS + SIGNED)}</div>"
    lines = lines_of(saved(tmp_path / "a.html", page(article, meta=meta)))
    assert (printed not in lines) == dropped
    assert [line for line in lines if line != printed] == [TITLE, *PARTS, *SIGNED]


@pytest.mark.parametrize(
    ("tail", "date"),
    [
        (["2023年元月6日"], "2023-01-06"),
        (["二○二三年元月六日"], "2023-01-06"),
        (["报送日期：2023年1月6日"], "2023-01-06"),
        (["日期：2023年1月6日"], "2023-01-06"),
        (["2023年1月6日", "竹坪乡"], "2023-01-06"),
        (["2023年1月6日", "2"], "2023-01-06"),
        (["2023年1月6日", "附：竹坪乡2022年执法情况统计表", "处罚\t12"], "2023-01-06"),
        (["2023年  月  日"], None),
    ],
)
def test_a_bare_date_under_the_text_is_the_sign_off(tail: list[str], date: str | None) -> None:
    report = parse_report("\n".join([TITLE, *PARTS, *tail]))
    assert report.date == date
    assert of_kind(report, "body")[:3] == PARTS[1::2]
    assert next(iter(of_kind(report, "signoff"))) == tail[0]
    assert tail[0] not in of_kind(report, "body")


def test_a_page_that_was_taken_whole_says_so_on_page_and_terminal(tmp_path: Path) -> None:
    import io
    from dataclasses import fields

    from rich.console import Console

    from lawgov_nlp import TaggedReport
    from lawgov_nlp.cli.terminal import report_table
    from lawgov_nlp.report import Report
    from lawgov_nlp.results.page import to_html
    from lawgov_nlp.results.paragraph import TaggedParagraph

    scraps = "".join(
        f"<p>{text}</p>"
        for text in ("溪口要闻速递", "县直部门动态", "乡镇街道之窗", "政策文件解读", "互动交流平台", "便民服务指南")
    )
    flat = f"<html><body>{scraps}<p>{TITLE}</p>{paragraphs(PARTS)}</body></html>"
    report = read_report(saved(tmp_path / "a.html", flat))
    said = next(warning for warning in report.warnings if "with certainty" in warning)
    tagged = tuple(
        TaggedParagraph(text=u.text, start=u.start, end=u.end, headings=u.headings, label=None, labels=(), scores={})
        for u in report.paragraphs
    )
    tagged_report = TaggedReport(**{f.name: getattr(report, f.name) for f in fields(Report)}, tagged=tagged)
    assert said in to_html(tagged_report)
    console = Console(file=io.StringIO(), width=300)
    console.print(report_table(tagged_report))
    assert said in console.file.getvalue()  # type: ignore[attr-defined]
