"""Files: whole or not at all, never over another, and no cell that runs."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from openpyxl import load_workbook

from lawgov_nlp.cli.agreement import _table as agreement_csv
from lawgov_nlp.cli.compare import _csv as compare_csv
from lawgov_nlp.errors import OutputError
from lawgov_nlp.evaluation.agreement import Difference
from lawgov_nlp.evaluation.comparison import Flip
from lawgov_nlp.results.stata import write_stata
from lawgov_nlp.results.tables import COLUMNS
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers import FORMATS, write_reports, xlsx
from lawgov_nlp.results.writers import parquet as parquet_writer
from lawgov_nlp.results.writers.csv import escape_cell, unescape_cell
from tests.sample_report import EXACT, L, build, sample

TABLES = {
    "csv": lambda p: pd.read_csv(p, encoding="utf-8-sig"),
    "parquet": pd.read_parquet,
}
DANGEROUS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", '=HYPERLINK("http://x")']


def hostile(text: str) -> TaggedReport:
    return build([("body", text, [L], [], [])], title=text, source="a.txt")


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_is_left_beside_the_files(format: str, tmp_path: Path) -> None:
    made = write_reports([sample()], tmp_path / f"a.{format}")
    assert sorted(made) == sorted(tmp_path.iterdir())
    assert len(made) == (3 if format in ("csv", "parquet") else 1)


def test_jsonl_reads_back(tmp_path: Path) -> None:
    reports = [sample(), TaggedReport(text="", units=(), tagged=())]
    (path,) = write_reports(iter(reports), tmp_path / "a.jsonl")
    lines = path.read_text(encoding="utf-8").split("\n")
    assert [TaggedReport.from_dict(json.loads(line)) for line in lines[:-1]] == reports
    assert lines[-1] == ""
    assert "松石镇" in lines[0]


@pytest.mark.parametrize("format", TABLES)
def test_two_tables(format: str, tmp_path: Path) -> None:
    made = write_reports([sample(), sample()], tmp_path / f"2023.{format}")
    assert [p.name for p in made] == [
        f"2023.{format}",
        f"2023-indicators.{format}",
        {"csv": "2023-codebook.csv", "parquet": "2023-parquet-codebook.csv"}[format],
    ]
    paragraphs, indicators = map(TABLES[format], made[:2])
    codebook = TABLES["csv"](made[2])
    assert codebook["column"].tolist() == [c.name for c in (*COLUMNS["paragraphs"], *COLUMNS["indicators"])]
    assert not codebook.isna().any().any()
    assert [*paragraphs] == [c.name for c in COLUMNS["paragraphs"]]
    assert len(paragraphs) == 20
    assert [*indicators] == [c.name for c in COLUMNS["indicators"]]
    assert len(indicators) == 70
    assert paragraphs["label"].tolist()[:2] == ["none", "leadership"]
    assert indicators["number"].max() == 86_000_000
    assert indicators["number"].isna().sum() == 2


def test_csv_is_for_excel_and_exact(tmp_path: Path) -> None:
    report = build([("body", "共5个村", [L], [], [("5个", "村", "1E+4", "个", EXACT, L)])])
    path, indicators, _ = write_reports([report], tmp_path / "a.csv")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with indicators.open(encoding="utf-8-sig", newline="") as file:
        assert [row["number"] for row in csv.DictReader(file)] == ["10000"]


@pytest.mark.parametrize("text", DANGEROUS)
def test_csv_cells_cant_run(text: str, tmp_path: Path) -> None:
    path, *_ = write_reports([hostile(text)], tmp_path / "a.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["text"] == row["title"] == f"'{text}"


def test_negative_numbers_stay_numbers(tmp_path: Path) -> None:
    report = build([("body", "降5个", [L], [], [("5个", None, "-5", "个", EXACT, L)])])
    _, path, _ = write_reports([report], tmp_path / "a.csv")
    assert TABLES["csv"](path)["number"].tolist() == [-5]


@pytest.mark.parametrize("text", [*DANGEROUS, "#N/A", "#REF!"])
def test_xlsx_cells_are_strings(text: str, tmp_path: Path) -> None:
    (path,) = write_reports([hostile(text)], tmp_path / "a.xlsx")
    cells = load_workbook(path)["段落"][2]
    assert {c.data_type for c in cells} <= {"s", "inlineStr", "n"}
    title = cells[1]
    assert str(title.value).strip() == text.strip()
    assert title.quotePrefix == (not text.startswith("#"))


def _rows(sheet) -> list[dict]:
    head, *rows = sheet.iter_rows()
    return [{h.value: c for h, c in zip(head, row, strict=True)} for row in rows]


def unsure() -> TaggedReport:
    """A report of which the model is unsure of the first paragraph."""
    report = sample()
    first, *others = report.tagged
    return replace(report, tagged=(replace(first, needs_review=True), *others))


def test_xlsx_layout(tmp_path: Path) -> None:
    (path,) = write_reports([unsure()], tmp_path / "a.xlsx")
    book = load_workbook(path)
    assert book.sheetnames == ["说明", "段落", "指标"]
    for what, name in (("paragraphs", "段落"), ("indicators", "指标")):
        sheet = book[name]
        assert sorted(c.value for c in sheet[1] if "：" not in c.value) == sorted(
            c.zh for c in COLUMNS[what] if "：" not in c.zh
        )
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        folded = [c.value for c in sheet[1] if sheet.column_dimensions[c.column_letter].hidden]
        assert {"起点", "终点", "模型"} <= {*folded}
        assert not {"来源文件", "主维度", "段落原文", "待复核", "指标名", "数值", "所在句子"} & {*folded}
        text = next(c for c in sheet[1] if c.value in ("段落原文", "所在句子"))
        assert sheet.column_dimensions[text.column_letter].width == 80
        assert sheet[f"{text.column_letter}2"].alignment.wrap_text
    rows = _rows(book["段落"])
    assert rows[0]["落款日期"].value == datetime(2024, 1, 12)
    assert {r["待复核"].value: r["段落原文"].fill.fgColor.rgb for r in rows} == {"否": "00000000", "是": "00FFF2CC"}
    numbers = [row["数值"].value for row in _rows(book["指标"])]
    assert numbers[:2] == [11, 6]
    assert 97.4 in numbers
    assert None in numbers
    readme = [[c.value for c in row] for row in book["说明"].iter_rows(min_row=2)]
    assert ["指标", "数值原文", "数值原文", "value"] in readme
    assert readme[-1][:3] == ["报告/松石镇2023.docx", "注意", "1 个数值未能读出：三四次"]


def test_xlsx_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAWGOV_LANG", "en")
    (path,) = write_reports([unsure()], tmp_path / "a.xlsx")
    book = load_workbook(path)
    assert book.sheetnames == ["readme", "paragraphs", "indicators"]
    for what in COLUMNS:
        assert sorted(c.value for c in book[what][1]) == sorted(c.name for c in COLUMNS[what])
    assert {row["needs_review"].value for row in _rows(book["paragraphs"])} == {"no", "yes"}


@pytest.mark.parametrize("what", COLUMNS)
def test_stata(what: str, tmp_path: Path) -> None:
    """A report without a document number, whose column is all missing, and a text that is longer than Stata's strings."""
    reports = [hostile("=" + "字" * 3000), build([("body", "降5个", [L], [], [("5个", None, "-5", "个", EXACT, L)])])]
    write_stata(reports, tmp_path / "a.dta", what)
    with pd.io.stata.StataReader(tmp_path / "a.dta") as file:
        table, labels = file.read(), file.variable_labels()
    assert [*table] == [{"end": "end_"}.get(c.name, c.name) for c in COLUMNS[what]]
    assert labels["title"] == "报告标题"
    assert (table["doc_number"] == "").all()
    if what == "paragraphs":
        assert len(table["text"][0]) == 3001
    sample().to_stata(tmp_path / "b.dta", what)
    with pytest.raises(OutputError, match="exists"):
        sample().to_stata(tmp_path / "b.dta", what)


