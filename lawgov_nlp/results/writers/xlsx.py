"""Write tagged reports as one Excel workbook."""

from __future__ import annotations

import logging
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.errors import OutputError
from lawgov_nlp.language import current
from lawgov_nlp.results.tables import SHEETS, Column, columns
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers.base import FORMULA_STARTS, table_rows
from lawgov_nlp.scheme import Scheme

if TYPE_CHECKING:
    from openpyxl.cell import Cell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")  # not allowed in XML 1.0
CELL_LIMIT = 32_767  # Excel's limit for a cell, in UTF-16 units
ROW_LIMIT = 1_048_576  # Excel's limit for a sheet, the header included


_log = logging.getLogger(__name__)

_FIRST = {
    "paragraphs": ("source", "title", "issuer", "year", "paragraph", "headings", "label_zh", "needs_review", "text",
                   "indicators", "date", "doc_number"),
    "indicators": ("source", "title", "issuer", "year", "paragraph", "name", "number", "unit", "qualifier_zh",
                   "role_zh", "dimension_zh", "value", "sentence", "date", "doc_number"),
    "cells": ("source", "title", "issuer", "year", "table", "caption", "table_unit", "row", "column", "text", "date",
              "doc_number"),
}  # fmt: skip
"""The columns that people read, in order. The others follow, grouped and folded: codes, scores, offsets."""

_SHEETS = {
    "zh": {"readme": "说明", "paragraphs": "段落", "indicators": "指标", "cells": "表格"},
    "en": {"readme": "readme", "paragraphs": "paragraphs", "indicators": "indicators", "cells": "cells"},
}
_HEADS = {
    "zh": (("表", 14), ("列", 18), ("说明", 90), ("csv 中的列名", 20)),
    "en": (("sheet", 14), ("column", 18), ("meaning", 90), ("column in csv", 20)),
}
_GUIDE = {
    "zh": (
        "“段落”表每段一行：说的是什么（主维度）、原文。黄色的行模型没有把握，请先核对；用“待复核”一列可以筛选。",
        "“指标”表每个数一行：名称、数值、单位、所在句子。引用前请与原文核对。",
        "右边折叠起来的列（点表头上方的 +）是代码、概率和位置，供统计软件用。",
    ),
    "en": (
        "Sheet paragraphs: a row per paragraph. The model is unsure of the yellow rows; check them first.",
        "Sheet indicators: a row per number, with its name, unit and sentence. Compare with the text before you cite.",
        "The folded columns on the right (click the + above the header) hold codes, probabilities and offsets.",
    ),
}
_YES_NO = {"zh": ("否", "是"), "en": ("no", "yes")}
_NOTE = {"zh": "注意", "en": "note"}


