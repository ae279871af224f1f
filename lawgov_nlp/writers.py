"""Tagged reports to files: jsonl, csv, xlsx, parquet and html.

    write(reports, "2023.jsonl")             one line per report, complete: `TaggedReport.from_dict` reads it
    write(reports, "2023.csv")               2023.csv (paragraphs) and 2023-indicators.csv
    write(reports, "2023.xlsx")              sheets paragraphs, indicators and readme
    write(reports, "2023.parquet")           2023.parquet (paragraphs) and 2023-indicators.parquet
    write([report], "2023.html")             one self-contained page
    write(reports, "pages", format="html")   a folder: one page per report and index.html

Only jsonl holds everything; tables hold the columns of `lawgov_nlp.render.columns`. Files appear whole or not at all:
they grow in a hidden folder beside the target and move into place when all are complete.
"""

from __future__ import annotations

import csv
import itertools
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Protocol

from lawgov_nlp.errors import OutputError
from lawgov_nlp.render import TABLES, Column, columns, rows
from lawgov_nlp.scheme import CODEBOOK, Scheme
from lawgov_nlp.serialize import to_dict
from lawgov_nlp.tagged_report import TaggedReport

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

_log = logging.getLogger(__name__)

# What spreadsheets take for the beginning of a formula; the full-width forms count in East Asian editions.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # what XML 1.0 can't hold
_CELL_LIMIT = 32_767  # Excel's limit for a cell, in UTF-16 units
_ROW_LIMIT = 1_048_576  # Excel's limit for a sheet, the header included
_ROW_GROUP = 10_000  # rows held in memory before Parquet writes them
_NAME_LIMIT = 60  # characters of a page's file name: Chinese ones take 3 bytes, file systems allow 255


def write(
    reports: Iterable[TaggedReport],
    path: Path | str,
    format: str | None = None,
    *,
    overwrite: bool = False,
    scheme: Scheme | None = None,
) -> list[Path]:
    """Writes reports, one after the other as they come, and returns the files written.

    csv and parquet make two files: paragraphs in NAME.csv, indicators in NAME-indicators.csv. html makes one page
    where `path` ends in .html, and otherwise a folder with a page per report, named for its source, and index.html.

    Args:
        reports: Tagged reports, for instance from `tag_reports`. What it raises passes through, and nothing is written.
        path: The file, or for html the folder.
        format: One of `FORMATS`; None takes it from the suffix of `path`.
        overwrite: Replaces existing files; otherwise an existing file is an error, raised before any tagging where
            its name is known by then.
        scheme: The labels of the reports; None takes those of the first, or of the codebook where there is none.

    Raises:
        OutputError: The format is unknown, a file exists, the place can't be written, a library is missing, or the
            reports don't fit the format, or have other labels than the first. The message says what to do.
        TypeError: `reports` is a single report.
    """
    if isinstance(reports, TaggedReport):
        raise TypeError("write takes an iterable of reports; for a single one: write([report], path)")
    path = Path(path)
    format = _format(path, format)
    is_folder = format == "html" and path.suffix.lower() != ".html"
    with ExitStack() as stack:
        with _explained(path):
            if not path.parent.is_dir():
                raise OutputError(f"{path}: the folder {path.parent} doesn't exist; create it first")
            # Beside the target, because a rename can't cross file systems.
            hidden = stack.enter_context(tempfile.TemporaryDirectory(dir=path.parent, prefix=".lawgov-"))
            place = _Place(Path(hidden), path if is_folder else path.parent, overwrite)
            sink: _Sink = _Pages(place) if is_folder else _SINKS[format](place, path)
            stack.callback(sink.release)
        begun: Scheme | None = None
        for report in reports:  # outside: an OSError of the reader isn't one of ours
            if report.source is not None:
                place.sources.add(Path(report.source).resolve())
            with _explained(path):
                if begun is None:
                    sink.begin(begun := scheme or report.scheme)
                if report.scheme != begun and format != "jsonl":
                    raise OutputError(
                        f"{path}: {report.source or report.title} has the labels {report.scheme}, where {begun} were "
                        "expected; write reports of different models into files of their own"
                    )
                sink.add(report)
        with _explained(path):
            if begun is None:
                sink.begin(scheme or CODEBOOK)
            sink.finish()
            return place.publish()