def test_every_column_is_told_in_help() -> None:
    told = TaggedReport.to_frame.__doc__ or ""
    for those in COLUMNS.values():
        for column in those:
            assert column.zh
            assert f" {column.name} (" in told
            assert column.en in told


def test_xlsx_reports_what_a_cell_cant_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (path,) = write_reports([hostile("\x0b垂" + "𠮷" * 20_000)], tmp_path / "a.xlsx")
    book = load_workbook(path)
    text = {h.value: c.value for h, c in zip(book["段落"][1], book["段落"][2], strict=True)}["段落原文"]
    assert text.startswith("\ufffd垂𠮷")
    assert len(text.encode("utf-16-le")) // 2 in (32_766, 32_767)
    notes = [row[2].value for row in book["说明"].iter_rows(min_row=2) if row[1].value == "注意"]
    assert any("1 个控制字符" in n for n in notes)
    assert any("原文 40,002 字" in n for n in notes)
    assert "超出 Excel 单元格上限" in caplog.text


def test_xlsx_row_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "_ROW_LIMIT", 15)
    with pytest.raises(OutputError, match=r"more than 15 rows of indicators.*use csv or parquet"):
        write_reports([sample()], tmp_path / "a.xlsx")
    assert not [*tmp_path.iterdir()]


def test_parquet_types_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    monkeypatch.setattr(parquet_writer, "_ROW_GROUP", 15)
    path, *_ = write_reports([sample()] * 5, tmp_path / "a.parquet")
    file = parquet.ParquetFile(path)
    assert (file.metadata.num_rows, file.num_row_groups) == (50, 3)
    assert str(file.schema_arrow.field("year").type) == "int64"
    empty = write_reports([], tmp_path / "empty.parquet")
    assert parquet.read_schema(empty[0]) == file.schema_arrow


def test_html_one_page(tmp_path: Path) -> None:
    (path,) = write_reports([sample()], tmp_path / "a.html")
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    with pytest.raises(OutputError, match="can hold one report; for several name a folder"):
        write_reports([sample(), sample()], tmp_path / "b.html")
    with pytest.raises(OutputError, match="no report to write"):
        write_reports([], tmp_path / "b.html")


