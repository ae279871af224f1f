"""Other tools' formats: round trips of shipped reports, real exports, and each way in which a row can be wrong."""

import csv
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lawgov_nlp.annotation.examples import examples
from lawgov_nlp.annotation.formats import (
    WRITTEN,
    Issues,
    Options,
    detect,
    from_gold,
    labelling_config,
    read_annotations,
    render_annotations,
    target,
    write_annotations,
)
from lawgov_nlp.annotation.formats.document import rows
from lawgov_nlp.annotation.formats.spans import character_offset, utf16_offset
from lawgov_nlp.annotation.markup import parse_markup, read_markup, read_markup_folder
from lawgov_nlp.annotation.markup import to_markup as write_markup
from lawgov_nlp.annotation.records import records
from lawgov_nlp.errors import InterchangeError, OutputError
from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Dimension

from .conftest import ROOT
from .sample_report import sample
from .strategies import DEPTHS, gold_reports, hold

deep = pytest.mark.parametrize("depth", DEPTHS)
EXPORTS = ROOT / "tests" / "exports"
ENDINGS = {"markup": "", "jsonl": ".jsonl", "label-studio": ".json", "doccano": ".jsonl", "conll": ".conll", "csv": ".csv", "xlsx": ".xlsx"}  # fmt: skip
CODED = read_markup_folder(EXPORTS / "reports")
SHIPPED = [read_markup(ROOT / "data" / "reports" / f"{name}.txt") for name in ("a01", "c05", "h03", "q02")]

PARTLY = parse_markup(
    """level: township
---
[title] 青柳镇报告
[heading] 一、主要做法
[mediation+publicity] 　　调解纠纷32件。{?}
[?] <a:走访>{a:3次|mediation}，{b:5户|publicity}<b:宣传>。
[?] 还没有看的一段，走访3次。{?}
[none] 过渡的一段。
[signoff] 青柳镇人民政府
""",
    "partly",
)


def there(reports, form, tmp_path):
    path = tmp_path / f"x{ENDINGS[form]}"
    return path, write_annotations([from_gold(r) for r in reports], path, form)


def and_back(reports, form, tmp_path):
    path, _ = there(reports, form, tmp_path)
    reading = read_annotations([path])
    assert reading.formats == [form]
    reading.findings.check()
    return reading.gold


def bodies(report):
    return [u for u in report.units if u.kind is LineKind.BODY]


def coding(unit, links=True):
    """What is coded of a paragraph, by its words."""
    found = [(unit.text[slice(*i.value)], unit.text[slice(*i.name)] * links, i.dimension) for i in unit.indicators]
    return unit.text.strip(), unit.primary, set(unit.secondary), found, unit.labels_coded, unit.indicators_coded


# round trips


@pytest.mark.parametrize("form", ["markup", "label-studio", "doccano"])
@pytest.mark.parametrize("reports", [SHIPPED, CODED, [PARTLY]], ids=["shipped", "rare", "partly"])
def test_these_give_the_same_reports_back(form, reports, tmp_path):
    assert and_back(reports, form, tmp_path) == reports


@pytest.mark.parametrize("reports", [SHIPPED, CODED, [PARTLY]], ids=["shipped", "rare", "partly"])
def test_records_keep_every_paragraph(reports, tmp_path):
    back = and_back(reports, "jsonl", tmp_path)
    assert [r.id for r in back] == [r.id for r in reports]
    for a, b in zip(reports, back, strict=True):
        assert [*map(coding, bodies(a))] == [*map(coding, bodies(b))]
        assert b.meta.items() <= a.meta.items()


def test_our_records_are_those_of_the_library(tmp_path):
    path, _ = there(SHIPPED, "jsonl", tmp_path)
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == list(records(SHIPPED))


@pytest.mark.parametrize("reports", [SHIPPED, CODED, [PARTLY]], ids=["shipped", "rare", "partly"])
def test_conll_keeps_everything_but_the_links(reports, tmp_path):
    path, findings = there(reports, "conll", tmp_path)
    links = sum(len(u.indicators) for r in reports for u in r.units)
    assert findings.notes == [f"conll：{links} 处数值与名称的关联未写出"]
    back = read_annotations([path])
    for a, b in zip(reports, back.gold, strict=True):
        assert (a.meta, a.text, [u.kind for u in a.units]) == (b.meta, b.text, [u.kind for u in b.units])
        assert [coding(u, links=False) for u in a.units] == [coding(u, links=False) for u in b.units]
    same = [
        x.name == y.name
        for a, b in zip(reports, back.gold, strict=True)
        for u, v in zip(a.units, b.units, strict=True)
        for x, y in zip(u.indicators, v.indicators, strict=True)
    ]
    assert sum(same) >= 0.95 * len(same)
    nearest = [n for n in back.findings.notes if "同一分句内最近的名称" in n]
    assert len(nearest) == 1


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_tables_keep_the_labels_and_count_the_rest(form, tmp_path):
    path, findings = there(SHIPPED, form, tmp_path)
    values = sum(len(u.indicators) for r in SHIPPED for u in r.units)
    assert f"{form}：{values} 个数值（含名称与主题）未写出" in findings.notes
    assert any("行标题、称谓、落款未写出" in note for note in findings.notes)
    for a, b in zip(SHIPPED, read_annotations([path]).gold, strict=True):
        assert [(u.text.strip(), u.primary, u.secondary) for u in bodies(a)] == [
            (u.text, u.primary, u.secondary) for u in bodies(b)
        ]
        assert not any(u.indicators_coded for u in bodies(b))
        assert parse_markup(write_markup(b), b.id) == b
        found = examples([b])  # the headings are back, so that the paragraphs read as before
        assert found.misread <= 1
        assert [e.unit.headings for e in found.examples][1:5] == [e.unit.headings for e in examples([a]).examples][1:5]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_tables_tell_unlabelled_paragraphs_from_those_without_a_dimension(form, tmp_path):
    (back,) = and_back([PARTLY], form, tmp_path)
    assert [(u.primary, u.labels_coded) for u in bodies(back)] == [
        (Dimension.MEDIATION, True), (None, False), (None, False), (None, True),
    ]  # fmt: skip