class _Place:
    """Where files grow and where they go."""

    def __init__(self, hidden: Path, target: Path, overwrite: bool) -> None:
        self._hidden, self._target, self._overwrite = hidden, target, overwrite
        self._names: list[str] = []
        self.sources: set[Path] = set()

    def claim(self, name: str) -> Path:
        """Where to write the file that will be called `name`; refuses one that exists."""
        self._check(name)
        self._names.append(name)
        return self._hidden / name

    def publish(self) -> list[Path]:
        """Moves all files into place."""
        for name in self._names:  # again: tagging took a while
            self._check(name)
            if (self._target / name).resolve() in self.sources:
                raise OutputError(f"{self._target / name} is one of the reports that were read; choose another place")
        self._target.mkdir(exist_ok=True)
        for name in self._names:
            os.replace(self._hidden / name, self._target / name)
        return [self._target / name for name in self._names]

    def _check(self, name: str) -> None:
        if self._target.exists() and not self._target.is_dir():
            raise OutputError(f"{self._target} is a file; name a folder for the pages")
        target = self._target / name
        if target.is_dir():
            raise OutputError(f"{target} is a folder; choose another name (a folder of pages needs format='html')")
        if target.exists() and not self._overwrite:
            raise OutputError(f"{target} exists; choose another name, or overwrite it (overwrite=True, --overwrite)")


class _Sink(Protocol):
    """A format being written. Everything that can be refused early is refused on construction."""

    def begin(self, scheme: Scheme) -> None:
        """Writes what stands in front of the reports, all of which have these labels."""

    def add(self, report: TaggedReport) -> None:
        """Writes one more report."""

    def finish(self) -> None:
        """Completes and closes the files."""

    def release(self) -> None:
        """Closes what is open, after `finish` or instead of it: Windows can't delete an open file."""


class _Jsonl:
    def __init__(self, place: _Place, path: Path) -> None:
        self._file = place.claim(path.name).open("w", encoding="utf-8", newline="\n")

    def begin(self, scheme: Scheme) -> None:
        """Every line says for itself what its labels are."""

    def add(self, report: TaggedReport) -> None:
        self._file.write(json.dumps(to_dict(report), ensure_ascii=False, allow_nan=False) + "\n")

    def finish(self) -> None:
        self._file.close()

    release = finish


class _Csv:
    def __init__(self, place: _Place, path: Path) -> None:
        self._stack = ExitStack()
        self._writers = {}
        for what, target in _two_tables(place, path).items():
            # utf-8-sig: without the mark Excel reads Chinese as the machine's own code page
            file = self._stack.enter_context(target.open("w", encoding="utf-8-sig", newline=""))
            self._writers[what] = csv.writer(file)

    def begin(self, scheme: Scheme) -> None:
        for what, writer in self._writers.items():
            writer.writerow(c.name for c in columns(what, scheme))

    def add(self, report: TaggedReport) -> None:
        for what, writer in self._writers.items():
            writer.writerows(map(_csv_cell, row.values()) for row in _table(report, what))

    def finish(self) -> None:
        self._stack.close()

    release = finish


