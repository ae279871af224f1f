import time

import pytest

from lawgov_nlp import read_report
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import LineKind


def kinds(text):
    return [str(u.kind) for u in parse_report(text).units]


def paths(text):
    return [u.headings for u in parse_report(text).paragraphs]


BODY = "按照上级部署，我镇认真研究，扎实推进依法治理各项工作。"


def test_every_kind_of_line(gold):
    report = parse_report(gold.text)
    assert [u.kind for u in report.units] == [u.kind for u in gold.units]
    assert [u.text for u in report.units] == [u.text for u in gold.units]


def test_metadata(gold):
    report = parse_report(gold.text)
    assert report.title == "望溪县青柳镇人民政府关于2023年法治政府建设情况的报告"
    assert (report.issuer, report.year, report.date) == ("望溪县青柳镇人民政府", 2023, "2024-01-08")
    assert report.doc_number is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("青政〔2024〕8号\n青柳镇2023年度法治政府建设工作总结", {"doc_number": "青政〔2024〕8号", "issuer": "青柳镇", "year": 2023}),
        ("关于二〇二二年度法治政府建设情况的报告", {"year": 2022, "issuer": None}),
        ("望溪县司法局文件\n望司〔2021〕3号\n望溪县司法局关于2020年法治政府建设情况的报告", {"issuer": "望溪县司法局", "title": "望溪县司法局关于2020年法治政府建设情况的报告"}),
        ("望溪县人民政府\n望溪县人民政府关于2022年度法治政府建设情况的报告", {"title": "望溪县人民政府关于2022年度法治政府建设情况的报告"}),
    ],
)  # fmt: skip
def test_title_block(lines, expected):
    report = parse_report(f"{lines}\n{BODY}")
    assert {name: getattr(report, name) for name in expected} == expected
    assert [u.kind for u in report.units[:-1]] == [LineKind.TITLE] * (len(report.units) - 1)


@pytest.mark.parametrize(
    ("sign", "date"),
    [
        ("青柳镇人民政府\n二〇二三年十二月三十一日", "2023-12-31"),
        ("青柳镇人民政府2024年1月5日", "2024-01-05"),
        ("2023.12.8", "2023-12-08"),
    ],
)
def test_sign_off(sign, date):
    report = parse_report(f"{BODY}\n{sign}\n")
    assert report.date == date
    assert {u.kind for u in report.units[1:]} == {LineKind.SIGNOFF}


def test_nothing_is_claimed_that_the_text_does_not_say():
    report = parse_report(BODY)
    assert (report.title, report.issuer, report.year, report.date, report.doc_number) == (None,) * 5


@pytest.mark.parametrize("mark", ["一、", "(一)", "（一）", "1.", "1、", "第一，", "①", "（1）", "第一部分 "])
def test_heading_of_every_form(mark):
    assert paths(f"{mark}组织领导\n{BODY}") == [(f"{mark}组织领导",)]


def test_nesting_and_return():
    text = f"一、成效\n（一）领导\n{BODY}\n1.学法\n{BODY}\n（二）执法\n{BODY}\n二、不足\n{BODY}"
    assert paths(text) == [
        ("一、成效", "（一）领导"),
        ("一、成效", "（一）领导", "1.学法"),
        ("一、成效", "（二）执法"),
        ("二、不足",),
    ]


def test_run_in_heading_holds_for_the_paragraphs_below():
    text = f"一、成效\n（一）健全工作机制。{BODY}\n二是抓落实。{BODY}\n（二）今年以来，共调解纠纷30件，无一反复。{BODY}"
    assert paths(text) == [("一、成效", "（一）健全工作机制"), ("一、成效", "（一）健全工作机制"), ("一、成效",)]


def test_items_are_not_headings():
    assert paths(f"一、成效\n一是加强领导。{BODY}\n二是强化执法。{BODY}") == [("一、成效",), ("一、成效",)]


def test_numbered_lines_without_text_below_are_paragraphs():
    text = f"一、存在不足\n1.执法力量薄弱\n2.普法方式单一。\n二、下步打算\n{BODY}"
    assert kinds(text) == ["heading", "body", "body", "heading", "body"]


def test_unnumbered_headings():
    assert paths(f"工作成效\n{BODY}\n存在的不足\n{BODY}") == [("工作成效",), ("存在的不足",)]


def test_missing_number_is_filled_from_the_gap():
    text = f"一、成效\n{BODY}\n存在的不足\n{BODY}\n三、打算\n{BODY}"
    assert paths(text) == [("一、成效",), ("存在的不足",), ("三、打算",)]