def test_nothing_is_said_where_nothing_is_lost(tmp_path):
    for form in ("markup", "label-studio", "doccano"):
        (tmp_path / form).mkdir()
        assert there(SHIPPED, form, tmp_path / form)[1].notes == []


def test_the_csv_opens_in_excel_and_comes_back_from_it(tmp_path):
    path, _ = there(CODED, "csv", tmp_path)
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfreport,start,")
    again = tmp_path / "excel.csv"
    again.write_bytes(data.decode("utf-8-sig").encode("gb18030"))
    assert read_annotations([again]).gold == read_annotations([path]).gold


def test_a_text_that_looks_like_a_formula_stays_a_text(tmp_path):
    report = parse_markup(
        "---\n[heading] 一、工作\n[plans] =1+1是算式。\n[plans] -减少3件。\n[plans] '=原有撇号。", "f"
    )
    for form in ("csv", "xlsx"):
        path, _ = there([report], form, tmp_path)
        assert [u.text for u in bodies(read_annotations([path]).gold[0])] == [u.text for u in bodies(report)]
    with (tmp_path / "x.csv").open(encoding="utf-8-sig", newline="") as lines:
        assert [row["text"][:2] for row in csv.DictReader(lines)] == ["'=", "'-", "''"]


def test_tables_with_chinese_heads_and_words(tmp_path):
    path = tmp_path / "甲.csv"
    path.write_text(
        "标题,段落,维度,次维度\n一、普法 / （一）进校园,开展讲座。,普法宣传,学法培训\n,现报告如下：,无,\n一、普法,还没看。,,\n",
        "utf-8",
    )
    reading = read_annotations([path])
    (report,) = reading.gold
    assert report.id == "甲"
    assert write_markup(report).splitlines()[1:] == [
        "[heading] 一、普法", "[heading] （一）进校园", "[publicity+training] 开展讲座。{?}",
        "[none] 现报告如下：{?}", "[heading] 一、普法", "[?] 还没看。{?}",
    ]  # fmt: skip
    assert reading.findings.notes == ["csv：1 段没有填主维度，按维度未标注导入"]


def test_a_table_that_lawgov_tag_wrote_and_someone_corrected(tmp_path):
    from lawgov_nlp.results.writers import write_reports as write_tagged

    path = tmp_path / "tagged.csv"
    report = replace(sample(), source="reports/松石镇.docx")
    write_tagged([report], path)
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = list(csv.DictReader(lines))
    mixed = next(k for k, p in enumerate(report.paragraphs) if len(p.labels) > 1)
    new = next(d for d in Dimension if d not in report.paragraphs[mixed].labels)
    table[mixed]["label"] = str(new)
    with path.open("w", encoding="utf-8-sig", newline="") as lines:
        out = csv.DictWriter(lines, table[0])
        out.writeheader()
        out.writerows(table)
    reading = read_annotations([path])
    assert reading.findings.notes == [
        f"csv：文件由 lawgov tag 写出，{len(table)} 段都按人工标注导入；没有核对过的请先清空 label"
    ]
    (gold,) = reading.gold
    assert gold.id == "松石镇"
    for k, (unit, paragraph) in enumerate(zip(bodies(gold), report.paragraphs, strict=True)):
        assert unit.text == paragraph.text
        assert unit.primary == (new if k == mixed else paragraph.label)
        assert unit.secondary == paragraph.labels[1:]


# predictions


@pytest.fixture
def tagged(tmp_path):
    path = tmp_path / "tagged.jsonl"
    path.write_text(json.dumps(sample().to_dict(), ensure_ascii=False) + "\n", "utf-8")
    return path


