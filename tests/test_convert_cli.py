"""`lawgov convert` and `lawgov agreement` as they are typed."""

import csv
import json
import shutil
import sys

import pytest
from typer.testing import CliRunner

from lawgov_nlp.annotation.formats import labelling_config
from lawgov_nlp.annotation.markup import read_markup_folder, to_markup
from lawgov_nlp.cli.main import app

from .conftest import ROOT
from .sample_report import sample

EXPORTS = ROOT / "tests" / "exports"
REPORTS = EXPORTS / "reports"
SECOND = ROOT / "data" / "second_coding"


def run(*args, code=0):
    result = CliRunner().invoke(app, [*map(str, args)])
    assert result.exit_code == code, result.output
    return result


def flat(text):
    return text.replace("\n", "")


def test_there_and_back(tmp_path):
    for name, options in (("x.json", ()), ("x.jsonl", ("--to", "doccano"))):
        out = run("convert", REPORTS, "-o", tmp_path / name, *options)
        assert "2 份报告，10 段：10 段已标维度，10 段已标指标（30 个数值）" in flat(out.stderr)
        run("convert", tmp_path / name, "-o", tmp_path / f"back-{name[2:]}")
        assert read_markup_folder(tmp_path / f"back-{name[2:]}") == read_markup_folder(REPORTS)


def test_what_is_lost_is_printed(tmp_path):
    out = run("convert", REPORTS, "-o", tmp_path / "x.conll")
    assert "注意 conll：30 处数值与名称的关联未写出" in flat(out.stderr)
    out = run("convert", EXPORTS / "doccano_spans.jsonl", "-o", tmp_path / "x")
    assert "28 个数值没有与名称的关联，按同一分句内最近的名称相连" in flat(out.stderr)


def test_labels_and_spans_in_one_go(tmp_path):
    run("convert", EXPORTS / "doccano_labels.jsonl", EXPORTS / "doccano_spans.jsonl", "-o", tmp_path / "x")
    reports = read_markup_folder(tmp_path / "x")
    assert all(u.labels_coded and u.indicators_coded for r in reports for u in r.units)


def test_tagged_reports_to_label(tmp_path):
    tagged = tmp_path / "tagged.jsonl"
    tagged.write_text(json.dumps(sample().to_dict(), ensure_ascii=False) + "\n", "utf-8")
    out = run("convert", tagged, "-o", tmp_path / "to_label.json", "--to", "label-studio")
    assert "出自模型" in flat(out.stderr)
    tasks = json.loads((tmp_path / "to_label.json").read_text("utf-8"))
    assert all(task["predictions"][0]["model_version"] == sample().model for task in tasks)


def test_the_labelling_interface(tmp_path):
    run("convert", "--labelling-config", "-o", tmp_path / "config.xml")
    assert (tmp_path / "config.xml").read_text("utf-8") == labelling_config()
    assert "exists" in run("convert", "--labelling-config", "-o", tmp_path / "config.xml", code=2).stderr


def test_two_annotators(tmp_path):
    path = EXPORTS / "label_studio_two_annotators.json"
    out = run("convert", path, "-o", tmp_path / "x", code=2)
    assert "--annotator" in flat(out.stderr)
    assert not (tmp_path / "x").exists()
    run("convert", path, "-o", tmp_path / "x", "--annotator", "1")
    assert read_markup_folder(tmp_path / "x") == [r for r in read_markup_folder(REPORTS) if r.id == "rare"]


@pytest.fixture
def spoilt(tmp_path):
    """An export in which a span of the first task is off by two."""
    tasks = json.loads((EXPORTS / "label_studio_coded.json").read_text("utf-8"))
    task = next(t for t in tasks if t["data"]["report"] == "rare")
    region = next(r for r in task["annotations"][0]["result"] if r["type"] == "labels")
    region["value"]["start"] += 2
    path = tmp_path / "spoilt.json"
    path.write_text(json.dumps(tasks, ensure_ascii=False), "utf-8")
    return path


def test_a_bad_row_stops_everything(spoilt, tmp_path):
    out = run("convert", spoilt, "-o", tmp_path / "x", code=2)
    assert f"{spoilt}:9 (task 9): the span" in flat(out.stderr)
    assert "would fit" in flat(out.stderr)
    assert "--skip-bad" in flat(out.stderr)
    assert [p.name for p in tmp_path.iterdir()] == ["spoilt.json"]


