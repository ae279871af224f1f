"""Names to codes, and roles of numbers, on what was coded by hand."""

import csv
import json

import pytest

from lawgov_nlp.errors import PanelError
from lawgov_nlp.panel.indicators import load_indicators, normal_form, shipped_indicators
from lawgov_nlp.results.roles import Role, Span, paragraph_roles
from tests.conftest import ROOT


def scores(part):
    with (ROOT / "data" / "panel_names.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["part"] == part]
    pairs = [(shipped_indicators().match(r["name"], r["unit"], r["topic"]).code or "", r["code"]) for r in rows]
    right = sum(bool(got) and got == want for got, want in pairs)
    return right / sum(bool(got) for got, _ in pairs), right / sum(bool(want) for _, want in pairs)


def test_names_of_the_development_part():
    precision, recall = scores("development")
    assert precision >= 0.95
    assert recall >= 0.92


def test_held_out_names():
    precision, recall = scores("held_out")
    assert precision >= 0.97
    assert recall >= 0.93


def test_a_fifth_of_the_names_is_coded_twice():
    with (ROOT / "data" / "panel_names.csv").open(encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    twice = [row for row in rows if row["second"]]
    assert len(rows) >= 2000
    assert len({(row["name"], row["unit"], row["topic"]) for row in rows}) == len(rows)
    assert len(twice) >= len(rows) // 5 - 2
    assert sum(row["first"] == row["second"] for row in twice) / len(twice) >= 0.98
    assert {row["code"] for row in rows} - {""} <= {*shipped_indicators().codes}


@pytest.mark.parametrize(
    ("name", "unit", "topic", "code"),
    [
        ("调处各类矛盾纠纷", "起", "mediation", "disputes_mediated"),
        ("成功化解", "件", "mediation", "disputes_resolved"),
        ("排查矛盾纠纷", "件", "mediation", "disputes_screened"),
        ("培训", "人次", "training", "training_participants"),
        ("培训", "期", "training", "training_sessions"),
        ("拆除违法建筑", "平方米", "enforcement", "illegal_building_area"),
        ("法律顾问", "名", "mediation", "village_legal_advisers"),
        ("法律顾问", "名", "leadership", "legal_advisers"),
        ("调解员", "件", "mediation", None),
        ("发生哨件", "次", "enforcement", None),
        (None, "件", "mediation", None),
    ],
)
def test_unit_and_topic_decide(name, unit, topic, code):
    assert shipped_indicators().match(name, unit, topic).code == code


def test_every_synonym_finds_a_code():
    codes = shipped_indicators()
    for code in codes.codes.values():
        for synonym in code.synonyms:
            assert codes.match(synonym, code.units[0], code.dimension).code, (code.code, synonym)


def test_normal_form():
    assert normal_form("“全年开展 普法活动”") == "普法活动"
    assert normal_form("参考人数") == "参考"


def test_a_users_codes_are_added_and_replace(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "code,zh,dimension,units,synonyms\ndrone_flights,无人机飞行,enforcement,架次,无人机巡飞\n"
        "grids,我的网格,mediation,个,自管网格\n",
        encoding="utf-8",
    )
    codes = load_indicators(path)
    assert codes.match("无人机巡飞", "架次", "enforcement").code == "drone_flights"
    assert codes.codes["grids"].zh == "我的网格"
    assert codes.match("网格", "个", "mediation").code is None
    assert len(codes.codes) == len(shipped_indicators().codes) + 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("code,zh\na,b\n", ":1: no column"),
        ("\n\ncode,zh\na,b\n", ":3: no column"),
        ("code,zh,dimension,units,synonyms\n2x,甲,mediation,件,甲\n", "mine.csv:2: code is '2x'"),
        ("code,zh,dimension,units,synonyms\nxx,甲,plans,件,甲\n", "dimension is 'plans'"),
        ("code,zh,dimension,units,synonyms\nxx,甲,mediation,,甲\n", "units is empty"),
        ("code,zh,dimension,units,synonyms,pattern\nxx,甲,mediation,件,甲,(\n", "no regular expression"),
    ],
)
def test_wrong_codes_are_explained(tmp_path, text, reason):
    (tmp_path / "mine.csv").write_text(text, encoding="utf-8")
    with pytest.raises(PanelError, match=reason):
        load_indicators(tmp_path / "mine.csv")


def roles_of(text, label=None, year=None):
    """The roles of the numbers in brackets, each named by the two characters in front."""
    plain, spans = "", []
    for piece in text.split("["):
        number, mark, rest = piece.partition("]")
        if mark:
            spans.append(Span(len(plain), len(plain) + len(number), max(0, len(plain) - 4), len(plain)))
            plain += number + rest
        else:
            plain += piece
    return paragraph_roles(plain, spans, (), label, year)


@pytest.mark.parametrize(
    ("text", "label", "roles"),
    [
        ("排查纠纷[263件]，化解[258件]，其中婚姻[20件]、邻里[30件]。", "mediation", "done done part part"),
        ("法律援助[112件]，其中农民工[37件]，办理公证[300件]。", "mediation", "done part done"),
        ("行政复议案件[80件]，同比下降[12.5%]。", "enforcement", "done change"),
        ("较上年分别下降[21.4%]、[17.9%]，", "mediation", "change change"),
        ("事项由[14个]减至[11个]。", "enforcement", "previous done"),
        ("去年受理[20件]，今年受理[25件]。", "mediation", "previous done"),
        ("全镇辖行政村[12个]，现有执法人员[17名]。", "enforcement", "stock stock"),
        ("开展普法活动[14场]，化解率达到[98%]。", "plans", "plan target"),
        ("审批时限压缩[61%]。", "enforcement", "change"),
        ("公开信息[388条]，其中公文[71件]。", "enforcement", "done part"),
        ("议题[9个]中有[1个]退回。", "leadership", "done part"),
        ("公布事项[7项]，除[1项]因条件变化终止外，", "leadership", "done part"),
        ("从申请事项看，处罚[38件]、公开[20件]。", "enforcement", "part part"),
        ("环节压缩[六成]，[23个]项目开工。", "enforcement", "change done"),
        ("取得资格的人员仅[3人]。", "shortcomings", "stock"),
        ("减少证明材料[6项]。", "enforcement", "done"),
    ],
)
def test_roles(text, label, roles):
    assert " ".join(str(r.role) for r in roles_of(text, label)) == roles


def test_a_part_knows_its_whole():
    readings = roles_of("排查纠纷[263件]，化解[258件]，其中婚姻[20件]。", "mediation")
    assert [r.whole for r in readings] == [None, None, 1]


def test_last_year_by_its_number():
    assert roles_of("2022年受理[20件]。", "mediation", 2023)[0].role is Role.PREVIOUS


def test_coded_roles():
    rows = [json.loads(line) for line in (ROOT / "data" / "panel_roles.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) >= 1500
    right = {"development": [], "held_out": []}
    for row in rows:
        spans = [Span(*span) for span in row["spans"]]
        index = [span.start for span in spans].index(row["start"])
        reading = paragraph_roles(row["text"], spans, row["headings"], row["label"] or None, row["year"] or None)[index]
        right[row["part"]].append(str(reading.role) == row["role"])
    for part, found in right.items():
        assert sum(found) / len(found) >= 0.97, part