def test_predictions_become_pre_annotations(tagged, tmp_path):
    reading = read_annotations([tagged])
    assert reading.formats == ["tagged"]
    out = tmp_path / "to_label.json"
    write_annotations(reading.documents, out)
    tasks = json.loads(out.read_text("utf-8"))
    report = sample()
    assert len(tasks) == len(report.paragraphs)
    assert not any("annotations" in task for task in tasks)
    for task, paragraph in zip(tasks, report.paragraphs, strict=True):
        results = task["predictions"][0]["result"]
        assert results[0]["value"]["choices"] == [str(paragraph.label or "none")]
        said = [r["value"]["text"] for r in results if r["type"] == "labels" and r["value"]["labels"] == ["VALUE"]]
        assert said == [i.text for i in paragraph.indicators]
        assert sum(r["type"] == "relation" for r in results) == sum(i.name is not None for i in paragraph.indicators)
    back = read_annotations([out])
    assert not any(u.labels_coded or u.indicators_coded for u in bodies(back.gold[0]))
    assert back.findings.notes == [f"label-studio：{len(tasks)} 个任务只有预测、没有人工标注，按未标注导入"]
    assert [u.text for u in back.gold[0].units] == [u.text for u in report.units]


def test_predictions_in_other_formats_are_pointed_out(tagged, tmp_path):
    data = json.loads(tagged.read_text("utf-8"))
    data["paragraphs"][2]["indicators"][0] |= {"name": None, "name_start": None, "name_end": None}
    tagged.write_text(json.dumps(data, ensure_ascii=False) + "\n", "utf-8")
    documents = read_annotations([tagged]).documents
    notes = write_annotations(documents, tmp_path / "x").notes
    assert any("出自模型" in note for note in notes)
    assert "markup：1 个数值没有名称（模型未找到），未写出" in notes
    assert read_markup(next((tmp_path / "x").glob("*.txt"))).meta["tagged_by"] == sample().model


def test_predicted_labels_do_not_come_back_from_doccano_as_coded(tagged, tmp_path):
    path = tmp_path / "x.jsonl"
    write_annotations(read_annotations([tagged]).documents, path, "doccano")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert all("cats" not in line and line["predicted_labels"] for line in lines)
    assert not any(u.labels_coded for u in bodies(read_annotations([path], options=Options(layers=None)).gold[0]))
    classified = tmp_path / "classified.jsonl"  # what a text classification project gives back
    classified.write_text("".join(json.dumps({**line, "label": ["plans"]}) + "\n" for line in lines), "utf-8")
    units = bodies(read_annotations([classified]).gold[0])
    assert all(u.labels_coded and not u.indicators_coded for u in units)


# real exports


@pytest.mark.parametrize("name", ["label_studio_coded.json", "doccano_relations.jsonl"])
def test_real_exports_with_relations_give_the_reports_back(name):
    reading = read_annotations([EXPORTS / name])
    assert not reading.findings.problems
    for a, b in zip(CODED, reading.gold, strict=True):
        assert (a.meta, a.text) == (b.meta, b.text)
        assert [*map(coding, a.units)] == [*map(coding, b.units)]


@pytest.mark.parametrize("name", ["doccano_spans.jsonl", "doccano_slots.jsonl"])
def test_real_exports_without_relations_take_the_nearest_name(name):
    reading = read_annotations([EXPORTS / name])
    assert "doccano：28 个数值没有与名称的关联，按同一分句内最近的名称相连" in reading.findings.notes
    labelled = "slots" in name
    for a, b in zip(CODED, reading.gold, strict=True):
        assert [coding(u)[3] for u in a.units] == [coding(u)[3] for u in b.units]
        assert {u.labels_coded for u in bodies(b)} == {labelled}
        assert {u.indicators_coded for u in bodies(b)} == {True}


def test_labels_and_spans_of_two_projects_complete_each_other():
    labels = read_annotations([EXPORTS / "doccano_labels.jsonl"])
    assert not any(u.indicators_coded for r in labels.gold for u in bodies(r))
    both = read_annotations([EXPORTS / "doccano_labels.jsonl", EXPORTS / "doccano_spans.jsonl"])
    assert not both.findings.problems
    assert [[*map(coding, r.units)] for r in both.gold] == [[*map(coding, r.units)] for r in CODED]


def test_an_accepted_prediction_is_a_coding_and_one_that_was_left_is_not():
    reading = read_annotations([EXPORTS / "label_studio_predicted.json"], options=Options(annotator="1"))
    reasons = [p.reason for p in reading.findings.problems]
    assert len(reasons) == 1  # the file holds the last four tasks only
    assert "export all tasks" in reasons[0]
    assert [u.labels_coded for u in bodies(reading.gold[0])] == [True, True, True, False]


