"""Situations of everyday files from real offices, each rebuilt small; all places and texts are invented."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import pytest

from lawgov_nlp import read_report
from lawgov_nlp.readers import read_file
from lawgov_nlp.readers.furniture import is_furniture, is_pager, is_path
from lawgov_nlp.readers.structure import parse_report
from tests.test_readers import lines_of, refused, saved, word

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
    for piece in ("1 ", "首页", "共1页", "打印 ", "下一页", "[大 "):
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
@pytest.mark.parametrize("name", [[NAME], ["溪口县2023年", "法治政府建设情况报告"], ["溪口县人民政府", "2023年法治政府建设情况报告"]])
def test_a_notice_with_the_report_that_it_sends_out(between: list[str], name: list[str]) -> None:
    report = parse_report("\n".join([*NOTICE, *between, *name, *REPORT_LINES[:4]]))
    assert (report.title, report.year, report.date) == ("".join(name), 2023, "2024-01-15")
    assert report.doc_number == "溪政办发〔2024〕6号"
    assert of_kind(report, "heading") == ["一、主要举措", "二、存在问题"]
    assert set(NOTICE[-2:]) <= set(of_kind(report, "signoff"))
    assert of_kind(report, "body") == [NOTICE[3], REPORT_LINES[1], REPORT_LINES[3]]


def test_a_report_passed_on_without_its_name_in_brackets() -> None:
    notice = ["溪口县人民政府办公室转发县司法局关于2023年法治政府建设情况报告的通知", "各乡镇人民政府：", "现将报告转发给你们，请遵照执行。"]
    title = "溪口县司法局关于2023年法治政府建设情况的报告"
    report = parse_report("\n".join([*notice, *NOTICE[-2:], title, *REPORT_LINES]))
    assert (report.title, report.issuer, report.year, report.date) == (title, "溪口县司法局", 2023, "2024-01-15")
    assert of_kind(report, "signoff") == [*NOTICE[-2:], *REPORT_LINES[-2:]]


def test_a_notice_alone_encloses_nothing() -> None:
    report = parse_report("\n".join(NOTICE))
    assert report.title == NOTICE[1]
    assert report.date == "2024-01-15"


@pytest.mark.parametrize("meta", ["文章来源：司法局 更新时间：2021/03/29 11:30:01", "来源：司法局　作者：张某　浏览次数：33"])
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
