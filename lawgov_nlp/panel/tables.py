"""Read a user's csv or xlsx as rows, as Excel saves them: UTF-8 or GB18030, commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from lawgov_nlp.errors import PanelError
from lawgov_nlp.paths import check_path
from lawgov_nlp.results.writers.csv import unescape_cell

NumberedRow = tuple[int, dict[str, str]]
"""The line of a csv on which a row begins, or its number in a sheet, from 1; and its cells by column."""


def read_table(path: Path, needed: Sequence[str], known: Sequence[str]) -> list[NumberedRow]:
    """Read the rows of a table. Each cell is a text, and a missing cell is empty. Empty rows are left out.

    Args:
        path: A csv or xlsx. In a csv, an apostrophe before a text that looks like a formula is removed.
        needed: The columns that must be there.
        known: All columns that have a meaning. Other columns are kept.

    Raises:
        PanelError: The file can't be read, or lacks a column.
    """
    check_path(path, "path")
    rows = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    if not rows:
        raise PanelError(f"{path} is empty; expected a first line with the columns {', '.join(needed)}")
    first, names = rows[0]
    header = [name.strip().lstrip("\ufeff") for name in names]
    if missing := [column for column in needed if column not in header]:
        raise PanelError(
            f"{path}:{first}: no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(filter(None, header)) or 'none'}, expected {', '.join(known)}"
        )
    table = []
    for number, cells in rows[1:]:
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise PanelError(
                f"{path}:{number}: {len(cells)} cells where line {first} has {len(header)} columns; "
                "put a text with a comma in quotation marks"
            )
        padded = [*cells, *[""] * (len(header) - len(cells))]
        table.append((number, {name: cell.strip() for name, cell in zip(header, padded, strict=False) if name}))
    return table


def _csv(path: Path) -> list[tuple[int, list[str]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PanelError(f"{path}: can't be read ({error.strerror}); check the name and the permissions") from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise PanelError(f"{path}: neither UTF-8 nor GB18030; save it from Excel as 'CSV UTF-8'")
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [*_numbered(text, delimiter)]
    except csv.Error as error:
        raise PanelError(f"{path}: {error}; save it from Excel as 'CSV UTF-8'") from None


def _numbered(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that aren't empty with the lines on which they begin; a cell may span several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = 1
    for cells in reader:
        if any(cells):
            yield line, [*map(unescape_cell, cells)]
        line = reader.line_num + 1


def _xlsx(path: Path) -> list[tuple[int, list[str]]]:
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise PanelError(f"{path}: can't be read as a workbook ({error}); save it anew, or as csv") from None
    sheet = book.worksheets[0]
    rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    return [(number, row) for number, row in enumerate(rows, 1) if any(row)]