def test_doubled_number():
    assert paths(f"一、一、成效\n{BODY}") == [("一、一、成效",)]


def test_numbers_that_open_a_sentence_are_no_headings():
    for opening in ("2023年", "1.9万名群众", "12.4宪法日", "八五普法"):
        assert paths(f"一、成效\n{opening}，{BODY}") == [("一、成效",)]


def test_artifacts_and_white_space():
    text = f"\ufeff[bookmark: _GoBack]\r\n\u3000\u3000{BODY}\u3000\r\n- 3 -\r\n\x0c"
    report = parse_report(text)
    assert [str(u.kind) for u in report.units] == ["artifact", "body", "artifact"]
    body = report.paragraphs[0]
    assert body.text == BODY
    assert text[body.start : body.end] == BODY


def test_table_rows_are_paragraphs():
    assert kinds(f"一、成效\n{BODY}\n调解案件\t104件\n二、打算\n{BODY}") == [
        "heading",
        "body",
        "body",
        "heading",
        "body",
    ]


def test_a_report_is_returned_as_it_is(gold):
    report = read_report(gold.text)
    assert read_report(report) is report


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # an amount makes a short line a paragraph, with or without a number in front
        ("一、成效\n全年调解矛盾纠纷104件，成功率98%\n" + BODY, ["heading", "body", "body"]),
        ("一、成效\n1.调解纠纷104件。\n2.受理复议案件23件。\n下一步，我镇将继续努力。", ["heading", "body", "body", "body"]),
        # headings that end in a colon or semicolon
        ("二、存在问题：\n（一）力量不足。" + BODY, ["heading", "body"]),
        ("存在问题：\n" + BODY, ["heading", "body"]),
        ("现将有关情况汇报如下：\n" + BODY, ["body", "body"]),
        # what stands behind the sign-off doesn't hide it
        (BODY + "\n青柳乡人民政府（盖章）\n2024年1月8日\n附件：1.统计表\n打印本页", ["body", "signoff", "signoff", "signoff", "artifact"]),
        (BODY + "\n三是设立村级法律服务站\n四是建成法律援助中心", ["body", "body", "body"]),
        # the title ends where it says 报告; what follows is a heading or an address
        ("青柳镇2023年法治政府建设报告\n主要工作成效\n" + BODY, ["title", "heading", "body"]),
        ("青柳镇2023年法治政府建设报告\n发布时间：2024-01-30 来源：县府办\n" + BODY, ["title", "artifact", "body"]),
        ("青柳镇2023年法治政府建设报告\n县委全面依法治县工作领导小组办公室：\n" + BODY, ["title", "salutation", "body"]),
        ("\u2003\u2003一、主要做法\n\u2003\u2003" + BODY, ["heading", "body"]),
        ("一、主要做法\r" + BODY + "\u2028" + BODY, ["heading", "body", "body"]),
    ],
)  # fmt: skip
def test_habits_of_real_reports(lines, expected):
    assert kinds(lines) == expected


def test_an_arabic_outline_with_chinese_numbers_inside():
    text = f"1.工作成效\n（一）组织领导\n{BODY}\n（二）普法宣传\n{BODY}\n2.存在不足\n{BODY}"
    assert paths(text) == [("1.工作成效", "（一）组织领导"), ("1.工作成效", "（二）普法宣传"), ("2.存在不足",)]


def test_headings_with_a_colon_rule_what_is_below():
    assert paths(f"二、存在问题：\n（一）力量不足。{BODY}") == [("二、存在问题", "（一）力量不足")]


