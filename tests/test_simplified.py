"""Traditional characters read like their simplified twins, and every offset stays that of the original text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lawgov_nlp import read_report
from lawgov_nlp.readers.structure import TRADITIONAL
from lawgov_nlp.results.quantity import numeral_runs, read_quantity, value_end
from lawgov_nlp.simplified import is_traditional, to_simplified
from lawgov_nlp.text import has_numeral
from tests.conftest import MARKUP

TWINS = [
    ("三百餘戶", "三百余户"), ("十幾萬人次", "十几万人次"), ("1.9萬人次", "1.9万人次"), ("156.3億元", "156.3亿元"),
    ("兩個半小時", "两个半小时"), ("數十場", "数十场"), ("壹萬貳仟圓", "壹万贰仟圆"), ("百分之三點五", "百分之三点五"),
    ("叄萬伍仟元", "叁万伍仟元"), ("陸拾件", "陆拾件"), ("近300餘份", "近300余份"), ("超過20場", "超过20场"), ("約5000餘人", "约5000余人"),
]  # fmt: skip
REPORT = """青柳鎮人民政府
關於2023年度法治政府建設情況的報告
縣人民政府：
2023年，我鎮圍繞依法治鎮做了一些工作，現將有關情況報告如下：
一、主要做法
（一）加強組織領導。鎮長任組長，召開專題會議4次，研究部署依法治鎮各項工作。
（二）化解矛盾糾紛。法律諮詢三百餘人次，審查合同15份，件件有回音。
二、下一步打算
2024年，我鎮將繼續開展法律進鄉村活動，於年內完成，其後總結。
青柳鎮人民政府
2024年1月8日
"""


@pytest.mark.parametrize(("traditional", "simplified"), TWINS)
def test_values_read_like_their_twins(traditional, simplified):
    assert read_quantity(traditional) == read_quantity(simplified)
    assert list(numeral_runs(traditional)) == list(numeral_runs(simplified))
    run = next(numeral_runs(simplified))
    assert value_end(traditional, run) == value_end(simplified, run)
    assert has_numeral(traditional) == has_numeral(simplified)


def test_a_traditional_report_has_the_structure_of_its_twin():
    report, twin = read_report(REPORT), read_report(to_simplified(REPORT))
    assert report.text == REPORT
    assert [(u.kind, u.start, u.end) for u in report.units] == [(u.kind, u.start, u.end) for u in twin.units]
    assert (report.year, report.date) == (twin.year, twin.date) == (2023, "2024-01-08")
    assert report.issuer == "青柳鎮人民政府"
    assert report.title == "青柳鎮人民政府關於2023年度法治政府建設情況的報告"
    assert report.paragraphs[1].headings == ("一、主要做法", "（一）加強組織領導")
    assert [to_simplified("".join(p.headings)) for p in report.paragraphs] == [
        "".join(p.headings) for p in twin.paragraphs
    ]
    assert TRADITIONAL in report.warnings
    assert not twin.warnings


def test_simplified_text_stays():
    for text in (MARKUP, "乾隆年间，於某某瞭望皇后，著名。"):
        assert to_simplified(text) == text
        assert not is_traditional(text)


@given(
    st.text(
        st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("餘幾萬億兩鎮於後國一二三年1、\n")),
        max_size=80,
    )
)
def test_one_character_for_one(text):
    assert len(to_simplified(text)) == len(text)
    if text.strip():
        report = read_report(text + "\n法治。")
        assert all(report.text[u.start : u.end] == u.text for u in report.units)


def test_the_tagger_reads_the_twin(tiny):
    report, twin = read_report(REPORT), read_report(to_simplified(REPORT))
    tagged, same = tiny.tag(report), tiny.tag(twin)
    assert [p.label for p in tagged.paragraphs] == [p.label for p in same.paragraphs]
    assert [(i.start, i.end, i.number, i.unit) for i in tagged.indicators] == [
        (i.start, i.end, i.number, i.unit) for i in same.indicators
    ]
    assert all(REPORT[i.start : i.end] == i.text for i in tagged.indicators)