def test_two_annotators_are_named_or_chosen():
    path = EXPORTS / "label_studio_two_annotators.json"
    reading = read_annotations([path])
    reasons = [p.reason for p in reading.findings.problems]
    assert len(reasons) == 1  # the other paragraph has the same labels from both
    assert "mediation (1, " in reasons[0]
    assert "publicity (2, " in reasons[0]
    assert "--annotator" in reasons[0]
    rare = CODED[1]
    assert [u.text for u in reading.gold[0].units] == [u.text for u in rare.units]
    assert not bodies(reading.gold[0])[0].labels_coded
    first, second = (read_annotations([path], options=Options(annotator=who)) for who in ("1", "2"))
    assert not first.findings.problems
    assert first.gold == [rare]
    assert bodies(second.gold[0])[0].primary is Dimension.PUBLICITY
    with pytest.raises(InterchangeError, match=r"nobody is called that; the files name \['1', '2'\]"):
        read_annotations([path], options=Options(annotator="丙"))


def test_what_was_clicked_in_label_studio():
    reading = read_annotations([EXPORTS / "label_studio_clicked.json"])
    assert not reading.findings.problems
    first, second = bodies(reading.gold[0])
    assert coding(first)[1:4] == (Dimension.MEDIATION, set(), [("32件", "调解矛盾纠纷", Dimension.MEDIATION)])
    assert coding(second) == coding(bodies(CODED[1])[1])
    assert reading.gold[0].text == CODED[1].text
    assert reading.findings.notes == []


def test_what_was_clicked_in_doccano():
    reading = read_annotations([EXPORTS / "doccano_clicked.jsonl"])
    (unit,) = bodies(reading.gold[0])
    assert unit.text == "𣲗溪镇😀全年调解矛盾纠纷32件。"
    assert coding(unit)[1:] == (None, set(), [("32件", "调解矛盾纠纷", Dimension.MEDIATION)], False, True)


def test_json_min_is_refused_with_advice():
    with pytest.raises(InterchangeError, match="JSON-MIN"):
        read_annotations([EXPORTS / "label_studio_min.json"])


# offsets beyond the BMP

RARE = "𣲗溪镇😀走访32件。"


@pytest.mark.parametrize("at", range(len(RARE) + 1))
def test_utf16_offsets(at):
    units = utf16_offset(RARE, at)
    assert units == len(RARE[:at].encode("utf-16-le")) // 2
    assert character_offset(RARE, units) == at


def task(result, text=RARE, **data):
    return [{"id": 7, "data": {"text": text, **data}, "annotations": [{"result": result, "completed_by": 3}]}]


def region(start, end, said, label="VALUE", key="v"):
    value = {"start": start, "end": end, "text": said, "labels": [label]}
    return {"id": key, "from_name": "span", "to_name": "text", "type": "labels", "value": value}


def choice(name, *words, **place):
    return {"id": place.pop("key", name), "from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(words), **place}}  # fmt: skip


LINK = {"type": "relation", "from_id": "v", "to_id": "n", "direction": "right"}


def label_studio(tmp_path, tasks, **options):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(tasks, ensure_ascii=False), "utf-8")
    return read_annotations([path], options=Options(**options))


@pytest.mark.parametrize(("name", "value"), [((4, 6), (6, 9)), ((6, 8), (8, 11))], ids=["characters", "utf16"])
def test_label_studio_offsets_of_new_and_old_versions(tmp_path, name, value):
    spans = [region(*name, "走访", "NAME", "n"), region(*value, "32件"), LINK]
    reading = label_studio(tmp_path, task([choice("primary", "mediation"), *spans]))
    assert not reading.findings.problems
    (unit,) = bodies(reading.gold[0])
    assert coding(unit)[3] == [("32件", "走访", Dimension.MEDIATION)]
    old = [note for note in reading.findings.notes if "UTF-16" in note]
    assert old == ([] if value[0] == 6 else ["label-studio：2 个片段的偏移按 UTF-16 计（旧版导出），已换算"])


@pytest.mark.parametrize(("offsets", "name", "value"), [(None, (6, 8), (8, 11)), ("characters", (4, 6), (6, 9))])
def test_doccano_offsets(tmp_path, offsets, name, value):
    path = tmp_path / "admin.jsonl"
    record = {"text": RARE, "label": [[*name, "NAME"], [*value, "VALUE-mediation"]]}
    path.write_text(json.dumps(record) + "\n", "utf-8")
    reading = read_annotations([path], options=Options(offsets=offsets))
    assert coding(bodies(reading.gold[0])[0])[3] == [("32件", "走访", Dimension.MEDIATION)]
    assert any("BMP" in note for note in reading.findings.notes) == (offsets is None)


def test_doccano_is_given_utf16_offsets(tmp_path):
    path, _ = there([CODED[1]], "doccano", tmp_path)
    for line in path.read_text("utf-8").splitlines():
        record = json.loads(line)
        units = record["text"].encode("utf-16-le")
        said = [units[2 * e["start_offset"] : 2 * e["end_offset"]].decode("utf-16-le") for e in record["entities"]]
        assert {"调解矛盾纠纷", "32件"} <= set(said) or {"法治讲座", "6场"} <= set(said)


def test_an_offset_within_a_character_is_an_error(tmp_path):
    path = tmp_path / "admin.jsonl"
    path.write_text(json.dumps({"text": RARE, "label": [[1, 3, "NAME"]]}) + "\n", "utf-8")
    (problem,) = read_annotations([path]).findings.problems
    assert "middle of a character" in problem.reason
    assert "--offsets characters" in problem.reason


