"""Tables on their way from a reader to the text: rows are lines that know their cells until the offsets are known.

A reader yields its lines as before. The row of a table is a `Row`, a line that also knows its table and its cells, and
`assemble` joins all lines, so that each cell's offsets are those of the text that came out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from lawgov_nlp.readers import LINE_ENDS
from lawgov_nlp.readers.lines import row_lines, visible
from lawgov_nlp.report import MAX_PLACES, Cell, Table

MAX_SPAN = 1000
"""The most rows or columns that a cell is believed to cover."""

_WIDE = 300  # characters of a row of one cell; a longer one is the report's text, set in a table
_EDGE = 3.0  # points by which the columns of a table may differ from one page to the next


@dataclass(frozen=True, kw_only=True)
class RawCell:
    """A cell as a file has it.

    Attributes:
        lines: Its lines.
        columns: How many columns it covers.
        rows: How many rows it covers; 0 for one that goes on from the row above (Word).
        header: Whether the file says that it is a heading.
        shown: Whether it has a place of its own in the row's line; a cell that goes on has none in html.
    """

    lines: Sequence[str] = ()
    columns: int = 1
    rows: int = 1
    header: bool = False
    shown: bool = True


@dataclass(kw_only=True, eq=False)
class RawTable:
    """A table while its rows are read.

    Attributes:
        caption: The caption that the file marks as such.
        columns: How many columns its rows have so far.
        rows: How many rows it has so far.
        headers: Its first rows that the file marks as headings.
        edges: The columns' edges on a pdf page, in points from the left; two tables with the same ones may be one.
        plain: Whether a row was laid out as paragraphs, so that it is no table.
    """

    caption: str | None = None
    columns: int = 0
    rows: int = 0
    headers: int = 0
    edges: tuple[float, ...] = ()
    plain: bool = False
    _open: dict[int, tuple[_Placed, int]] = field(default_factory=dict)  # column -> a cell that goes on, rows left

    def row(self, cells: Sequence[RawCell]) -> list[str]:
        """The lines of the next row: a `Row`, or the plain lines of cells that only serve the layout."""
        texts = row_lines([list(cell.lines) for cell in cells if cell.shown])
        placed = self._placed(cells)
        if texts and (len(texts) > 1 or sum(cell.shown for cell in cells) == 1) and not self._wide(placed):
            self.plain = True
        if not texts or self.plain:
            self.rows -= not texts  # a row without text is no row
            return texts
        return [Row(self, placed)]

    def _wide(self, placed: Sequence[_Placed]) -> bool:
        """Whether a row's only cell covers the table: a caption, a unit line."""
        texts = [cell.text for cell in placed if cell.shown and cell.text]
        return self.columns > 1 and len(texts) == 1 and len(texts[0]) < _WIDE

    def _placed(self, cells: Sequence[RawCell]) -> list[_Placed]:
        row, column = self.rows, 0
        placed: list[_Placed] = []
        goes_on: dict[int, tuple[_Placed, int]] = {}
        for cell in cells:
            while cell.rows and column in self._open and self._open[column][1] > 0:
                column = self._carry(column, goes_on)
            columns = max(1, min(cell.columns, MAX_SPAN))
            rows = max(1, min(cell.rows, MAX_SPAN))
            above = self._open.get(column)
            if cell.rows == 0 and above is not None and not "".join(cell.lines).strip():
                above[0].rows = row - above[0].row + 1
                for k in range(column, column + above[0].columns):
                    goes_on[k] = (above[0], 0)
                placed.append(_Placed(text="", row=row, column=column, columns=columns, shown=cell.shown))
                column += columns
                continue
            text = " ".join(line.strip() for line in cell.lines if line.strip())
            new = _Placed(text=text, row=row, column=column, columns=columns, shown=cell.shown)
            placed.append(new)
            for k in range(column, column + columns):
                goes_on[k] = (new, rows - 1)
            column += columns
        while column in self._open and self._open[column][1] > 0:
            column = self._carry(column, goes_on)
        self._open = goes_on
        self.columns = max(self.columns, column)
        if self.headers == row and cells and all(cell.header for cell in cells if cell.shown):
            self.headers += 1
        self.rows += 1
        return placed

    def _carry(self, column: int, goes_on: dict[int, tuple[_Placed, int]]) -> int:
        """Let a cell from above cover this row, too; the column after it."""
        cell, left = self._open[column]
        cell.rows = self.rows - cell.row + 1
        for k in range(column, column + cell.columns):
            goes_on[k] = (cell, left - 1)
        return max(column + 1, cell.column + cell.columns)


@dataclass(kw_only=True, eq=False)
class _Placed:
    """A cell with its place; `rows` grows while the rows below are read."""

    text: str
    row: int
    column: int
    columns: int
    rows: int = 1
    shown: bool = True


