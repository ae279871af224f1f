"""Workbooks, csv files and zips of reports as sources, the strange and the hostile ones too."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import read_file
from lawgov_nlp.readers.find import find_reports
from lawgov_nlp.readers.load import read_report
from lawgov_nlp.readers.yearbook import split_report
from lawgov_nlp.report import LineKind
from lawgov_nlp.results.figures import figures
from lawgov_nlp.results.tables import columns
from tests.invariants import check_report, check_source

ROWS = [
    ["青溪县2023年行政执法情况统计表"],
    ["单位：件"],
    ["类别", "案件", None, "完成率"],
    [None, "立案", "结案", None],
    ["城市管理", 120, 118, 0.9833],
    ["市场监管", 35, 35, 1],
    ["合计", 155, 153, 0.987],
    [],
    ["注：数据截至年底。"],
]


def workbook(path: Path) -> Path:
    book = Workbook()
    sheet = book.active
    for row in ROWS:
        sheet.append(row)
    for ref in ("A1:D1", "A3:A4", "B3:C3", "D3:D4"):
        sheet.merge_cells(ref)
    for row in (5, 6, 7):
        sheet.cell(row, 4).number_format = "0.00%"
    book.create_sheet("草稿").sheet_state = "hidden"
    second = book.create_sheet("培训")
    second.append(["日期", "人数（人）"])
    second.append([date(2023, 5, 6), 40])
    book.save(path)
    return path


def test_a_workbook(tmp_path: Path) -> None:
    report = read_report(workbook(tmp_path / "a.xlsx"))
    check_report(report)
    assert (report.title, report.year, report.issuer) == (ROWS[0][0], 2023, "青溪县")
    first, second = report.tables
    assert (first.caption, first.unit, first.header_rows) == ("青溪县2023年行政执法情况统计表", "件", 2)
    found = [(f.name, f.number, f.unit, f.total) for f in figures(first)]
    assert found[:3] == [
        ("城市管理案件立案", Decimal(120), "件", False),
        ("城市管理案件结案", Decimal(118), "件", False),
        ("城市管理完成率", Decimal("98.33"), "%", False),
    ]
    assert found[-1] == ("完成率", Decimal("98.7"), "%", True)
    assert "2023年5月6日\t40" in report.text
    assert [f.unit for f in figures(second)] == ["人"]
    assert report.warnings == ("hidden sheets were left out: 草稿",)
    assert all(u.kind is not LineKind.BODY for u in report.units if "\t" in u.text)


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8-sig", ","), ("gb18030", ","), ("utf-16", "\t"), ("utf-8", ";")]
)
def test_csv(tmp_path: Path, encoding: str, delimiter: str) -> None:
    rows = [["事项", "数量（件）"], ["调解“邻里”纠纷", "1,204" if delimiter != "," else '"1,204"'], ["信访", "31"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    report = read_report(tmp_path / "a.csv")
    check_report(report)
    (table,) = report.tables
    assert [(f.name, f.number, f.unit) for f in figures(table)] == [
        ("调解“邻里”纠纷", Decimal(1204), "件"),
        ("信访", Decimal(31), "件"),
    ]


def test_own_results_are_no_reports(tmp_path: Path) -> None:
    head = [c.name for c in columns("paragraphs")]
    (tmp_path / "a.csv").write_text(",".join(head) + "\n1,2\n", encoding="utf-8-sig")
    book = Workbook()
    book.active.append(head)
    book.save(tmp_path / "a.xlsx")
    for name in ("a.csv", "a.xlsx"):
        with pytest.raises(ReadError, match="lawgov wrote"):
            read_file(tmp_path / name)


@pytest.mark.slow
def test_ten_thousand_rows(tmp_path: Path) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(["村", "户数", "人数"])
    for n in range(10_000):
        sheet.append([f"第{n}村", n, 3 * n])
    book.save(tmp_path / "a.xlsx")
    begin = time.process_time()
    report = read_report(tmp_path / "a.xlsx")
    found = list(figures(report.tables[0]))
    assert (report.tables[0].rows, len(found)) == (10_001, 20_000)
    assert time.process_time() - begin < 30


def changed(path: Path, member: str, change: bytes, to: bytes) -> Path:
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == member:
                assert change in data
                data = data.replace(change, to, 1)
            archive.writestr(info.filename, data)
    return path


def test_an_xml_bomb_is_refused(tmp_path: Path) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><worksheet'
    path = changed(workbook(tmp_path / "a.xlsx"), "xl/worksheets/sheet1.xml", b"<worksheet", bomb)
    with pytest.raises(ReadError, match="DOCTYPE"):
        read_file(path)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [(b'ref="A1:D1"', b'ref="A1:XFD1048576"'), (b'r="D7"', b'r="XFD7"'), (b'r="7"', b'r="1048576"')],
)
def test_places_far_out_cost_nothing(tmp_path: Path, was: bytes, becomes: bytes) -> None:
    path = changed(workbook(tmp_path / "a.xlsx"), "xl/worksheets/sheet1.xml", was, becomes)
    source = read_file(path)
    check_source(source)
    assert "城市管理\t120\t118" in source.text


def test_damaged_and_encrypted_workbooks(tmp_path: Path) -> None:
    data = workbook(tmp_path / "a.xlsx").read_bytes()
    for share in (0.02, 0.5, 0.95):
        (tmp_path / "b.xlsx").write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ReadError, match="damaged"):
            read_file(tmp_path / "b.xlsx")
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le")
    (tmp_path / "c.xlsx").write_bytes(ole)
    with pytest.raises(ReadError, match="password"):
        read_file(tmp_path / "c.xlsx")


def test_tables_in_folders_are_passed_over(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx")
    (tmp_path / "b.txt").write_text("一、工作\n今年调解纠纷3件。", encoding="utf-8")
    assert find_reports(tmp_path) == [tmp_path / "b.txt"]
    assert find_reports(tmp_path / "a.xlsx") == [tmp_path / "a.xlsx"]
    assert load_workbook(tmp_path / "a.xlsx").sheetnames[0] == "Sheet"


TEXT = "青石镇2023年法治政府建设报告\n一、工作\n今年以来，镇政府调解纠纷31件。\n青石镇人民政府\n2024年1月8日"


def zipped(path: Path, members: dict[str, bytes], *, gb: bool = False) -> Path:
    """A zip; with `gb` its names are in GB18030 without the flag of UTF-8, as Windows in Chinese writes them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name.encode("gb18030").decode("cp437") if gb else name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    if gb:  # zipfile writes what is beyond ASCII in UTF-8 and says so
        data = path.read_bytes()
        for name in members:
            raw = name.encode("gb18030")
            coded = raw.decode("cp437").encode("utf-8")
            data = data.replace(coded, raw + b"_" * (len(coded) - len(raw) - 4) + b".txt")
        path.write_bytes(data.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"))
    return path


def test_a_zip_of_reports(tmp_path: Path) -> None:
    files = {
        "2023/青石镇.txt": TEXT.encode(),
        "说明.pdf.lnk": b"x",
        "__MACOSX/._a.txt": b"x",
        "../出去.txt": TEXT.encode(),
    }
    path = zipped(tmp_path / "a.zip", {**files, "数据.csv": b"a,b\n1,2"})
    found = find_reports(path)
    assert [p.relative_to(path).as_posix() for p in found] == ["2023/青石镇.txt", "出去.txt"]
    assert read_report(found[0]).year == 2023
    assert read_report(found[0]).source == str(path / "2023" / "青石镇.txt")
    (tmp_path / "b.txt").write_text(TEXT, encoding="utf-8")
    assert find_reports(tmp_path) == [*found, tmp_path / "b.txt"]
    with pytest.raises(ReadError, match="one by one"):
        read_file(path)
    with pytest.raises(ReadError, match="no such file"):
        read_file(path / "没有.txt")


def test_names_in_gb18030(tmp_path: Path) -> None:
    found = find_reports(zipped(tmp_path / "a.zip", {"青石镇": TEXT.encode()}, gb=True))
    assert [p.name.rstrip("_.tx") for p in found] == ["青石镇"]
    assert read_report(found[0]).year == 2023


def test_bombs_and_zips_in_zips_are_refused(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"a.txt": TEXT.encode()}).read_bytes()
    (tmp_path / "inner.zip").unlink()
    path = zipped(tmp_path / "a.zip", {"里.zip": inner, "b.txt": bytes(20_000_000), "c.txt": TEXT.encode()})
    problems: list[tuple[Path, Exception]] = []
    found = find_reports(path, on_error=lambda where, error: problems.append((where, error)))
    assert [p.name for p in found] == ["b.txt", "c.txt"]
    assert "a zip in a zip" in str(problems[0][1])
    with pytest.raises(ReadError, match="bomb"):
        read_report(found[0])
    assert read_report(found[1]).title
    (tmp_path / "a.zip").write_bytes(path.read_bytes()[:300])
    with pytest.raises(ReadError, match="damaged"):
        find_reports(tmp_path / "a.zip")


