import pytest

from lawgov_nlp import read_report
from lawgov_nlp.report import UnitKind
from lawgov_nlp.structure import parse_report


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
    assert [u.kind for u in report.units[:-1]] == [UnitKind.TITLE] * (len(report.units) - 1)


@pytest.mark.parametrize(
    ("sign", "date"),
    [("青柳镇人民政府\n二〇二三年十二月三十一日", "2023-12-31"), ("青柳镇人民政府2024年1月5日", "2024-01-05"), ("2023.12.8", "2023-12-08")],
)
def test_sign_off(sign, date):
    report = parse_report(f"{BODY}\n{sign}\n")
    assert report.date == date
    assert {u.kind for u in report.units[1:]} == {UnitKind.SIGNOFF}


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
    assert kinds(f"一、成效\n{BODY}\n调解案件\t104件\n二、打算\n{BODY}") == ["heading", "body", "body", "heading", "body"]


def test_a_report_is_returned_as_it_is(gold):
    report = read_report(gold.text)
    assert read_report(report) is report