def test_skip_bad_converts_the_rest_and_keeps_the_bad_rows(spoilt, tmp_path):
    out = run("convert", spoilt, "-o", tmp_path / "x", "--skip-bad", code=1)
    assert "x.rejected.jsonl（1 行有误" in flat(out.stderr)
    (line,) = (tmp_path / "x.rejected.jsonl").read_text("utf-8").splitlines()
    rejected = json.loads(line)
    assert (rejected["row"], rejected["task"]) == (9, "9")
    assert "would fit" in rejected["reason"]
    assert rejected["record"]["data"]["report"] == "rare"
    kept = {r.id: r for r in read_markup_folder(tmp_path / "x")}
    whole = {r.id: r for r in read_markup_folder(REPORTS)}
    assert kept["k08"] == whole["k08"]
    assert kept["rare"].text == whole["rare"].text
    assert [u.labels_coded for u in kept["rare"].units] == [True, True, False, True, True]
    again = run("convert", spoilt, "-o", tmp_path / "y", "--skip-bad", code=1)  # another OUT has rows of its own
    assert "y.rejected.jsonl" in flat(again.stderr)
    (tmp_path / "z.rejected.jsonl").write_text("mine")
    assert "exists" in flat(run("convert", spoilt, "-o", tmp_path / "z", "--skip-bad", code=2).stderr)
    assert not (tmp_path / "z").exists()


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((REPORTS,), "say where to write to"),
        (("-o", "x.json"), "name the files"),
        ((REPORTS, "-o", "x.jsonl"), "say --to jsonl or --to doccano"),
        ((REPORTS, "-o", "x.docx"), "no format ends in"),
        ((REPORTS, "-o", "x", "--to", "word"), "'word' can't be written"),
        ((REPORTS, "-o", "x", "--to", "tagged"), "'tagged' can't be written"),
        ((REPORTS, "-o", "x", "--from", "word"), "format 'word' is unknown"),
        ((REPORTS, "-o", "x", "--layers", "all"), "--layers all is unknown"),
        ((REPORTS, "-o", "x", "--offsets", "bytes"), "--offsets bytes is unknown"),
        ((REPORTS, "-o", "x", "--annotator", "甲"), "nobody is called that"),
        ((REPORTS, "-o", "nowhere/x"), "the folder nowhere doesn't exist"),
        (("nothing", "-o", "x"), "no such file"),
        ((REPORTS, "-o", "x", "--labelling-config"), "reads nothing"),
        ((EXPORTS / "label_studio_min.json", "-o", "x"), "JSON-MIN"),
    ],
)
def test_wrong_options_are_explained(tmp_path, monkeypatch, args, reason):
    monkeypatch.chdir(tmp_path)
    assert reason in flat(run("convert", *args, code=2).stderr)
    assert [*tmp_path.iterdir()] == []


def test_an_output_is_never_replaced(tmp_path):
    (tmp_path / "x.json").write_text("mine")
    assert "exists" in run("convert", REPORTS, "-o", tmp_path / "x.json", code=2).stderr
    assert (tmp_path / "x.json").read_text() == "mine"


# agreement


@pytest.fixture
def other(tmp_path):
    """A second coding of the two reports, with one primary dimension, one value and one name different."""
    folder = tmp_path / "other"
    folder.mkdir()
    for report in read_markup_folder(REPORTS):
        text = to_markup(report)
        if report.id == "rare":
            text = (
                text.replace("[publicity]", "[training]")
                .replace("{a:6场|publicity}", "6场")
                .replace("<a:法治讲座>", "法治讲座")
            )
            text = text.replace("<a:调解矛盾纠纷>", "调解<a:矛盾纠纷>")
        (folder / f"{report.id}.txt").write_text(text, "utf-8")
    return folder


def test_agreement_of_two_folders(other, tmp_path):
    out = run("agreement", REPORTS, other, "-o", tmp_path / "differences.csv")
    assert "2 份报告，10 段；两边都标维度 10 段，都标指标 10 段，不同 3 处" in flat(out.stdout)
    assert "Krippendorff α" in out.stdout
    assert "主维度一致率          │ 0.900" in out.stdout
    with (tmp_path / "differences.csv").open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(r["report"], r["unit"], r["what"], r["value"], r["first"], r["second"]) for r in rows] == [
        ("rare", "3", "name/topic", "32件", "调解矛盾纠纷/mediation", "矛盾纠纷/mediation"),
        ("rare", "4", "labels", "", "publicity", "training"),
        ("rare", "4", "value", "6场", "6场", ""),
    ]
    assert "exists" in run("agreement", REPORTS, other, "-o", tmp_path / "differences.csv", code=2).stderr


@pytest.mark.parametrize(
    "name", ["label_studio_coded.json", "doccano_relations.jsonl", "doccano_slots.jsonl", "doccano_labels.jsonl"]
)
def test_agreement_across_formats(name, tmp_path):
    table = run("agreement", REPORTS, EXPORTS / name).stdout
    assert "不同 0 处" in flat(table)
    assert ("数值范围 F1" in table) == ("labels" not in name)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_agreement_with_a_table(ending, tmp_path):
    run("convert", REPORTS, "-o", tmp_path / f"x.{ending}")
    table = run("agreement", tmp_path / f"x.{ending}", EXPORTS / "doccano_labels.jsonl").stdout
    assert "两边都标维度 10 段，都标指标 0 段，不同 0 处" in flat(table)


def test_reports_of_one_side_are_counted(tmp_path):
    shutil.copytree(REPORTS, tmp_path / "one")
    (tmp_path / "one" / "k08.txt").unlink()
    out = run("agreement", tmp_path / "one", REPORTS)
    assert "1 份报告只在一边，未比较" in flat(out.stderr)


def test_a_missing_library_is_named(other, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    out = run("agreement", REPORTS, other, code=2)
    assert "sklearn.metrics is missing; install it with: pip install 'lawgov-nlp[train]'" in flat(out.stderr)


def test_agreement_of_nothing_shared_is_an_error(tmp_path):
    out = run("agreement", REPORTS, SECOND, code=2)
    assert "no report is in both codings" in flat(out.stderr)
    out = run("agreement", REPORTS, EXPORTS / "label_studio_two_annotators.json", code=2)
    assert "two codings of one paragraph" in flat(out.stderr)