def test_a_folder_with_a_zip_is_tagged_in_parts_and_resumed(tmp_path: Path, base: Path) -> None:
    from lawgov_nlp.batch.folder import tag_folder

    (tmp_path / "in").mkdir()
    zipped(tmp_path / "in" / "a.zip", {"青石镇.txt": TEXT.encode()})
    for added in (1, 0):
        run = tag_folder(tmp_path / "in", tmp_path / "out", model=base, workers=0)
        assert (run.reports, run.added, run.failures) == (1, added, ())


def test_several_reports_in_one_file(tmp_path: Path) -> None:
    body = "今年以来，坚持依法行政，全面推进法治政府建设，各项工作取得明显成效，调解纠纷{}件，群众满意度进一步提高。"
    towns = ("青石镇", "白水乡", "柳河街道办事处")
    contents = [f"{town}2023年法治政府建设年度报告" for town in towns]
    lines = ["法治政府建设年度报告汇编", *contents]
    for n, town in enumerate(towns):
        lines += [
            contents[n],
            "一、主要工作",
            body.format(n + 3) * 2,
            "二、下一步打算",
            body.format(9),
            town,
            "2024年1月8日",
        ]
    (tmp_path / "年鉴.txt").write_text("\n".join(lines), encoding="utf-8")
    report = read_report(tmp_path / "年鉴.txt")
    assert "3 reports" in report.warnings[-1]
    parts = split_report(report)
    assert [part.issuer for part in parts] == list(towns)
    assert [part.year for part in parts] == [2023] * 3
    assert report.text.endswith("".join(part.text for part in parts))
    assert [Path(part.source).name for part in parts] == ["年鉴.txt#1", "年鉴.txt#2", "年鉴.txt#3"]
    assert [len(part.warnings) for part in parts] == [1, 0, 0]  # the cover and the contents are left out
    for part in parts:
        check_report(part)
        assert split_report(part) == (part,)