# what can be wrong with a row

TEXT = "全年 走访群众32件，宣传5场。"
NAME, VALUE = region(3, 5, "走访", "NAME", "n"), region(7, 10, "32件")
PRIMARY = choice("primary", "mediation")


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([choice("primary", "mediaton")], "label 'mediaton' is unknown; did you mean 'mediation'?"),
        ([choice("primary", "普法宣传", "无")], "several choices"),
        ([PRIMARY, choice("secondary", "none")], "labelled 'none' and mediation"),
        ([PRIMARY, choice("secondary", "mediation")], "named twice"),
        ([choice("secondary", "mediation")], "without a primary dimension"),
        ([PRIMARY, choice("uncoded", "labels")], "untick it or take it off"),
        ([PRIMARY, NAME, VALUE, LINK, choice("uncoded", "indicators")], "2 spans are marked; untick it"),
        ([PRIMARY, choice("uncoded", "nothing")], "'uncoded' is"),
        ([PRIMARY, choice("mood", "good")], "the choices are called 'mood'"),
        ([PRIMARY, region(2, 5, None, "NAME", "n"), VALUE, LINK], "starts at a blank; 3–5 would fit"),
        ([PRIMARY, region(0, 3, None, "NAME", "n"), VALUE, LINK], "ends at a blank; 0–2 would fit"),
        (
            [PRIMARY, NAME, region(8, 11, "32件"), LINK],
            "should read '32件', but the text has '2件，' there; 7–10 would fit",
        ),
        ([PRIMARY, NAME, region(7, 99, None), LINK], "lies outside of the text, which has 16 characters"),
        ([PRIMARY, NAME, region(7, "x", None), LINK], "expected whole numbers"),
        ([PRIMARY, NAME, region(7, 10, "32件", "VALEU"), LINK], "label 'VALEU' is unknown; did you mean 'VALUE'?"),
        ([PRIMARY, NAME, region(5, 7, "群众"), LINK], "has no numeral; is it a NAME?"),
        ([PRIMARY, NAME, region(4, 10, None), LINK], "overlap"),
        ([PRIMARY, NAME, VALUE, region(7, 10, "32件", key="w"), LINK], "is marked twice"),
        ([PRIMARY, NAME, VALUE, region(13, 15, "5场", key="w"), LINK], "'5场' (13–15) has no name; draw a relation"),
        ([PRIMARY, NAME, VALUE, region(11, 13, "宣传", "NAME", "m"), LINK], "no value points to the name '宣传'"),
        ([PRIMARY, NAME, VALUE, LINK, {**LINK, "to_id": "v"}], "a relation ties the value"),
        ([PRIMARY, NAME, VALUE, LINK, {**LINK, "to_id": "gone"}], "'gone' that isn't there"),
        (
            [PRIMARY, NAME, VALUE, region(11, 13, "宣传", "NAME", "m"), LINK, {**LINK, "to_id": "m"}],
            "tied to two names",
        ),
        ([PRIMARY, NAME, VALUE, LINK, choice("topic", "plans", key="v", start=7, end=10)], "'plans' is a function"),
        ([PRIMARY, NAME, VALUE, LINK, choice("topic", "mediation", key="x", start=7, end=10)], "belongs to no region"),
        ([choice("primary", "none"), NAME, VALUE, LINK], "has no topic, and its paragraph has none either"),
        ([PRIMARY, {"id": "r", "type": "rating", "value": {"rating": 3}}], "a result of type 'rating'"),
    ],
)
def test_each_error_says_where_what_and_what_to_do(tmp_path, results, reason):
    reading = label_studio(tmp_path, task(results, TEXT))
    (problem,) = reading.findings.problems
    assert reason in problem.reason
    assert str(problem).startswith(f"{tmp_path / 'export.json'}:1 (task 7): ")
    (unit,) = bodies(reading.gold[0])  # the text stays, as one that nobody coded
    assert coding(unit) == (TEXT, None, set(), [], False, False)
    with pytest.raises(InterchangeError, match="task 7"):
        reading.findings.check()


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        (task([], "一段\n又一段"), "the text has 2 lines"),
        (task([], "  "), "expected a paragraph"),
        (task([], TEXT, unit="third"), "unit is 'third'"),
        (task([], TEXT, report="../../etc/passwd"), "can't be the name of a file"),
        (task([], TEXT, before=[["chapter", "一"]]), "expected pairs"),
        ([{"id": 7, "data": {"txt": TEXT}}], "data has no 'text'"),
        ([{"id": 7, "data": None}], "no 'data'"),
    ],
)
def test_a_row_without_a_place_or_text_is_an_error(tmp_path, tasks, reason):
    (problem,) = label_studio(tmp_path, tasks).findings.problems
    assert reason in problem.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"text": TEXT, "label": ["publicity", "mediation"]}, "which of the labels publicity, mediation is the primary one"),
        ({"text": TEXT, "label": ["+mediation"]}, "only secondary labels"),
        ({"text": TEXT, "label": [[3, 5]]}, "expected [start, end, label]"),
        ({"text": TEXT, "label": [["3", 5, "NAME"]]}, "expected whole numbers"),
        ({"text": TEXT, "label": [[13, 15, "VALUE-mediation"], [3, 5, "宣传"]]}, "label '宣传' is unknown"),
        ({"text": "走访群众。共32件。", "label": [[0, 2, "NAME"], [6, 9, "VALUE-mediation"]]}, "no name in its sentence"),
    ],
)  # fmt: skip
def test_errors_of_doccano(tmp_path, line, reason):
    path = tmp_path / "admin.jsonl"
    path.write_text(json.dumps(line) + "\n", "utf-8")
    (problem,) = read_annotations([path]).findings.problems
    assert reason in problem.reason
    assert str(problem).startswith(f"{path}:1: ")


