"""Tables from files to indicators: the model of a table, its figures, and every form that shows or keeps them."""

from __future__ import annotations

import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import html as lxml_html
from openpyxl import load_workbook

from lawgov_nlp.annotation.formats.predictions import from_tagged
from lawgov_nlp.readers.load import read_report
from lawgov_nlp.report import Cell, LineKind, Report, Table
from lawgov_nlp.results.figures import figures
from lawgov_nlp.results.paragraph import CellPlace, Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers import write_reports
from lawgov_nlp.scheme import Dimension
from tests.invariants import check_report

# a module of its own name: the folder of the scripts stays off the path
_SPEC = importlib.util.spec_from_file_location(
    "score_tables", Path(__file__).resolve().parents[1] / "training/tables.py"
)
script = importlib.util.module_from_spec(_SPEC)
sys.modules["score_tables"] = script  # its dataclasses look themselves up there
_SPEC.loader.exec_module(script)
FORMATS, SPLITS, WRITERS, Counts = script.FORMATS, script.SPLITS, script.WRITERS, script.Counts
load_tables, score = script.load_tables, script.score

pytestmark = pytest.mark.usefixtures("chinese_font")
DEV = {table.id: table for table in load_tables("dev")}


def written(name: str, form: str, folder: Path) -> Report:
    WRITERS[form](DEV[name], folder / f"a.{form}")
    return read_report(folder / f"a.{form}")


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("split", SPLITS)
def test_the_scores_hold(tmp_path: Path, split: str, form: str) -> None:
    counts = Counts()
    for table in load_tables(split):
        WRITERS[form](table, tmp_path / f"a.{form}")
        score(table, tmp_path / f"a.{form}", counts)
    assert min(counts.f1(what) for what in ("name", "number", "unit")) >= (0.9 if form == "pdf" else 0.95)


@pytest.mark.parametrize("form", FORMATS)
def test_a_table_with_two_rows_of_headings(tmp_path: Path, form: str) -> None:
    report = written("d02", form, tmp_path)
    check_report(report)
    (table,) = report.tables
    assert (table.caption, table.header_rows, table.rows, table.columns) == ("岚水镇2023年行政处罚情况统计表", 2, 7, 5)
    assert table.headings == ("（二）推进综合行政执法改革",)
    assert table.notes == ("注：罚没金额为实际入库数。",)
    places = table.places()
    assert places[0, 2] is places[0, 3]
    assert places[0, 4] is places[1, 4]
    assert [report.text[c.start : c.end] for c in table.cells] == [c.text for c in table.cells]
    kinds = {u.text.split("\t")[0]: u.kind for u in report.units}
    assert kinds["合计"] is LineKind.TABLE
    assert kinds["注：罚没金额为实际入库数。"] is LineKind.BODY
    found = {(f.cell.row, f.cell.column): f for f in figures(table)}
    assert (found[2, 4].name, found[2, 4].number, found[2, 4].unit) == ("城市管理罚没金额", Decimal(38600), "元")
    assert (4, 4) not in found  # —
    assert found[6, 2].total
    assert not found[5, 2].total


def test_a_table_over_two_pages(tmp_path: Path) -> None:
    report = written("d14", "pdf", tmp_path)
    (table,) = report.tables
    assert table.rows == 8
    assert report.text.count("村（社区）\t婚姻家庭") == 2  # the headings of the second page stay in the text


def test_a_caption_and_a_unit_in_the_first_rows(tmp_path: Path) -> None:
    (table,) = written("d07", "docx", tmp_path).tables
    assert (table.caption, table.unit) == ("2023年度行政执法案件统计表", "件、万元")
    assert (table.first_row, table.header_rows) == (2, 1)


@pytest.mark.parametrize(
    ("rows", "tables"),
    [
        ("<tr><td>云司发〔2024〕3号</td><td>签发人：李某</td></tr><tr><td>甲</td><td>乙</td></tr>", 0),
        ("<tr><td>一</td><td>二</td></tr>", 0),
        ("<tr><td>甲</td></tr><tr><td>乙</td></tr>", 0),
        ("<tr><td>项目</td><td>件数</td></tr><tr><td>调解</td><td>3</td></tr>", 1),
        ("<tr><td colspan=999999999999>项目</td></tr><tr><td rowspan=-3>调解</td><td>3</td></tr>", 1),
        ("<tr><td>项目</td><td>件数</td></tr><tr><td>调解</td><td><table><tr><td>3</td><td>4</td></tr></table></td></tr>", 1),
        ("<tr><td>问题</td><td>整改</td></tr>" + f"<tr><td>一</td><td>{'加强学习，落实责任，' * 8}。</td></tr>" * 3, 0),
    ],
)  # fmt: skip
def test_what_is_a_table(tmp_path: Path, rows: str, tables: int) -> None:
    body = "今年以来，镇政府坚持依法行政，全面推进法治政府建设，各项工作取得明显成效，群众满意。" * 2
    (tmp_path / "a.html").write_text(f"<div><p>{body}</p><table>{rows}</table></div>", encoding="utf-8")
    report = read_report(tmp_path / "a.html")
    check_report(report)
    assert len(report.tables) == tables