class _Parquet:
    def __init__(self, place: _Place, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise OutputError('parquet needs pyarrow: pip install "lawgov-nlp[parquet]", or write csv') from error

        self._pa, self._writer = pa, parquet.ParquetWriter
        self._stack = ExitStack()
        self._files = _two_tables(place, path)
        self._held: dict[str, list[dict[str, Any]]] = {what: [] for what in self._files}
        self._writers = {}

    def begin(self, scheme: Scheme) -> None:
        pa = self._pa
        types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
        for what, file in self._files.items():
            fields = [pa.field(c.name, types[c.kind], metadata={"about": c.about}) for c in columns(what, scheme)]
            self._writers[what] = self._stack.enter_context(self._writer(file, pa.schema(fields)))

    def add(self, report: TaggedReport) -> None:
        for what, held in self._held.items():
            for row in _table(report, what):
                held.append({k: float(v) if isinstance(v, Decimal) else v for k, v in row.items()})
            if len(held) >= _ROW_GROUP:
                self._flush(what)

    def finish(self) -> None:
        for what in self._held:
            self._flush(what)
        self._stack.close()

    def release(self) -> None:
        self._stack.close()

    def _flush(self, what: str) -> None:
        writer = self._writers[what]
        if self._held[what]:
            writer.write_table(self._pa.Table.from_pylist(self._held[what], schema=writer.schema))
            self._held[what].clear()


class _Xlsx:
    """One workbook; openpyxl's write-only mode keeps the rows on disk."""

    def __init__(self, place: _Place, path: Path) -> None:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font, PatternFill

        self._cell = WriteOnlyCell
        self._top, self._wrap = Alignment(vertical="top"), Alignment(vertical="top", wrap_text=True)
        self._bold, self._fill = Font(bold=True), PatternFill("solid", fgColor="E8ECF1")
        self._target = place.claim(path.name)
        self._book = Workbook(write_only=True)
        self._counts = dict.fromkeys(TABLES, 1)
        self._notes: list[tuple[str, str]] = []

    def begin(self, scheme: Scheme) -> None:
        self._columns = {what: columns(what, scheme) for what in TABLES}
        self._sheets = {what: self._sheet(what, those) for what, those in self._columns.items()}

    def add(self, report: TaggedReport) -> None:
        self._notes += ((report.source or report.title or "", warning) for warning in report.warnings)
        for what, sheet in self._sheets.items():
            for row in _table(report, what):
                self._counts[what] += 1
                if self._counts[what] > _ROW_LIMIT:
                    raise OutputError(f"more than {_ROW_LIMIT:,} rows of {what}: too many for xlsx; use csv or parquet")
                where = f"{what} {self._counts[what]}"
                sheet.append([self._value(sheet, row[c.name], c, where) for c in self._columns[what]])

    def finish(self) -> None:
        for what, sheet in self._sheets.items():
            sheet.auto_filter.ref = f"A1:{_letter(len(self._columns[what]))}{self._counts[what]}"
        readme = [(what, c.name, c.about) for what, those in self._columns.items() for c in those]
        heads = (Column("sheet", "text", 24, ""), Column("column", "text", 22, ""), Column("说明", "text", 90, ""))
        sheet = self._sheet("readme", heads)
        # A note's own cells may add notes (a warning longer than a cell), so they are walked by index.
        lines = itertools.chain(readme, ((where, "注意", note) for where, note in self._notes))
        for line in lines:
            sheet.append([self._value(sheet, v, c, "readme") for v, c in zip(line, heads, strict=True)])
        self._book.save(self._target)

    def release(self) -> None:
        for sheet in self._book.worksheets:
            if not sheet.closed:  # openpyxl's generators complain when they are collected in the middle of a row
                sheet.close()

    def _sheet(self, name: str, columns: tuple[Column, ...]) -> WriteOnlyWorksheet:
        sheet = self._book.create_sheet(name)
        sheet.freeze_panes = "A2"
        header = []
        for at, column in enumerate(columns, 1):
            sheet.column_dimensions[_letter(at)].width = column.width
            cell = self._cell(sheet, column.name)
            cell.font, cell.fill, cell.alignment = self._bold, self._fill, self._top
            header.append(cell)
        sheet.append(header)
        return sheet

    def _value(
        self, sheet: WriteOnlyWorksheet, value: str | float | Decimal | None, column: Column, where: str
    ) -> Cell:
        if isinstance(value, str):
            value = self._fit(value, f"{where} {column.name}")
        cell = self._cell(sheet, value)
        cell.alignment = self._wrap if column.width >= 36 else self._top
        if isinstance(value, str):
            cell.data_type = "s"  # openpyxl makes a formula of =… and an error of #N/A
            cell.quotePrefix = value.startswith(_FORMULA)  # keeps it text when somebody edits the cell
        elif column.name.startswith("score"):
            cell.number_format = "0.000"
        elif column.kind == "number" and value is not None:
            cell.number_format = "#,##0" if value == int(value) else "#,##0.0###"
        return cell

    def _fit(self, text: str, where: str) -> str:
        """What a cell can hold of the text; what it can't is noted on the readme sheet and logged."""
        # One sign for one keeps the offsets right.
        text, controls = _CONTROL.subn("\ufffd", text)
        if controls:
            self._note(where, f"{controls} 个控制字符无法存入 Excel，以 \ufffd 代替")
        units = text.encode("utf-16-le")
        if len(units) > 2 * _CELL_LIMIT:
            text = units[: 2 * _CELL_LIMIT].decode("utf-16-le", errors="ignore")
            size = f"{len(units) // 2:,}"
            self._note(where, f"原文 {size} 字，超出 Excel 单元格上限，只存前 {_CELL_LIMIT:,} 字；全文见 jsonl 或 csv")
        return text

    def _note(self, where: str, note: str) -> None:
        self._notes.append((where, note))
        _log.warning("%s, %s: %s", self._target.name, where, note)


class _Page:
    """One report on one page."""

    def __init__(self, place: _Place, path: Path) -> None:
        from lawgov_nlp.page import to_html

        self._to_html = to_html
        self._path = path
        self._file = place.claim(path.name)
        self._count = 0

    def begin(self, scheme: Scheme) -> None:
        """The page follows its report."""

    def add(self, report: TaggedReport) -> None:
        self._count += 1
        if self._count > 1:
            raise OutputError(f"{self._path} can hold one report; for several name a folder, with format='html'")
        _write_page(self._file, self._to_html(report))

    def finish(self) -> None:
        if not self._count:
            raise OutputError(f"{self._path}: there is no report to write")

    def release(self) -> None:
        """Nothing stays open."""


class _Pages:
    """A folder of pages with an index."""

    def __init__(self, place: _Place) -> None:
        from lawgov_nlp import page

        self._page = page
        self._place = place
        self._index = place.claim("index.html")
        self._entries: list[page.Entry] = []
        self._taken = {"index"}

    def begin(self, scheme: Scheme) -> None:
        self._scheme = scheme

    def add(self, report: TaggedReport) -> None:
        name = f"{self._stem(report)}.html"
        _write_page(self._place.claim(name), self._page.to_html(report))
        self._entries.append(self._page.entry(report, name))

    def finish(self) -> None:
        _write_page(self._index, self._page.to_index(self._entries, self._scheme))

    def release(self) -> None:
        """Nothing stays open."""

    def _stem(self, report: TaggedReport) -> str:
        """A file name that every system takes, unlike all before it, letter case aside."""
        given = PureWindowsPath(report.source).stem if report.source else report.title or ""
        base = re.sub(r'[\s\x00-\x1f<>:"/\\|?*]+', "_", given)[:_NAME_LIMIT].strip("._ ") or "report"
        stems = itertools.chain([base], (f"{base}-{n}" for n in itertools.count(2)))
        stem = next(s for s in stems if s.casefold() not in self._taken)
        self._taken.add(stem.casefold())
        return stem


_SINKS: Mapping[str, Any] = {"jsonl": _Jsonl, "csv": _Csv, "xlsx": _Xlsx, "parquet": _Parquet, "html": _Page}

FORMATS: tuple[str, ...] = tuple(_SINKS)
"""The formats, each also the suffix that stands for it."""


def _format(path: Path, format: str | None) -> str:
    if format is None:
        format = path.suffix.lower().removeprefix(".")
        if format not in FORMATS:
            endings = ", ".join(f".{f}" for f in FORMATS)
            raise OutputError(
                f"{path}: can't tell the format from the name; let it end in one of {endings}, "
                "or say format='html' for a folder of pages"
            )
    if format not in FORMATS:
        raise OutputError(f"unknown format {format!r}; use one of: {', '.join(FORMATS)}")
    return format


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns the system's errors into ones that say what to do."""
    try:
        yield
    except PermissionError as error:
        raise OutputError(f"{path}: no permission to write ({error}); is it open in another program?") from error
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error}); choose another place") from error
    except UnicodeEncodeError as error:
        raise OutputError(f"{path}: the text has half a character in it ({error}); read the report again") from error


def _two_tables(place: _Place, path: Path) -> dict[str, Path]:
    """The files of the two tables, both claimed before the caller opens one."""
    names = {"paragraphs": path.name, "indicators": f"{path.stem}-indicators{path.suffix}"}
    return {what: place.claim(name) for what, name in names.items()}


def _table(report: TaggedReport, what: str) -> Iterator[dict[str, Any]]:
    if what == "paragraphs" and not report.paragraphs:
        _log.warning("%s has no paragraphs, so no row in the tables", report.source or report.title or "a report")
    return rows(report, what)


def _csv_cell(value: str | float | Decimal | None) -> str | float | None:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return f"{value:f}" if isinstance(value, Decimal) else value


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(number)


def _write_page(path: Path, html: str) -> None:
    path.write_text(html, encoding="utf-8", newline="\n")
