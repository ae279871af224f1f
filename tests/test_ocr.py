"""Scans: pages read by OCR, their flags through all forms, and pictures that are no pages.

The models are in the extra `ocr`, which is no part of `test` (over 200 MB); without it the tests that need them are
skipped, and the others put what OCR would find in its place.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from PIL import Image, ImageDraw

from lawgov_nlp import TaggedReport
from lawgov_nlp.cli.terminal import report_table
from lawgov_nlp.errors import PageTimeoutError, ReadError
from lawgov_nlp.model.ocr_flags import DOUBTFUL
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.readers import ocr
from lawgov_nlp.readers.find import find_reports
from lawgov_nlp.readers.load import read_report
from lawgov_nlp.readers.pool import ReadingPool
from lawgov_nlp.report import OcrLine
from lawgov_nlp.results.page import to_html
from lawgov_nlp.results.tables import to_frame
from lawgov_nlp.results.writers import write_reports
from tests import hostile
from tests.sample_report import sample

needs_ocr = pytest.mark.skipif(not ocr.is_installed(), reason="the extra ocr is not installed")
without_ocr = pytest.mark.skipif(ocr.is_installed(), reason="the extra ocr is installed")

PAGE = (
    # left edge and baseline in points, text, confidence
    (140, 740, "云岭县石桥镇2023年法治政府建设报告", 0.99),
    (122, 690, "一、加强组织领导", 0.99),
    (122, 662, "全年召开党委会专题研究法治工作4次，镇长带头讲法治课2", 0.98),
    (90, 634, "次，推动工作落实。", 0.97),
    (122, 606, "受理各类矛盾纠纷112件，调解成功109件。", 0.8),
    (300, 550, "云岭县石桥镇人民政府", 0.99),
    (320, 522, "2024年1月8日", 0.99),
)


def pieces() -> tuple[ocr.Piece, ...]:
    made = []
    for x, y, text, confidence in PAGE:
        wide = sum(8 if c.isascii() else 16 for c in text)
        made.append(ocr.Piece(text=text, x0=x, x1=x + wide, y=y, em=16, confidence=confidence))
    return tuple(made)


@pytest.fixture
def as_if_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What OCR would find, without the models."""

    def recognize(picture: np.ndarray, scale: float, where: str) -> ocr.Recognized:
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        height, width = (side / scale for side in picture.shape[:2])
        return ocr.Recognized(pieces=pieces(), width=width, height=height, dropped=1)

    monkeypatch.setattr(ocr, "recognize", recognize)
    monkeypatch.setattr(ocr, "is_installed", lambda: True)


def page_picture(mode: str = "L", size: tuple[int, int] = (595, 842)) -> Image.Image:
    return Image.new(mode, size, "white")


@pytest.mark.usefixtures("as_if_installed")
def test_lines_become_paragraphs_that_know_where_they_come_from(tmp_path: Path) -> None:
    page_picture().save(tmp_path / "a.pdf")
    report = read_report(tmp_path / "a.pdf")
    assert report.title == "云岭县石桥镇2023年法治政府建设报告"
    assert report.issuer == "云岭县石桥镇人民政府"
    assert report.date == "2024-01-08"
    assert [p.text for p in report.paragraphs] == [PAGE[2][2] + PAGE[3][2], PAGE[4][2]]
    assert [(line.text, line.page, line.confidence) for line in report.ocr] == [(t, 1, c) for _, _, t, c in PAGE]
    assert "page 1" in report.warnings[0]
    assert "1 on page 1" in report.warnings[1]
    assert "left out" in report.warnings[2]


@pytest.fixture
def scanned(tmp_path: Path, as_if_installed: None, tiny: Tagger) -> TaggedReport:
    page_picture().save(tmp_path / "a.png")
    return tiny.tag(read_report(tmp_path / "a.png"))


def with_indicator(report: TaggedReport) -> TaggedReport:
    """The report with an indicator in its doubtful paragraph; an untrained model finds what it will."""
    first = sample().indicators[0]
    p = report.paragraphs[-1]
    at = p.start + p.text.index("112件")
    made = replace(first, text="112件", start=at, end=at + 4, name=None, name_start=None, name_end=None, score=0.9)
    from lawgov_nlp.model.ocr_flags import flagged

    plain = replace(p, indicators=(made,), ocr=None, needs_review=False)
    (p,) = flagged([plain], report.ocr)
    return replace(report, tagged=(*report.paragraphs[:-1], p))


def test_a_doubtful_line_lowers_the_score_of_its_indicators(scanned: TaggedReport) -> None:
    assert [p.ocr for p in scanned.paragraphs] == [0.97, 0.8]
    report = with_indicator(scanned)
    (indicator,) = report.paragraphs[-1].indicators
    assert indicator.ocr == 0.8 < DOUBTFUL
    assert indicator.score == pytest.approx(0.9 * 0.8)
    assert indicator.needs_review
    assert report.paragraphs[-1].needs_review


