"""Sheets of a workbook or a csv file as lines: blank rows part tables, rows of one cell are titles and notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers.grid import RawCell, RawTable

MAX_CELLS = 500_000
"""Cells with text, beyond which a file is data and no report's table."""

OWN_COLUMNS = ("source", "title", "issuer", "year", "date", "doc_number")
"""What the tables that `lawgov tag` writes begin with."""

_MOST_MERGED = 5000
"""Merged cells of a sheet that are looked at; the others are read as single ones."""

Sheet = Mapping[int, Mapping[int, str]]
"""Row -> column -> text, from 0; empty cells are left out."""


def refuse_own(first: Sequence[str], path: object) -> None:
    """Refuse what `lawgov tag` wrote: its rows are no report.

    Raises:
        ReadError: The first row has the columns of such a table.
    """
    if tuple(cell.lstrip("\ufeff") for cell in first[: len(OWN_COLUMNS)]) == OWN_COLUMNS:
        raise ReadError(f"{path}: a table that lawgov wrote, not a report; give the reports that it was made from")


def sheet_lines(sheet: Sheet, merged: Mapping[tuple[int, int], tuple[int, int]]) -> Iterator[str]:
    """The lines of a sheet, its tables as rows.

    Args:
        sheet: The cells with text.
        merged: (row, column) of a merged cell's first place -> how many rows and columns it covers.
    """
    merged = {place: size for place, size in islice(merged.items(), _MOST_MERGED) if _is_free(sheet, place, size)}
    block: list[int] = []
    reach = -1
    for row in sorted(sheet):
        if block and row > max(block[-1], reach) + 1:
            yield from _block(sheet, block, merged)
            block = []
        block.append(row)
        reach = max(reach, *(row + merged.get((row, column), (1, 1))[0] - 1 for column in sheet[row]))
    if block:
        yield from _block(sheet, block, merged)


def _block(sheet: Sheet, rows: list[int], merged: Mapping[tuple[int, int], tuple[int, int]]) -> Iterator[str]:
    """The lines of rows that follow one another: single cells above and below a table are lines of their own."""
    first, last = 0, len(rows)
    while first < last and _single(sheet, rows[first], merged):
        first += 1
    while last > first and _single(sheet, rows[last - 1], merged):
        last -= 1
    for row in rows[:first]:
        yield from sheet[row].values()
    inside = rows[first:last]
    if inside:
        left = min(min(sheet[row]) for row in inside)
        right = max(max(sheet[row]) for row in inside)
        table = RawTable()
        below: dict[int, int] = {}  # column -> the row after a merged cell that stands there
        for row in inside:
            cells = []
            column = left
            while column <= right:
                if below.get(column, 0) > row:  # a merged cell from above
                    column += 1
                    continue
                tall, wide = merged.get((row, column), (1, 1))
                wide = min(wide, right - column + 1)
                below.update((k, row + tall) for k in range(column, column + wide))
                cells.append(RawCell(lines=[sheet[row].get(column, "")], columns=wide, rows=tall))
                column += wide
            yield from table.row(cells)
    for row in rows[last:]:
        yield from sheet[row].values()


def _is_free(sheet: Sheet, place: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether a merged cell covers no other text, as it can't in Excel."""
    (row, column), (tall, wide) = place, size
    inside = (sheet[r] for r in range(row, row + tall) if r in sheet)
    return all(
        not column <= c < column + wide or (cells is sheet.get(row) and c == column) for cells in inside for c in cells
    )


def _single(sheet: Sheet, row: int, merged: Mapping[tuple[int, int], tuple[int, int]]) -> bool:
    """Whether a row has one cell, and none from above reaches into it."""
    if len(sheet[row]) != 1:
        return False
    (column,) = sheet[row]
    return merged.get((row, column), (1, 1))[0] == 1