def test_the_year_of_a_programme_is_not_the_report_s():
    opening = "根据《法治政府建设实施纲要（2021—2025年）》和2019—2020年规划，现将2023年工作报告如下："
    assert parse_report(f"{opening}\n{BODY}").year == 2023


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        # the body and the date may stand under the title, and a draft's mark, a meeting, a speaker
        ("2011年度依法行政工作总结\n安平县人民政府\n（二〇一一年十二月八日）\n一、主要做法\n" + BODY, ["title"] * 3 + ["heading", "body"]),
        ("青柳镇2023年法治政府建设报告\n（征求意见稿）\n县人民政府：\n" + BODY, ["title", "title", "salutation", "body"]),
        # a table of contents
        ("青柳镇2023年法治政府建设报告\n目  录\n一、成效……1\n二、打算……3\n一、成效\n" + BODY + "\n二、打算\n" + BODY,
         ["title"] + ["artifact"] * 3 + ["heading", "body", "heading", "body"]),
        # short lines under a heading are its text when nothing else stands under it
        ("一、成效\n" + BODY + "\n二、存在问题\n人员老化、经费不足\n三、打算\n" + BODY, ["heading", "body", "heading", "body", "heading", "body"]),
        ("一、成效\n制定出台以下制度：\n《青柳镇重大行政决策程序规定》\n二、打算\n" + BODY, ["heading", "body", "body", "heading", "body"]),
        # an amount in a heading that stands above a whole paragraph
        ("（一）打造10个示范点，推动区域协同\n" + BODY, ["heading", "body"]),
        # what a page leaves behind, and attachments above the signature
        (BODY + "\n青柳镇人民政府\n2024年1月8日\n上一篇：工作动态\n扫一扫在手机打开当前页", ["body", "signoff", "signoff", "artifact", "artifact"]),
        (BODY + "\n附件：1.统计表\n2.名册\n青柳镇人民政府\n2024年1月8日", ["body"] + ["signoff"] * 4),
        (BODY + "\n特此报告\n青柳镇人民政府\n2024年1月8日", ["body", "body", "signoff", "signoff"]),
        ("2022年以来，我镇扎实推进依法行政，主要做法是：\n" + BODY, ["body", "body"]),
    ],
)  # fmt: skip
def test_more_habits(lines, expected):
    assert kinds(lines) == expected


def test_full_stops_typed_in_english_mode():
    report = parse_report(
        "某镇2023年法治政府建设报告\n一、主要做法\n(一)强化组织领导.镇党委会研究4次,落实经费6.5万元.\n(二)化解矛盾,建设平安乡村\n"
        "调委会每月例会,全年调解30件.\n二、打算\n(一)继续学法.安排讲座.\n"
    )
    assert [u.text for u in report.units if u.kind == "heading"] == [
        "一、主要做法",
        "(二)化解矛盾,建设平安乡村",
        "二、打算",
    ]
    assert [p.headings[-1] for p in report.paragraphs] == [
        "(一)强化组织领导",
        "(二)化解矛盾,建设平安乡村",
        "(一)继续学法",
    ]


def test_a_bracket_and_a_full_stop_behind_the_number():
    report = parse_report("某镇2023年法治政府建设报告\n一、做法\n1).健全机制。按照上级部署，把责任落到人。\n")
    assert report.paragraphs[0].headings == ("一、做法", "1).健全机制")


def test_an_appendix_stands_beside_the_sections():
    text = f"一、主要做法\n{BODY}\n二、下一步打算\n{BODY}\n附：2020年主要数据\n行政许可　受理1893件　办结1893件\n"
    assert paths(text) == [("一、主要做法",), ("二、下一步打算",), ("附：2020年主要数据",)]
    for heading in ("附件1：典型案例", "附件1 典型案例", "附件七：典型案例", "附表"):
        assert paths(text.replace("附：2020年主要数据", heading))[-1] == (heading,)
    parts = f"第一部分 主要做法\n{BODY}\n一、普法\n{BODY}\n第二部分 下一步打算\n{BODY}\n附件1：典型案例\n{BODY}\n"
    assert paths(parts)[-1] == ("附件1：典型案例",)


def test_white_space_of_every_kind_makes_no_line():
    report = parse_report(f"\x1f\n\u1680\n\u1680{BODY}\x1f\n")
    assert [u.text for u in report.units] == [BODY]


def test_a_number_of_five_thousand_digits_is_no_heading_s():
    assert paths(f"第{'1' * 5000}部分 组织领导\n{BODY}") == [(), ()]


def test_a_line_of_punctuation_is_no_heading():
    assert paths(f"一、成效\n.\n（\n{BODY}") == [("一、成效",)] * 3


@pytest.mark.parametrize(
    "text",
    [
        "青柳镇报告\n" + "人员名单\n" * 20_000 + BODY,
        "青柳镇报告\n" + "".join(f"名单{k}甲\n名单乙丙\n" for k in range(10_000)) + BODY,
        "目录\n" + "甲\n" * 50_000,
        f"目录\n{'.' * 50_000}甲\n{BODY}",
        f"二、{'1' * 50_000}\n{BODY}",
        f"二、1{' ' * 50_000}好\n{BODY}",
        f"{'[image' * 50_000}\n{BODY}",
        "青柳镇人民政府\n" + "".join(f"{'《' * 50}{k}\n" for k in range(4000)) + BODY,
    ],
)  # fmt: skip
def test_a_monster_does_no_harm(text):
    begin = time.process_time()
    parse_report(text)
    assert time.process_time() - begin < 5
