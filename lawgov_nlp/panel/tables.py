"""A user's csv or xlsx as rows, whatever Excel made of it: UTF-8 or GB18030, commas, semicolons or tabs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from lawgov_nlp.errors import PanelError
from lawgov_nlp.paths import check_path


def read_table(path: Path, needed: Sequence[str], known: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table, each cell a text; a missing cell is empty. The n-th row stands on line n + 2 of a csv.

    Args:
        path: A csv or xlsx.
        needed: Columns that must be there.
        known: All columns that mean something; others are kept.

    Raises:
        PanelError: It can't be read, or lacks a column.
    """
    check_path(path, "path")
    rows = _xlsx(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    if not rows:
        raise PanelError(f"{path} is empty; expected a first line with the columns {', '.join(needed)}")
    header = [cell.strip().lstrip("\ufeff") for cell in rows[0]]
    if missing := [column for column in needed if column not in header]:
        raise PanelError(
            f"{path}:1: no column {', '.join(map(repr, missing))}; it has {', '.join(filter(None, header)) or 'none'}, "
            f"expected {', '.join(known)}"
        )
    table = []
    for number, cells in enumerate(rows[1:], 2):
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            raise PanelError(
                f"{path}:{number}: {len(cells)} cells where the first line has {len(header)} columns; "
                "put a text with a comma in quotation marks"
            )
        padded = [*cells, *[""] * (len(header) - len(cells))]
        table.append({name: cell.strip() for name, cell in zip(header, padded, strict=False) if name})
    return table


def _csv(path: Path) -> list[list[str]]:
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
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise PanelError(f"{path}: {error}; save it from Excel as 'CSV UTF-8'") from None


def _xlsx(path: Path) -> list[list[str]]:
    from zipfile import BadZipFile

    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (OSError, BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise PanelError(f"{path}: can't be read as a workbook ({error}); save it anew, or as csv") from None
    sheet = book.worksheets[0]
    rows = [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    return [row for row in rows if any(row)]