class Row(str):
    """The line of a row, which knows its table and its cells."""

    table: RawTable
    cells: list[_Placed]

    def __new__(cls, table: RawTable, cells: list[_Placed]) -> Row:
        """Join the texts of the cells that have a place in the line."""
        for cell in cells:
            cell.text = cell.text.replace("\t", " ")
        self = super().__new__(cls, "\t".join(cell.text for cell in cells if cell.shown))
        self.table, self.cells = table, cells
        return self

    def mapped(self, change: Callable[[str], str]) -> Row:
        """The row with each cell's text changed."""
        for cell in self.cells:
            cell.text = change(cell.text)
        return Row(self.table, self.cells)


def changed(line: str, change: Callable[[str], str]) -> str:
    """A line, or a row cell by cell, with its text changed."""
    return line.mapped(change) if isinstance(line, Row) else change(line)


def assemble(lines: Iterable[str]) -> tuple[str, tuple[Table, ...]]:
    """Join lines to a text without characters that print nothing, and give the tables that its rows form."""
    out: list[str] = []
    at = 0
    runs: list[_Run] = []
    for line in lines:
        row = isinstance(line, Row)
        text = changed(line, _clean if row else visible)
        text = text if row else LINE_ENDS.sub("\n", text)
        if isinstance(text, Row) and not text.table.plain:
            if not runs or runs[-1].table is not text.table or runs[-1].closed:
                runs.append(_Run(table=text.table))
            runs[-1].rows.append((text, at))
        elif text.strip() and runs:
            runs[-1].closed = True
        out.append(text)
        at += len(text) + 1
    text = "\n".join(out)
    return text, tuple(table for run in _whole(runs) if (table := _table(run, text)) is not None)


def _clean(text: str) -> str:
    return LINE_ENDS.sub(" ", visible(text)).replace("\n", " ").strip()


@dataclass(kw_only=True)
class _Run:
    """Rows of one table that follow one another, each with its offset."""

    table: RawTable
    rows: list[tuple[Row, int]] = field(default_factory=list)
    closed: bool = False


def _whole(runs: list[_Run]) -> list[_Run]:
    """The runs, with those joined that are one table over two pages of a pdf."""
    joined: list[_Run] = []
    for run in runs:
        before = joined[-1] if joined else None
        if before is not None and not before.closed and _alike(before.table.edges, run.table.edges):
            shift = before.table.rows
            heads = [str(row) for row, _ in before.rows]
            again = 0
            while again < min(len(run.rows), len(heads)) and str(run.rows[again][0]) == heads[again]:
                again += 1  # the headings are printed again; they stay in the text and are cells of no table
            for row, _ in run.rows:
                for cell in row.cells:
                    cell.row += shift - again
            before.rows += [*run.rows[again:]]
            before.table.rows += run.table.rows - again
            before.closed = run.closed
        else:
            joined.append(run)
    return joined


def _alike(one: Sequence[float], other: Sequence[float]) -> bool:
    if not one or len(one) != len(other):
        return False
    shift = other[0] - one[0]  # mirrored margins
    return all(abs(b - a - shift) < _EDGE for a, b in zip(one, other, strict=True))


def _table(run: _Run, text: str) -> Table | None:
    """The table of a run of rows; None for fewer than two rows or columns, or more places than any has."""
    raw = run.table
    columns = max((cell.column + 1 for row, _ in run.rows for cell in row.cells), default=0)
    if len(run.rows) < 2 or columns < 2 or len(run.rows) * columns > MAX_PLACES:
        return None
    numbers = {row: k for k, row in enumerate(sorted({row.cells[0].row for row, _ in run.rows if row.cells}))}
    last = len(numbers)
    kept = [*numbers]
    cells: list[Cell] = []
    taken: set[tuple[int, int]] = set()
    for row, at in run.rows:
        for cell in row.cells:
            if not cell.shown:
                continue
            if cell.text:
                low = numbers[cell.row]
                high = max(low + 1, bisect_left(kept, cell.row + cell.rows))
                for placed in _fitting(cell, low, min(high, last), at, columns, taken):
                    cells.append(placed)
            at += len(cell.text) + 1
    start = run.rows[0][1]
    end = run.rows[-1][1] + len(run.rows[-1][0])
    stripped = text[start:end].strip()
    start += text[start:end].index(stripped) if stripped else 0
    return Table(
        text=stripped,
        start=start,
        end=start + len(stripped),
        caption=raw.caption,
        header_rows=sum(1 for n in numbers if n < raw.headers),
        rows=last,
        columns=columns,
        cells=tuple(sorted(cells, key=lambda c: (c.row, c.column))),
    )


def _fitting(cell: _Placed, low: int, high: int, at: int, columns: int, taken: set[tuple[int, int]]) -> Iterator[Cell]:
    """The cell at its place, smaller where damaged spans lay it over another one, and none where nothing is left."""
    wide = min(cell.columns, columns - cell.column)
    while wide > 1 and any((low, cell.column + k) in taken for k in range(wide)):
        wide -= 1
    if wide < 1 or (low, cell.column) in taken:
        return
    while high > low + 1 and any((r, cell.column + k) in taken for r in range(low, high) for k in range(wide)):
        high -= 1
    taken.update((r, cell.column + k) for r in range(low, high) for k in range(wide))
    made = Cell(text=cell.text, start=at, end=at + len(cell.text), row=low, column=cell.column)
    yield replace(made, rows=high - low, columns=wide)