def test_cells_that_lie_over_another_are_refused() -> None:
    cells = (Cell(text="a", start=0, end=1, row=0, column=0, rows=2), Cell(text="b", start=2, end=3, row=1, column=0))
    with pytest.raises(ValueError, match="over another"):
        Table(text="a\tb", start=0, end=3, rows=2, columns=1, cells=cells)


def tagged(folder: Path) -> TaggedReport:
    """A report with a table as if a model had tagged it, text like a formula or a tag in its cells included."""
    table = (
        "<tr><td>项目</td><td>件数</td></tr><tr><td>=1+1&lt;b&gt;</td><td>3</td></tr><tr><td>合计</td><td>3</td></tr>"
    )
    title = "<h1>青溪镇2023年法治政府建设报告</h1>"
    body = "二〇二三年，镇政府坚持依法行政，全面推进法治政府建设，各项工作取得明显成效，群众满意。" * 2
    (folder / "a.html").write_text(f"<div>{title}<p>{body}</p><table>{table}</table></div>", encoding="utf-8")
    report = read_report(folder / "a.html")
    paragraphs = tuple(
        TaggedParagraph(text=p.text, start=p.start, end=p.end, headings=p.headings, label=None, labels=(), scores={})
        for p in report.paragraphs
    )
    made = tuple(
        Indicator(
            text=f.text,
            start=f.start,
            end=f.end,
            name=f.name,
            number=f.number,
            unit=f.unit,
            qualifier=Qualifier.EXACT,
            dimension=Dimension.MEDIATION,
            table=CellPlace(table=0, row=f.cell.row, column=f.cell.column),
            total=f.total,
        )
        for f in figures(report.tables[0])
    )
    return TaggedReport(**vars(report), tagged=paragraphs, table_indicators=made)


def test_every_form_keeps_the_table(tmp_path: Path) -> None:
    report = tagged(tmp_path)
    assert [(i.name, i.total) for i in report.indicators] == [("=1+1<b>", False), ("件数", True)]
    assert TaggedReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    frame = report.to_frame("indicators")
    assert frame["row"].tolist() == [1, 2]
    assert frame["total"].tolist() == [0, 1]
    assert frame["paragraph"].isna().all()
    assert frame["sentence"][0] == "=1+1<b>\t3"
    assert report.to_frame("cells")["text"].tolist() == ["项目", "件数", "=1+1<b>", "3", "合计", "3"]
    (path,) = write_reports([report], tmp_path / "a.xlsx")
    texts = [c for row in load_workbook(path)["表格"].iter_rows() for c in row if c.value == "=1+1<b>"]
    assert len(texts) == 1
    assert texts[0].data_type == "s"
    page = report.to_html()
    assert "<b>3" not in page
    root = lxml_html.fromstring(page)
    (grid,) = root.xpath("//div[contains(@class, 'grid')]/table")
    assert [[c.text_content().strip() for c in row] for row in grid] == [
        ["项目", "件数"],
        ["=1+1<b>", "3"],
        ["合计", "3"],
    ]
    for link in grid.xpath(".//a"):
        assert root.xpath(f"//*[@id='{link.get('href')[1:]}']")


def test_the_terminal_shows_a_table(tmp_path: Path) -> None:
    from rich.console import Console

    from lawgov_nlp.cli.terminal import report_table

    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report_table(tagged(tmp_path)))
    assert "表格 1" in console.export_text()


def test_labelling_leaves_tables_alone(tmp_path: Path) -> None:
    report = tagged(tmp_path)
    lines = from_tagged(report, "a").lines
    assert [line.text for line in lines if line.kind is LineKind.TABLE] == ["项目\t件数", "=1+1<b>\t3", "合计\t3"]
    assert not any(line.values for line in lines if line.kind is LineKind.TABLE)


@pytest.mark.parametrize("change", [{"table": 1}, {"row": 9}, {"column": -1}])
def test_places_outside_are_refused(tmp_path: Path, change: dict[str, int]) -> None:
    data = tagged(tmp_path).to_dict()
    data["table_indicators"][0]["table"] |= change
    with pytest.raises(ValueError, match="stands"):
        TaggedReport.from_dict(data)


def test_the_model_gives_the_topic(tiny, tmp_path: Path) -> None:
    report = tiny.tag(written("d20", "docx", tmp_path))
    assert [i.name for i in report.table_indicators if i.table.column == 1] == [
        "检查用人单位", "受理投诉举报", "为劳动者追回工资待遇", "仲裁结案率",
    ]  # fmt: skip
    assert all(i.dimension.is_topic for i in report.table_indicators)
    assert TaggedReport.from_dict(report.to_dict()) == report
