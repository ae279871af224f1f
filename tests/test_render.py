"""Rows, frames and dictionaries: stable columns, exact round trip, refusals that say where."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from lawgov_nlp.errors import ReadError
from lawgov_nlp.results.indicator_roles import with_roles
from lawgov_nlp.results.roles import Role
from lawgov_nlp.results.serialize import FORMAT, to_dict
from lawgov_nlp.results.tables import COLUMNS, rows, to_frame
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import DIMENSIONS
from tests.sample_report import EXACT, L, build, sample


def test_round_trip_through_json_is_exact() -> None:
    report = sample()
    assert TaggedReport.from_dict(json.loads(json.dumps(to_dict(report), allow_nan=False))) == report
    assert TaggedReport.from_dict(report.to_dict()) == report


@pytest.mark.parametrize("number", ["15630000000", "0.1", "1.90", "-3", "12345678901234567890.123456789"])
def test_decimals_survive(number: str) -> None:
    report = build([("body", "共5个村", [L], [], [("5个", "村", number, "个", EXACT, L)])])
    (indicator,) = TaggedReport.from_dict(json.loads(json.dumps(to_dict(report)))).indicators
    assert str(indicator.number) == number


def test_empty_report_round_trips() -> None:
    report = TaggedReport(text="", units=(), tagged=())
    assert TaggedReport.from_dict(to_dict(report)) == report


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["format"], "lawgov-report/99", "format is 'lawgov-report/99', expected 'lawgov-report/1'"),
        (["text"], None, "text is None, expected str"),
        (["year"], "2023", "year is '2023', expected int or null"),
        (["year"], True, "year is True"),
        (["units"], {}, "units is {}, expected list"),
        (["warnings"], [1], "warnings holds 1, expected str"),
        (["units", 0], "一", "units[0] is '一', expected a dictionary"),
        (["units", 0, "kind"], "headline", "units[0].kind is 'headline'; use one of: title"),
        (["units", 1, "start"], 0, "units[1].text is '关于2023"),
        (["paragraphs", 1, "text"], "别的", "paragraphs[1].text is '别的', but"),
        (["paragraphs", 1, "label"], "宣传", "paragraphs[1].label is '宣传'; use one of: leadership"),
        (["paragraphs", 1, "label"], "plans", "paragraphs[1]: labels"),
        (["paragraphs", 1, "scores"], {"x": 1}, "paragraphs[1].scores is 'x'; use one of"),
        (["paragraphs", 1, "scores"], {"plans": "1"}, "paragraphs[1].scores.plans is '1', expected float"),
        (["paragraphs", 1, "indicators", 0, "number"], 6, "paragraphs[1].indicators[0].number is 6, expected str"),
        (["paragraphs", 1, "indicators", 0, "number"], "六", "indicators[0].number is '六', expected a decimal"),
        (["paragraphs", 1, "indicators", 0, "number"], "Infinity", "number is 'Infinity'"),
        (["paragraphs", 1, "indicators", 0, "number"], "1E+999999999", "number is '1E+999999999'"),
        (["paragraphs", 1, "indicators", 0, "end"], -1, "indicators[0].text is '6次'"),
        (["paragraphs", 1, "indicators", 0, "name_start"], None, "indicators[0].name_start is None, expected int"),
        (["paragraphs", 1, "indicators", 0, "dimension"], "plans", "indicators[0]: indicator '6次': dimension plans"),
        (["paragraphs"], [], "every body unit needs exactly one tagged paragraph"),
    ],
)
def test_bad_dictionaries_are_refused_with_place_and_reason(path: list[Any], value: object, message: str) -> None:
    data = copy.deepcopy(to_dict(sample()))
    at: Any = data
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(ReadError) as error:
        TaggedReport.from_dict(data)
    assert message in str(error.value)


def test_missing_fields_and_other_types_are_refused() -> None:
    data = to_dict(sample())
    del data["paragraphs"][2]["labels"]
    with pytest.raises(ValueError, match=r"paragraphs\[2\]\.labels is missing"):
        TaggedReport.from_dict(data)
    with pytest.raises(ValueError, match="got list"):
        TaggedReport.from_dict([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"format is None, expected '{FORMAT}'"):
        TaggedReport.from_dict({})


def test_paragraph_frame() -> None:
    report = sample()
    frame = to_frame(report)
    assert [*frame.columns] == [c.name for c in COLUMNS["paragraphs"]]
    assert len(frame) == len(report.paragraphs) == 10
    first, second = frame.iloc[0], frame.iloc[1]
    assert (first["label"], first["label_zh"], first["labels"]) == ("none", "无", "none")
    assert second["headings"] == "一、主要举措和成效 / （一）压实法治建设责任"
    assert frame["labels"][2] == "training+leadership"
    assert frame[[c for c in frame if c.startswith("score_")]].sum(axis=1).tolist() == pytest.approx([1] * 10)
    assert frame["year"].dtype == "Int64"
    assert frame["indicators"].sum() == len(report.indicators)
    for row in frame.itertuples():
        assert report.text[row.start : row.end] == row.text


def test_indicator_frame() -> None:
    report = sample()
    frame = to_frame(report, "indicators")
    assert [*frame.columns] == [c.name for c in COLUMNS["indicators"]]
    assert frame["number"].dtype == "float64"
    assert frame["number"].isna().sum() == 1
    row = frame[frame["value"] == "1.9万人次"].iloc[0]
    assert (row["number"], row["unit"], row["name"], row["qualifier_zh"]) == (19000, "人次", "走访", "确数")
    assert (row["paragraph"], row["paragraph_label"], row["dimension_zh"]) == (5, "publicity", "普法宣传")
    assert row["sentence"].startswith("以“八五”普法规划")
    assert row["sentence"].endswith("宣传栏若干。")
    for row in frame.itertuples():
        assert report.text[row.start : row.end] == row.value
        assert row.value in row.sentence
        assert report.text[row.name_start : row.name_end] == row.name


def test_roles_are_kept_and_shown() -> None:
    said = [("45件", "纠纷", "45", "件", EXACT, L), ("12件", "邻里纠纷", "12", "件", EXACT, L)]
    report = build([("body", "去年调解纠纷45件，其中邻里纠纷12件。", [L], [], said)])
    assert "role" not in to_dict(report)["paragraphs"][0]["indicators"][0]
    assert to_frame(report, "indicators")["role"].isna().all()
    report = replace(report, tagged=tuple(with_roles(p) for p in report.tagged))
    previous, part = report.indicators
    assert (previous.role, previous.part_of) == (Role.PREVIOUS, None)
    assert TaggedReport.from_dict(json.loads(json.dumps(to_dict(report)))) == report
    frame = to_frame(report, "indicators")
    assert frame["role_zh"].tolist()[0] == "上年"
    assert "确数 · 上年" in report.to_html()
    whole = replace(report.paragraphs[0], indicators=(previous, replace(part, role=Role.PART, part_of=previous.start)))
    assert to_frame(replace(report, tagged=(whole,)), "indicators")["part_of"][1] == previous.start
    with pytest.raises(ValueError, match="part_of is 99"):
        replace(whole, indicators=(previous, replace(part, part_of=99)))
    data = to_dict(report)
    data["paragraphs"][0]["indicators"][0]["role"] = "maybe"
    with pytest.raises(ReadError, match="use one of: done, plan"):
        TaggedReport.from_dict(data)


@pytest.mark.parametrize("what", [*COLUMNS])
def test_types_dont_depend_on_the_content(what: str) -> None:
    full, empty = to_frame(sample(), what), to_frame(TaggedReport(text="", units=(), tagged=()), what)
    assert len(empty) == 0
    assert full.dtypes.astype(str).tolist() == empty.dtypes.astype(str).tolist()


@pytest.mark.parametrize("what", [*COLUMNS])
def test_every_column_is_in_the_docstring(what: str) -> None:
    documented = (to_frame.__doc__ or "").replace(
        "score_leadership … score_plans", " ".join(f"score_{d}" for d in DIMENSIONS)
    )
    assert not [c.name for c in COLUMNS[what] if c.name not in documented]


def test_unknown_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"what='units': expected one of \['paragraphs', 'indicators', 'cells'\]"):
        to_frame(sample(), "units")


def test_rows_keep_the_exact_number() -> None:
    numbers = [row["number"] for row in rows(sample(), "indicators")]
    assert Decimal("86000000") in numbers
    assert None in numbers


def test_sentence_without_an_end() -> None:
    report = build([("body", "共5个村", [L], [], [("5个", None, "5", "个", EXACT, L)])])
    assert [row["sentence"] for row in rows(report, "indicators")] == ["共5个村"]


def test_confidence_is_the_score_of_the_label() -> None:
    report = sample()
    frame = to_frame(report)
    labelled = [p.scores[p.label] if p.label else p.none_score for p in report.paragraphs]
    assert frame["confidence"].tolist() == labelled
    assert frame["needs_review"].tolist() == [0] * len(labelled)


def test_what_needs_review_is_kept() -> None:
    report = sample()
    doubtful = replace(report, tagged=(replace(report.tagged[0], needs_review=True), *report.tagged[1:]))
    assert TaggedReport.from_dict(to_dict(doubtful)) == doubtful
    assert to_frame(doubtful)["needs_review"].sum() == 1
