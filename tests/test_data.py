"""The annotated reports: they follow the markup, and the structure and quantity rules read them as they are coded."""

import runpy

import pytest

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.markup import read_markup_folder
from lawgov_nlp.evaluation.agreement import compare
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.quantity import read_quantity
from lawgov_nlp.scheme import Dimension

from .conftest import ROOT

FOLDERS = {"composed": ROOT / "data", "modelled": ROOT / "data" / "modelled"}


@pytest.fixture(scope="module", params=list(FOLDERS))
def folder(request):
    return FOLDERS[request.param]


@pytest.fixture(scope="module")
def splits(folder):
    return load_splits(folder)


@pytest.fixture(scope="module")
def reports(splits):
    return [report for split in splits.values() for report in split]


def test_the_test_split_is_the_hashed_one(splits):
    assert {name: len(split) > 5 for name, split in splits.items()} == dict.fromkeys(("train", "dev", "test"), True)


def test_every_dimension_is_in_every_split(splits):
    for split in splits.values():
        assert {u.primary for r in split for u in r.units if u.kind is LineKind.BODY} == {None, *Dimension}


def test_structure_reads_the_units_as_coded(reports):
    wrong = [
        (report.id, str(gold.kind), str(read.kind), read.text[:30])
        for report in reports
        for gold, read in zip((u for u in report.units if u.text.strip()), parse_report(report.text).units, strict=True)
        if gold.kind is not read.kind
    ]
    assert len(wrong) <= 0.002 * sum(len(r.units) for r in reports), wrong


def test_every_value_reads_as_a_number(reports):
    unread = [
        (report.id, unit.text[slice(*i.value)])
        for report in reports
        for unit in report.units
        for i in unit.indicators
        if read_quantity(unit.text, *i.value).number is None
    ]
    assert unread == []


def test_no_coded_span_is_doubtful(reports):
    doubts = runpy.run_path(str(ROOT / "training" / "check_data.py"))["doubts"]
    assert [line for report in reports for line in doubts(report)] == []


def test_reports_do_not_repeat_each_other(reports):
    """Set phrases are allowed for, copied passages are not."""
    census = runpy.run_path(str(ROOT / "training" / "census.py"))
    everything, free = census["shared_runs"](reports, census["set_phrases"](ROOT / "data"))
    assert everything < 0.01
    assert free < 0.003


def test_the_second_coding_agrees_with_what_was_settled(reports, folder):
    second = read_markup_folder(folder / "second_coding")
    settled = {report.id: report for report in reports}
    agreement = compare([settled[report.id] for report in second], second)
    paragraphs = sum(unit.kind is LineKind.BODY for report in reports for unit in report.units)
    assert agreement.support["paragraphs"] >= 0.2 * paragraphs
    assert agreement.figures["primary_kappa"] > 0.97
    assert agreement.figures["value_span_f1"] > 0.99
    assert min(row["primary_kappa"] for row in agreement.per_dimension.values()) > 0.9


HELD_OUT_ALSO_HAS = (
    "坚持以习近平新时代中国特色社会主义思想为指导，全面贯彻党的二十大精神",
    "根据《法治政府建设实施纲要（2021—2025年）》",
    "法治政府建设取得新成效。现将有关情况报告如下：一、",
    "报告如下：一、推进法治政府建设的主要举措和成效（一）",
)
"""Set phrases of the genre that the held-out reports and ours share."""


def test_nothing_is_copied_from_the_held_out_reports(reports):
    held_out = runpy.run_path(str(ROOT / "training" / "held_out.py"))
    prints = held_out["read_fingerprints"]()
    assert len(prints) > 500
    copied = [
        (report.id, run)
        for report in reports
        for run in held_out["runs"](report.text)
        if held_out["fingerprint"](run) in prints and not any(run in phrase for phrase in HELD_OUT_ALSO_HAS)
    ]
    assert copied == []


def test_a_copied_passage_would_be_found():
    held_out = runpy.run_path(str(ROOT / "training" / "held_out.py"))
    passage = HELD_OUT_ALSO_HAS[0]  # 31 characters, seven runs
    prints = [held_out["fingerprint"](run) for run in held_out["runs"](passage)]
    assert {p for p in prints if p} <= held_out["read_fingerprints"]()
    assert 0 < len([p for p in prints if p]) < len(prints)


def test_the_census_is_what_the_data_give():
    census = runpy.run_path(str(ROOT / "training" / "census.py"))
    assert (ROOT / "data" / "CENSUS.md").read_text("utf-8") == census["census"](ROOT / "data")