def test_tables_stay_with_their_report(tmp_path: Path) -> None:
    body = (
        "<p>今年以来，坚持依法行政，全面推进法治政府建设，各项工作取得明显成效，群众满意度进一步提高，特此报告。</p>"
        * 2
    )
    table = "<table><tr><td>项目</td><td>件数</td></tr><tr><td>调解</td><td>{}</td></tr></table>"
    reports = [
        f"<p>{t}2023年法治政府建设年度报告</p>{body}{table.format(n)}" for n, t in enumerate(("青石镇", "白水乡"), 3)
    ]
    (tmp_path / "a.html").write_text(f"<div>{''.join(reports)}</div>", encoding="utf-8")
    parts = split_report(read_report(tmp_path / "a.html"))
    assert [[f.number for f in figures(t)] for part in parts for t in part.tables] == [[3], [4]]


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace("\n青石镇人民政府", "\n青石镇2023年法治政府建设报告\n青石镇人民政府")]
)
def test_one_report_is_not_split(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    report = read_report(tmp_path / "a.txt")
    assert report.warnings == ()
    assert split_report(report) == (report,)


def test_the_command_parts_a_yearbook(tmp_path: Path, base: Path) -> None:
    from typer.testing import CliRunner

    from lawgov_nlp.cli.main import app

    body = "今年以来，坚持依法行政，全面推进法治政府建设，各项工作取得明显成效，群众满意度进一步提高。" * 2
    reports = [f"{town}2023年法治政府建设年度报告\n{body}\n{town}\n2024年1月8日" for town in ("青石镇", "白水乡")]
    (tmp_path / "a.txt").write_text("\n".join(reports), encoding="utf-8")
    options = ["tag", str(tmp_path / "a.txt"), "--model", str(base), "--device", "cpu"]
    for more, sources in ((["--split"], ["a.txt#1", "a.txt#2"]), ([], ["a.txt"])):
        out = tmp_path / f"{len(more)}.jsonl"
        result = CliRunner().invoke(app, [*options, *more, "-o", str(out)])
        assert result.exit_code == 0, result.output
        reports = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        assert [Path(report["source"]).name for report in reports] == sources
    assert CliRunner().invoke(app, [*options, "--split", "--parts", "-o", str(tmp_path / "x")]).exit_code == 2