def test_the_flags_survive_every_form(scanned: TaggedReport, tmp_path: Path) -> None:
    report = with_indicator(scanned)
    assert TaggedReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert to_frame(report)["ocr"].tolist() == [0.97, 0.8]
    figures = to_frame(report, "indicators")
    assert figures["ocr"].tolist()[-1] == 0.8
    assert figures["needs_review"].tolist()[-1] == 1
    write_reports([report], tmp_path / "o.xlsx", None)
    sheet = openpyxl.load_workbook(tmp_path / "o.xlsx")["indicators"]
    head = [cell.value for cell in sheet[1]]
    assert sheet.cell(sheet.max_row, head.index("ocr") + 1).value == pytest.approx(0.8)
    html = to_html(report)
    assert "OCR 80%" in html
    assert "识读自不清晰的扫描行" in html
    from rich.console import Console

    console = Console(file=io.StringIO(), width=200)
    console.print(report_table(report))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "OCR 80%" in shown
    assert "待复核" in shown
    assert "read by OCR" in shown


def test_a_file_with_text_of_its_own_has_no_flags() -> None:
    report = sample()
    assert "ocr" not in json.dumps(report.to_dict())
    assert to_frame(report)["ocr"].isna().all()
    assert ">OCR" not in to_html(report)


@without_ocr
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "pdf"])
def test_without_the_extra_the_refusal_says_how_to_get_it(tmp_path: Path, suffix: str) -> None:
    page_picture().save(tmp_path / f"a.{suffix}")
    with pytest.raises(ReadError, match=r"lawgov-nlp\[ocr\]"):
        read_report(tmp_path / f"a.{suffix}")


def saved(kind: str, mode: str, **options: Any) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        path = folder / f"a.{kind}"
        page_picture("L").convert(mode).save(path, **options)
        return path

    return save


def deep(kind: str) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        Image.fromarray(np.full((842, 595), 65535, dtype=np.uint16)).save(folder / f"a.{kind}")
        return folder / f"a.{kind}"

    return save


def moving(folder: Path) -> Path:
    second = page_picture()
    ImageDraw.Draw(second).line((0, 0, 90, 90))
    page_picture().save(folder / "a.png", save_all=True, append_images=[second])
    return folder / "a.png"


@pytest.mark.usefixtures("as_if_installed")
@pytest.mark.parametrize(
    "make",
    [
        saved("jpg", "CMYK"),
        saved("tif", "CMYK"),
        saved("tif", "1", compression="group4"),
        saved("png", "P"),
        saved("png", "LA"),
        saved("png", "RGBA"),
        deep("png"),
        deep("tif"),
        moving,
    ],
)
def test_pictures_of_every_kind(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    report = read_report(make(tmp_path))
    assert len(report.paragraphs) == 2
    assert any("moving" in warning for warning in report.warnings) == (make is moving)


@pytest.mark.usefixtures("as_if_installed")
def test_the_pages_of_a_tiff(tmp_path: Path) -> None:
    page_picture().save(tmp_path / "a.tiff", save_all=True, append_images=[page_picture()] * 2)
    seen: list[ocr.PageProgress] = []
    with ocr.watch_pages(seen.append):
        report = read_report(tmp_path / "a.tiff")
    assert [(p.page, p.pages) for p in seen] == [(1, 3), (2, 3), (3, 3)]
    assert {line.page for line in report.ocr} == {1, 2, 3}


def cut(folder: Path, kind: str) -> Path:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (842, 595), dtype=np.uint8)).save(buffer, kind)
    path = folder / f"a.{kind}"
    path.write_bytes(buffer.getvalue()[:20_000])
    return path


def sized(width: int, height: int) -> Callable[[Path], Path]:
    def save(folder: Path) -> Path:
        Image.new("1", (width, height), 1).save(folder / "a.png")
        return folder / "a.png"

    return save


def sized_in_pdf(folder: Path) -> Path:
    Image.new("1", (21_000, 1000), 1).save(folder / "a.pdf")
    return folder / "a.pdf"