JUNK = [None, 1, -1, "x", "", [], {}, [1], {"a": 1}, True, 1.5, 10**9, [["heading", "x"]], "\n"]


def places_in(value, path=()):
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places_in(inner, (*path, key))


@pytest.mark.parametrize("name", ["label_studio_clicked.json", "doccano_relations.jsonl", "doccano_slots.jsonl"])
def test_junk_anywhere_is_a_problem_or_nothing_but_never_a_crash(name, tmp_path):
    text = (EXPORTS / name).read_text("utf-8")
    lines = name.endswith("l")
    data = [json.loads(line) for line in text.splitlines()][-1:] if lines else json.loads(text)[:1]
    path = tmp_path / name
    pick = random.Random(7)
    read_back = 0
    for at in places_in(data):
        spoilt = json.loads(json.dumps(data))
        inner = spoilt
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = pick.choice(JUNK)
        path.write_text("\n".join(map(json.dumps, spoilt)) if lines else json.dumps(spoilt), "utf-8")
        try:
            reading = read_annotations([path], "doccano" if lines else "label-studio")
        except InterchangeError:
            continue
        for document, gold in zip(reading.documents, reading.gold, strict=True):
            for content in render_annotations([document], "markup", Issues()).values():
                assert parse_markup(content.decode(), gold.id) == gold
                read_back += 1
    assert read_back > 20


def test_a_function_is_primary_whatever_the_order(tmp_path):
    path = tmp_path / "admin.jsonl"
    path.write_text(json.dumps({"text": TEXT, "label": ["mediation", "plans"]}) + "\n", "utf-8")
    (unit,) = bodies(read_annotations([path]).gold[0])
    assert (unit.primary, unit.secondary) == (Dimension.PLANS, (Dimension.MEDIATION,))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("走访。,mediaton,", "did you mean 'mediation'?"),
        ("走访。,,publicity", "without a primary dimension"),
        ("走访。,mediation,plans", "is a function"),
        ("走访。,mediation+plans,publicity", "primary has several labels"),
        ('"走访。\n又一段",mediation,', "the text has 2 lines"),
        (",mediation,", "expected a paragraph"),
    ],
)
def test_errors_of_tables(tmp_path, row, reason):
    path = tmp_path / "x.csv"
    path.write_text(f"text,primary,secondary\n好的。,none,\n{row}\n", "utf-8")
    (problem,) = read_annotations([path]).findings.problems
    assert reason in problem.reason
    assert problem.origin.row == (4 if "\n" in row else 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("报告,维度\na,无\n".encode(), ":1: no column 'text' (正文)"),
        ("\n,\n报告,维度\na,无\n".encode(), ":3: no column 'text' (正文)"),
        ("text,primary\n走访。,无\n".encode("utf-16"), "save it as 'CSV UTF-8'"),
        (b"", "in none of the formats"),
    ],
)
def test_a_table_that_is_none(tmp_path, content, reason):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(InterchangeError) as caught:
        read_annotations([path], "csv" if content[:2] == b"\xff\xfe" else None)
    assert reason in str(caught.value) or not content


def test_errors_of_conll(tmp_path):
    path = tmp_path / "x.bio"
    path.write_text("走\tB-NAME\n访\tI-VALUE\n\n3\tB-VALUE-mediation\n次\tI-VALUE-mediation\n", "utf-8")
    first, second = read_annotations([path]).findings.problems
    assert "character 2: the tag I-VALUE continues no VALUE" in first.reason
    assert "no name in its sentence" in second.reason
    assert (first.origin.row, second.origin.row) == (1, 4)
    path.write_text("走\tB-NAME\n访问 I-NAME\n", "utf-8")
    with pytest.raises(InterchangeError, match=r":2: '访问 I-NAME' is no character"):
        read_annotations([path], "conll")