def test_html_folder(tmp_path: Path) -> None:
    names = ["x/一 号.docx", "C:\\y\\一 号.pdf", "index.txt", "../..", None]
    reports = [build([("body", "文", [L], [], [])], source=name, title="<b>") for name in names]
    made = write_reports(reports, tmp_path / "pages", format="html")
    pages = ["一_号.html", "一_号-2.html", "index-2.html", "report.html", "b.html"]
    assert [p.name for p in made] == ["index.html", *pages]
    assert sorted(made) == sorted((tmp_path / "pages").iterdir())
    assert [p.name for p in tmp_path.iterdir()] == ["pages"]
    index = made[0].read_text(encoding="utf-8")
    assert 'href="%E4%B8%80_%E5%8F%B7-2.html"' in index
    assert "<b>" not in index


def test_html_folder_beside_other_pages(tmp_path: Path) -> None:
    write_reports([sample()], tmp_path, format="html", overwrite=False)
    with pytest.raises(OutputError, match=r"index\.html exists"):
        write_reports([sample()], tmp_path, format="html")
    assert len(write_reports([sample()], tmp_path, format="html", overwrite=True)) == 2
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file; name a folder"):
        write_reports([sample()], tmp_path / "file", format="html")


@pytest.mark.parametrize("format", FORMATS)
def test_existing_files_stay(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    path.write_text("mine")

    def reports() -> Iterator[TaggedReport]:
        raise AssertionError("refused too late: tagging has begun")
        yield

    with pytest.raises(OutputError, match="exists; choose another name"):
        write_reports(reports(), path)
    assert path.read_text() == "mine"
    assert [*tmp_path.iterdir()] == [path]
    write_reports([sample()], path, overwrite=True)
    assert path.read_bytes() != b"mine"


def test_second_table_is_guarded_too(tmp_path: Path) -> None:
    (tmp_path / "a-indicators.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"a-indicators\.csv exists"):
        write_reports([sample()], tmp_path / "a.csv")
    assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.filterwarnings("error")
def test_a_failing_reader_leaves_nothing_and_keeps_its_error(format: str, tmp_path: Path) -> None:
    def reports() -> Iterator[TaggedReport]:
        yield sample()
        raise FileNotFoundError("b.docx")

    with pytest.raises(FileNotFoundError, match=r"b\.docx"):
        write_reports(reports(), tmp_path / f"a.{format}")
    assert not [*tmp_path.iterdir()]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    def reports() -> Iterator[TaggedReport]:
        yield sample()
        (tmp_path / "a.jsonl").write_text("mine")

    with pytest.raises(OutputError, match="exists"):
        write_reports(reports(), tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == "mine"


def test_refusals(tmp_path: Path) -> None:
    for path, format, message in [
        ("a.doc", None, r"can't tell the format.*\.jsonl, \.csv, \.xlsx, \.parquet, \.html"),
        ("pages", None, "format='html' for a folder"),
        ("a.csv", "xls", "unknown format 'xls'; use one of: jsonl"),
        ("no/a.csv", None, "doesn't exist; create it first"),
    ]:
        with pytest.raises(OutputError, match=message):
            write_reports([sample()], tmp_path / path, format)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        write_reports([sample()], tmp_path / "folder.csv", overwrite=True)
    with pytest.raises(TypeError, match=r"write_reports\(\[report\], path\)"):
        write_reports(sample(), tmp_path / "a.csv")  # type: ignore[arg-type]


@pytest.mark.parametrize("format", FORMATS)
def test_half_a_character_is_explained(format: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="half a character"):
        write_reports([hostile("甲\ud800")], tmp_path / f"a.{format}")
    assert not [*tmp_path.iterdir()]


def test_reports_without_rows_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_reports([TaggedReport(text="", units=(), tagged=(), source="leer.pdf")], tmp_path / "a.csv")
    assert "leer.pdf has no paragraphs" in caplog.text


def test_format_may_differ_from_the_suffix(tmp_path: Path) -> None:
    assert [p.name for p in write_reports([sample()], str(tmp_path / "a.txt"), "csv")] == [
        "a.txt",
        "a-indicators.txt",
        "a-codebook.csv",
    ]


@pytest.mark.parametrize("text", [*DANGEROUS, "'=1", "''=1", "'plain", "plain", ""])
def test_what_is_escaped_can_be_told_back(text):
    escaped = escape_cell(text)
    assert unescape_cell(escaped) == text
    assert not escaped.startswith(tuple("=+-@\t\r\n＝＋－＠"))


@pytest.mark.parametrize("text", DANGEROUS)
def test_no_csv_of_a_command_holds_a_formula(text):
    """Report text in what `lawgov compare` and `lawgov agreement` write."""
    flip = Flip(report=text, unit=1, headings=(text,), text=text, coded="plans", before="none", after="plans")
    difference = Difference(report=text, unit=1, what="value", value=text, first=text, second="", text=text)
    for content in (compare_csv([flip]), agreement_csv(SimpleNamespace(rows=[difference]))):
        (row,) = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]
        assert f"'{text}" in row
        assert text not in row