@pytest.mark.usefixtures("as_if_installed")
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: cut(folder, "jpeg"), "damaged or cut off"),
        (lambda folder: cut(folder, "png"), "damaged or cut off"),
        (lambda folder: cut(folder, "tiff"), "damaged or cut off"),
        (sized(21_000, 1000), "20,000 a side"),
        (sized(16_000, 16_000), "150 million"),
        (sized(30, 30), "expected that of a page"),
        (sized(9000, 100), "expected that of a page"),
        (sized_in_pdf, "20,000 a side"),
    ],
)
def test_what_is_no_picture_of_a_page_is_refused(tmp_path: Path, make: Callable[[Path], Path], reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        read_report(make(tmp_path))


def test_pictures_beside_a_saved_page_are_no_reports(tmp_path: Path) -> None:
    (tmp_path / "报告_files").mkdir()
    page_picture().save(tmp_path / "报告_files" / "logo.png")
    page_picture().save(tmp_path / "扫描.png")
    assert find_reports(tmp_path) == [tmp_path / "扫描.png"]


def test_a_page_that_hangs_in_a_worker_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(hostile.misbehaving(tmp_path / "python")))
    path = tmp_path / "is-a-scan-that-hangs.txt"
    path.write_text("x", encoding="utf-8")
    seen: list[ocr.PageProgress] = []
    with ocr.watch_pages(seen.append), ReadingPool(1, timeout=2) as pool:
        (outcome,) = pool.read([path])
    assert isinstance(outcome.error, PageTimeoutError)
    assert "page 2 of 3 took more than 2 s" in str(outcome.error)
    assert [p.page for p in seen] == [1, 2]


def test_lines_of_ocr_must_lie_in_the_text() -> None:
    with pytest.raises(ValueError, match="line of OCR"):
        replace(sample(), ocr=(OcrLine(text="没有这一行", start=0, end=5, page=1, confidence=1.0),))


# ---- with the models


def drawn(lines: list[str], dpi: int = 150) -> Image.Image:
    """A page as Word sets it, in a Chinese font of this machine."""
    from benchmarks.ocr import chinese_font, draw_lines

    return draw_lines(lines, dpi, chinese_font())


@pytest.fixture(scope="module")
def page(chinese_font: None) -> Image.Image:
    return drawn([("　　" if x == 122 else "") + text for x, _, text, _ in PAGE[1:5]])


@needs_ocr
def test_a_page_is_read_as_it_is_printed_without_a_network(
    tmp_path: Path, page: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("OCR asks the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    page.rotate(1.5, fillcolor=255, resample=Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=40)
    page.rotate(180).save(tmp_path / "b.png")
    page.rotate(90, expand=True).save(tmp_path / "c.tiff")
    want = [PAGE[2][2] + PAGE[3][2], PAGE[4][2]]
    for name in ("a.jpg", "b.png", "c.tiff"):
        assert [p.text for p in read_report(tmp_path / name).paragraphs] == want


@needs_ocr
@pytest.mark.slow
@pytest.mark.parametrize("degrees", [0.0, 1.5])
def test_the_cells_of_a_ruled_table_stay_apart_and_whole(tmp_path: Path, chinese_font: None, degrees: float) -> None:
    from PIL import ImageFont

    from benchmarks.ocr import chinese_font as font_file
    from benchmarks.ocr import draw_lines

    picture = draw_lines(["　　" + PAGE[4][2], "", "", "", "", "", "　　" + PAGE[4][2]], 150, font_file())
    draw = ImageDraw.Draw(picture)
    face = ImageFont.truetype(font_file(), 26, index=2)
    columns, rows = (200, 420, 560, 1000), (270, 330, 390, 480)
    for x in columns:
        draw.line((x, rows[0], x, rows[-1]), fill=0, width=2)
    for y in rows:
        draw.line((columns[0], y, columns[-1], y), fill=0, width=2)
    cells = [
        (212, 290, "执法类别"),
        (432, 290, "件数"),
        (572, 290, "备注"),
        (212, 350, "行政处罚"),
        (432, 350, "128"),
        (572, 350, "含简易程序"),
        (212, 400, "行政检查"),
        (432, 400, "1356"),
        (572, 400, "全部由镇综合执法队会同"),
        (572, 438, "县里各部门开展"),
    ]
    for x, y, text in cells:
        draw.text((x, y), text, font=face, fill=0)
    turned = picture.rotate(degrees, fillcolor=255, resample=Image.Resampling.BICUBIC)
    turned.save(tmp_path / "a.png")
    assert [u.text for u in read_report(tmp_path / "a.png").units][1:4] == [
        "执法类别\t件数\t备注",
        "行政处罚\t128\t含简易程序",
        "行政检查\t1356\t全部由镇综合执法队会同县里各部门开展",
    ]


@needs_ocr
def test_a_page_may_not_take_for_ever(page: Image.Image) -> None:
    with pytest.raises(PageTimeoutError, match="page 3: took more than"):
        ocr.recognize(np.array(page.convert("RGB")), 1.0, "page 3", seconds=0.0)


@needs_ocr
@pytest.mark.slow
def test_a_worker_has_room_for_the_models(tmp_path: Path, page: Image.Image) -> None:
    page.save(tmp_path / "a.png")
    with ReadingPool(1, timeout=120) as pool:
        (outcome,) = pool.read([tmp_path / "a.png"])
    assert len(outcome.result().paragraphs) == 2


@needs_ocr
def test_an_empty_page_says_so(tmp_path: Path) -> None:
    page_picture().save(tmp_path / "a.png")
    with pytest.raises(ReadError, match="no legible text"):
        read_report(tmp_path / "a.png")