def test_conll_of_other_tools(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("走 B-NAME\n访 I-NAME\n3 B-mediation\n次 I-mediation\n。 O\n\n# O\n好 O\n", "utf-8")
    reading = read_annotations([path])
    assert reading.formats == ["conll"]
    one, two = bodies(reading.gold[0])
    assert coding(one) == ("走访3次。", None, set(), [("3次", "走访", Dimension.MEDIATION)], False, True)
    assert two.text == "#好"


def test_the_same_paragraph_coded_twice_names_both(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("报告,起点,正文,主维度,标注者\na,0,走访。,mediation,甲\na,0,走访。,publicity,乙\n", "utf-8")
    (problem,) = read_annotations([path]).findings.problems
    assert "mediation (甲, " in problem.reason
    assert "publicity (乙, " in problem.reason
    assert bodies(read_annotations([path], options=Options(annotator="乙")).gold[0])[0].primary is Dimension.PUBLICITY


def test_one_report_in_two_folders(tmp_path):
    for name, label in (("one", "mediation"), ("two", "publicity")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(f"---\n[{label}] 走访。\n", "utf-8")
    (problem,) = read_annotations([tmp_path / "one", tmp_path / "two"]).findings.problems
    assert str(tmp_path / "one" / "a.txt") in problem.reason
    assert str(tmp_path / "two" / "a.txt") in str(problem)
    (tmp_path / "two" / "a.txt").write_text("---\n[mediation] 巡查。\n", "utf-8")
    (problem,) = read_annotations([tmp_path / "one", tmp_path / "two"]).findings.problems
    assert "are two reports called 'a'?" in problem.reason


def test_missing_tasks_are_noticed(tmp_path):
    path, _ = there([SHIPPED[0]], "label-studio", tmp_path)
    tasks = json.loads(path.read_text("utf-8"))
    for left in (tasks[1:], tasks[:3] + tasks[4:], tasks[:-1]):
        reading = label_studio(tmp_path, left)
        (problem,) = reading.findings.problems
        assert "missing between the tasks; export all tasks" in problem.reason
        assert len(bodies(reading.gold[0])) == len(tasks) - 1


def test_a_text_with_signs_of_the_markup_fits_it(tmp_path):
    reading = label_studio(tmp_path, task([PRIMARY], "比例<5%。"))
    (written,) = render_annotations(reading.documents, "markup", reading.findings).values()
    assert "比例{<}5%。" in written.decode()
    assert reading.findings.problems == []


@deep
@pytest.mark.parametrize("form", WRITTEN)
def test_any_text_comes_back_from_every_format(form, depth, tmp_path_factory):
    """All of Unicode but line breaks and, in Excel, the control characters that its format has no place for."""
    outside = "".join(map(chr, range(32))) if form == "xlsx" else "\n\r"
    path = tmp_path_factory.mktemp("any") / "x"

    def check(gold):
        # a paragraph has a text, and other tools keep no white space around it
        units = [
            replace(u, text="".join(c for c in u.text if c not in outside)) for u in gold.units if not u.indicators
        ]
        units = [
            replace(u, text=u.text.strip(), secondary=tuple(label for label in u.secondary if label.is_topic))
            for u in units
            if u.kind is LineKind.BODY and u.text.strip()
        ]
        if form == "conll":  # without numbers of lines, equal paragraphs are merged
            units = list({u.text: u for u in units}.values())
        if not units:
            return
        document = from_gold(replace(gold, meta={}, units=tuple(units)))
        findings = Issues()
        payload = render_annotations([document], form, findings)
        for name, data in payload.items() if isinstance(payload, dict) else [("", payload)]:
            (path.parent / f"t{name or '.' + form}").write_bytes(data)
        file = path.parent / ("tt.txt" if form == "markup" else f"t.{form}")
        reading = read_annotations([file], form)
        assert reading.findings.problems == []
        (back,) = reading.gold
        told = [u for u in back.units if u.kind is LineKind.BODY]
        assert [(u.text, u.primary if u.labels_coded else None) for u in told] == [(u.text, u.primary) for u in units]

    hold(check, gold_reports, examples=25 * depth)


def test_a_wrong_line_of_markup_is_one_of_the_problems(tmp_path):
    (tmp_path / "a.txt").write_text("---\n[plns] 走访。\n", "utf-8")
    (tmp_path / "b.txt").write_text("---\n[plans] 走访。\n", "utf-8")
    reading = read_annotations([tmp_path])
    (problem,) = reading.findings.problems
    assert (problem.origin.row, [r.id for r in reading.gold]) == (2, ["b"])
    assert "did you mean 'plans'" in problem.reason


# layers


def test_a_file_without_any_span_was_not_coded_for_indicators(tmp_path):
    tasks = task([PRIMARY], TEXT)
    reading = label_studio(tmp_path, tasks)
    assert not bodies(reading.gold[0])[0].indicators_coded
    assert any("--layers both" in note for note in reading.findings.notes)
    told = label_studio(tmp_path, tasks, layers=("labels", "indicators"))
    assert bodies(told.gold[0])[0].indicators_coded
    assert told.findings.notes == []


def test_own_projects_with_one_choice_and_no_relations(tmp_path):
    results = [choice("维度", "纠纷化解与法律服务"), replace_label(NAME, "名称"), replace_label(VALUE, "数值")]
    reading = label_studio(tmp_path, task(results, TEXT))
    assert coding(bodies(reading.gold[0])[0])[1:4] == (
        Dimension.MEDIATION, set(), [("32件", "走访", Dimension.MEDIATION)],
    )  # fmt: skip
    assert "label-studio：1 个数值没有与名称的关联，按同一分句内最近的名称相连" in reading.findings.notes
    assert "label-studio：1 个数值没有标主题，取所在段落的维度" in reading.findings.notes


def replace_label(result, label):
    return {**result, "value": {**result["value"], "labels": [label]}}


def test_a_doccano_file_without_any_mark_asks(tmp_path):
    path = tmp_path / "admin.jsonl"
    path.write_text(json.dumps({"text": TEXT, "label": []}) + "\n", "utf-8")
    with pytest.raises(InterchangeError, match="--layers"):
        read_annotations([path])
    (unit,) = bodies(read_annotations([path], options=Options(layers=("indicators",))).gold[0])
    assert (unit.labels_coded, unit.indicators_coded) == (False, True)


def test_skipped_annotations_are_not_labels(tmp_path):
    tasks = task([PRIMARY], TEXT)
    tasks[0]["annotations"][0]["was_cancelled"] = True
    reading = label_studio(tmp_path, tasks)
    assert not bodies(reading.gold[0])[0].labels_coded
    assert "label-studio：1 条标注被标注者跳过（skip），未导入" in reading.findings.notes


# formats and files


@pytest.mark.parametrize("form", WRITTEN)
def test_every_format_is_told_by_its_content(form, tmp_path):
    path, _ = there(SHIPPED, form, tmp_path)
    assert detect(path) == form
    if form in ("markup", "xlsx"):
        return
    other = tmp_path / "renamed.dat"
    path.rename(other)
    assert detect(other) == form


def test_a_file_in_no_format_is_refused(tmp_path):
    (tmp_path / "x.dat").write_text("一段文字\n又一段\n", "utf-8")
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "folder").mkdir()
    for name, reason in (("x.dat", "say --from"), ("x.zip", "unpack it"), ("folder", "no"), ("y", "no such file")):
        with pytest.raises(InterchangeError, match=reason):
            detect(tmp_path / name)


def test_an_ending_that_two_formats_have_is_refused():
    assert target(Path("x.json")) == "label-studio"
    assert target(Path("folder")) == "markup"
    with pytest.raises(InterchangeError, match="--to jsonl or --to doccano"):
        target(Path("x.jsonl"))
    with pytest.raises(InterchangeError, match="no format ends in"):
        target(Path("x.docx"))


@pytest.mark.parametrize("form", WRITTEN)
def test_nothing_is_ever_overwritten(form, tmp_path):
    path, _ = there([PARTLY], form, tmp_path)
    before = sorted((p.name, p.read_bytes()) for p in ([path] if path.is_file() else path.iterdir()))
    with pytest.raises(OutputError, match="exists"):
        there(SHIPPED, form, tmp_path)
    assert before == sorted((p.name, p.read_bytes()) for p in ([path] if path.is_file() else path.iterdir()))
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_cell_that_excel_cannot_hold_is_refused(tmp_path):
    long = replace(PARTLY, units=(replace(PARTLY.units[2], text="调" * 40_000),))
    with pytest.raises(InterchangeError, match="fits no cell"):
        there([long], "xlsx", tmp_path)
    assert there([long], "csv", tmp_path)[0].exists()


def test_the_interface_names_what_the_tasks_hold():
    from lxml import etree

    config = etree.fromstring(labelling_config().encode())
    names = {e.get("name"): {c.get("alias") for c in e if c.get("alias")} for e in config.iter() if e.get("name")}
    assert names["primary"] == {*map(str, Dimension), "none"}
    assert names["topic"] == names["secondary"] == {str(d) for d in Dimension if d.is_topic}
    assert names["span"] == {"VALUE", "NAME"}
    assert names["uncoded"] == {"labels", "indicators"}
    shown = {e.get("value")[1:] for e in config.iter() if (e.get("value") or "").startswith("$")}
    data = json.loads(render_annotations([from_gold(PARTLY)], "label-studio", Issues()))[0]["data"]
    assert shown <= data.keys()


def test_rows_know_the_lines_around_them():
    found = list(rows(from_gold(PARTLY), origin=None))
    assert [(r.unit, r.start) for r in found] == [(3, 13), (4, 24), (5, 35), (6, 49)]
    assert [line.text for line in found[0].before] == ["青柳镇报告", "一、主要做法"]
    assert [line.text for line in found[-1].after] == ["青柳镇人民政府"]
    assert found[1].line.headings == ("一、主要做法",)


def test_tagging_loads_none_of_this():
    code = (
        "import sys, lawgov_nlp.model.tagger; print([m for m in sys.modules if m.startswith('lawgov_nlp.annotation')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