class XlsxSink:
    """Writes one workbook. The write-only mode of openpyxl keeps the rows on disk."""

    def __init__(self, place: StagedFiles, path: Path) -> None:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.styles import Alignment, Font, PatternFill

        self._cell, self._lang = WriteOnlyCell, current()
        self._top, self._wrap = Alignment(vertical="top"), Alignment(vertical="top", wrap_text=True)
        self._bold, self._fill = Font(bold=True), PatternFill("solid", fgColor="E8ECF1")
        self._review = PatternFill("solid", fgColor="FFF2CC")
        self._target = place.claim(path.name)
        self._book = Workbook(write_only=True)
        self._counts = dict.fromkeys(SHEETS, 1)
        self._notes: list[tuple[str, str]] = []

    def begin(self, scheme: Scheme) -> None:
        names = _SHEETS[self._lang]
        self._columns = {what: _in_reading_order(what, columns(what, scheme)) for what in SHEETS}
        heads = tuple(Column(name, "text", width, "", zh=name) for name, width in _HEADS[self._lang])
        self._readme = self._sheet(names["readme"], heads, 0), heads
        for line in _GUIDE[self._lang]:
            self._explain("", "", line, "")
        for what, those in self._columns.items():
            for c in those:
                self._explain(names[what], self._header(c), c.about if self._lang == "zh" else c.en, c.name)
        self._sheets = {
            what: self._sheet(names[what], those, len(_FIRST[what])) for what, those in self._columns.items()
        }

    def add(self, report: TaggedReport) -> None:
        self._notes += ((report.source or report.title or "", warning) for warning in report.warnings)
        for what, sheet in self._sheets.items():
            for row in table_rows(report, what):
                self._counts[what] += 1
                if self._counts[what] > ROW_LIMIT:
                    raise OutputError(f"more than {ROW_LIMIT:,} rows of {what}: too many for xlsx; use csv or parquet")
                where = f"{_SHEETS[self._lang][what]} {self._counts[what]}"
                cells = [self._value(sheet, row[c.name], c, where) for c in self._columns[what]]
                if row.get("needs_review"):
                    for cell in cells:
                        cell.fill = self._review
                sheet.append(cells)

    def finish(self) -> None:
        for what, sheet in self._sheets.items():
            sheet.auto_filter.ref = f"A1:{_letter(len(self._columns[what]))}{self._counts[what]}"
        # Writing a note may add notes (if a warning is longer than a cell), so the list grows during the iteration.
        for where, note in self._notes:
            self._explain(where, _NOTE[self._lang], note, "")
        self._book.save(self._target)

    def _explain(self, *line: str) -> None:
        sheet, heads = self._readme
        sheet.append([self._value(sheet, v, c, heads[0].name) for v, c in zip(line, heads, strict=True)])

    def _header(self, column: Column) -> str:
        return column.zh if self._lang == "zh" and column.zh else column.name

    def release(self) -> None:
        for sheet in self._book.worksheets:
            if not sheet.closed:  # The generators of openpyxl raise if they are collected within a row.
                sheet.close()

    def _sheet(self, name: str, columns: tuple[Column, ...], read: int) -> WriteOnlyWorksheet:
        """Create a sheet with its header; columns after the first `read` ones are folded, if `read` isn't 0."""
        sheet = self._book.create_sheet(name)
        sheet.freeze_panes = "A2"
        header = []
        for at, column in enumerate(columns, 1):
            sheet.column_dimensions[_letter(at)].width = column.width
            if read and at > read:
                sheet.column_dimensions[_letter(at)].outlineLevel = 1
                sheet.column_dimensions[_letter(at)].hidden = True
            cell = self._cell(sheet, self._header(column))
            cell.font, cell.fill, cell.alignment = self._bold, self._fill, self._top
            header.append(cell)
        sheet.append(header)
        return sheet

    def _value(
        self, sheet: WriteOnlyWorksheet, value: str | float | Decimal | None, column: Column, where: str
    ) -> Cell:
        if column.name == "needs_review":
            value = _YES_NO[self._lang][bool(value)]
        if column.name == "date" and (day := _day(value)):
            cell = self._cell(sheet, day)
            cell.number_format, cell.alignment = "yyyy-mm-dd", self._top
            return cell
        if isinstance(value, str):
            cell = text_cell(sheet, self._fit(value, f"{where} {column.name}"))
        else:
            cell = self._cell(sheet, value)
            if column.name.startswith(("score", "confidence")):
                cell.number_format = "0.000"
            elif column.kind == "number" and value is not None:
                cell.number_format = "#,##0" if value == int(value) else "#,##0.0###"
        cell.alignment = self._wrap if column.width >= 36 else self._top
        return cell

    def _fit(self, text: str, where: str) -> str:
        """Return the part of a text that a cell can hold. Losses are noted on the readme sheet and logged."""
        text, losses = fit_cell(text)
        for loss in losses:
            self._note(where, loss)
        return text

    def _note(self, where: str, note: str) -> None:
        self._notes.append((where, note))
        _log.warning("%s, %s: %s", self._target.name, where, note)


def _day(value: str | float | Decimal | None) -> date | None:
    """Return a date of signing as one; None for a month alone, and for what no calendar or no Excel file has."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else None
    except ValueError:
        return None
    return day if day and day.year >= 1900 else None


def fit_cell(text: str) -> tuple[str, list[str]]:
    """Return the part of a text that a cell of Excel can hold, and what was lost, in Chinese."""
    # Replacing one character by one keeps the offsets valid.
    text, controls = _CONTROL.subn("\ufffd", text)
    losses = [f"{controls} 个控制字符无法存入 Excel，以 \ufffd 代替"] if controls else []
    units = text.encode("utf-16-le")
    if len(units) > 2 * CELL_LIMIT:
        text = units[: 2 * CELL_LIMIT].decode("utf-16-le", errors="ignore")
        size = f"{len(units) // 2:,}"
        losses.append(f"原文 {size} 字，超出 Excel 单元格上限，只存前 {CELL_LIMIT:,} 字；全文见 jsonl 或 csv")
    return text, losses


def text_cell(sheet: WriteOnlyWorksheet, text: str) -> Cell:
    """Create a cell of a write-only sheet that holds a text and never a formula or an error."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"  # openpyxl would turn =… into a formula and #N/A into an error.
    cell.quotePrefix = text.startswith(FORMULA_STARTS)  # It stays text if a user edits the cell.
    return cell


def _in_reading_order(what: str, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns with those that people read first."""
    by_name = {column.name: column for column in columns}
    return (*(by_name[name] for name in _FIRST[what]), *(c for c in columns if c.name not in _FIRST[what]))


def _letter(number: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(number)
