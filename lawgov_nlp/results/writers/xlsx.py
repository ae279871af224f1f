"""Write tagged reports as one Excel workbook."""

from __future__ import annotations

import itertools
import logging
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.errors import OutputError
from lawgov_nlp.results.tables import SHEETS, Column, columns
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers.base import FORMULA_STARTS, table_rows
from lawgov_nlp.scheme import Scheme

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # not allowed in XML 1.0
_CELL_LIMIT = 32_767  # Excel's limit for a cell, in UTF-16 units
_ROW_LIMIT = 1_048_576  # Excel's limit for a sheet, the header included


_log = logging.getLogger(__name__)


class XlsxSink:
    """Writes one workbook. The write-only mode of openpyxl keeps the rows on disk."""

    def __init__(self, place: StagedFiles, path: Path) -> None:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font, PatternFill

        self._cell = WriteOnlyCell
        self._top, self._wrap = Alignment(vertical="top"), Alignment(vertical="top", wrap_text=True)
        self._bold, self._fill = Font(bold=True), PatternFill("solid", fgColor="E8ECF1")
        self._target = place.claim(path.name)
        self._book = Workbook(write_only=True)
        self._counts = dict.fromkeys(SHEETS, 1)
        self._notes: list[tuple[str, str]] = []

    def begin(self, scheme: Scheme) -> None:
        self._columns = {what: columns(what, scheme) for what in SHEETS}
        self._sheets = {what: self._sheet(what, those) for what, those in self._columns.items()}

    def add(self, report: TaggedReport) -> None:
        self._notes += ((report.source or report.title or "", warning) for warning in report.warnings)
        for what, sheet in self._sheets.items():
            for row in table_rows(report, what):
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
        # Writing a note may add notes (if a warning is longer than a cell), so the list grows during the iteration.
        lines = itertools.chain(readme, ((where, "注意", note) for where, note in self._notes))
        for line in lines:
            sheet.append([self._value(sheet, v, c, "readme") for v, c in zip(line, heads, strict=True)])
        self._book.save(self._target)

    def release(self) -> None:
        for sheet in self._book.worksheets:
            if not sheet.closed:  # The generators of openpyxl raise if they are collected within a row.
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
            cell.data_type = "s"  # openpyxl would turn =… into a formula and #N/A into an error.
            cell.quotePrefix = value.startswith(FORMULA_STARTS)  # It stays text if a user edits the cell.
        elif column.name.startswith("score"):
            cell.number_format = "0.000"
        elif column.kind == "number" and value is not None:
            cell.number_format = "#,##0" if value == int(value) else "#,##0.0###"
        return cell

    def _fit(self, text: str, where: str) -> str:
        """Return the part of a text that a cell can hold. Losses are noted on the readme sheet and logged."""
        # Replacing one character by one keeps the offsets valid.
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


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(number)
