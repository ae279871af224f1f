"""A report and its lines: the data that all other modules exchange.

All offsets count characters (Unicode code points) of one string, `Report.text`. They are half-open, so
`report.text[line.start:line.end] == line.text` always holds. The text is what the reader returned and is never
normalised. Code that needs a normalised form makes a separate copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.text import StrEnum


class LineKind(StrEnum):
    """The role of a non-blank line in a report. Only `body` lines carry a dimension.

    `table` lines are the rows of a table, its caption and its unit line; `Report.tables` has their cells.
    """

    TITLE = "title"
    SALUTATION = "salutation"
    HEADING = "heading"
    BODY = "body"
    SIGNOFF = "signoff"
    ARTIFACT = "artifact"
    TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One non-blank line of a report.

    Attributes:
        kind: The role of the line.
        text: The line without surrounding white space.
        start: The offset of its first character in `Report.text`.
        end: The offset after its last character.
        headings: The headings above a `body` line, outermost first and its own run-in heading last.
    """

    kind: LineKind
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "unit")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table that holds text. A merged cell is one cell that covers several places.

    Attributes:
        text: The text; the lines of a cell are joined by spaces.
        start: The offset of its first character in `Report.text`.
        end: The offset after its last character.
        row: The first row that it covers, from 0.
        column: The first column that it covers, from 0.
        rows: How many rows it covers.
        columns: How many columns it covers.
    """

    text: str
    start: int
    end: int
    row: int
    column: int
    rows: int = 1
    columns: int = 1

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "cell")
        if min(self.row, self.column) < 0 or min(self.rows, self.columns) < 1:
            raise ValueError(f"cell {self.text[:20]!r}: impossible place {self.row}, {self.column}")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a report. Its rows are lines of `Report.text` with tabs between the cells.

    Attributes:
        text: The rows as they stand in the report's text.
        start: The offset of its first row's first character in `Report.text`.
        end: The offset after its last row's last character.
        headings: The headings above it, outermost first.
        caption: Its name (`表1 行政执法统计表`), from the line above or its first row; None if it has none.
        unit: What its unit line says (`件、万元`); None if it has none.
        notes: The lines under it that begin with 注 or 说明, which are also lines of the report.
        header_rows: How many of its first rows are headings of columns, after caption and unit line.
        first_row: The row after those that hold its caption and its unit line, mostly 0.
        rows: How many rows it has.
        columns: How many columns it has.
        cells: The cells with text, by row and column.

    Raises:
        ValueError: A cell lies outside the table, or two cells cover one place.
    """

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    caption: str | None = None
    unit: str | None = None
    notes: tuple[str, ...] = ()
    header_rows: int = 0
    first_row: int = 0
    rows: int
    columns: int
    cells: tuple[Cell, ...]

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "table")
        taken: set[tuple[int, int]] = set()
        for cell in self.cells:
            if cell.row + cell.rows > self.rows or cell.column + cell.columns > self.columns:
                raise ValueError(f"cell {cell.text[:20]!r} lies outside its table of {self.rows} x {self.columns}")
            if not self.start <= cell.start <= cell.end <= self.end:
                raise ValueError(f"cell {cell.text[:20]!r} lies outside its table's text")
            if len(taken) + cell.rows * cell.columns > MAX_PLACES:
                raise ValueError(f"a table of more than {MAX_PLACES:,} places")
            places = {
                (row, column)
                for row in range(cell.row, cell.row + cell.rows)
                for column in range(cell.column, cell.column + cell.columns)
            }
            if places & taken:
                raise ValueError(f"cell {cell.text[:20]!r} lies over another one")
            taken |= places

    def places(self) -> dict[tuple[int, int], Cell]:
        """The cell at each place (row, column) that holds text; a merged cell stands at all of its places."""
        return {
            (row, column): cell
            for cell in self.cells
            for row in range(cell.row, cell.row + cell.rows)
            for column in range(cell.column, cell.column + cell.columns)
        }


MAX_PLACES = 200_000
"""The most places of a table; a report's has some dozens."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as it was read, with its structure. Nothing in it comes from the model.

    Attributes:
        text: The whole text, to which every offset refers.
        units: The non-blank lines in order.
        title: The title; None if the report has none.
        issuer: The issuing body (`某县某镇人民政府`); None if the report names none.
        year: The year that the report covers; None if unknown.
        date: The date of signing in ISO 8601 (`2024-01-15`, or `2024-01` if no day is given); None if unknown.
        doc_number: The document number (`某政〔2024〕8号`); None if the report has none.
        source: The file that was read, as the caller named it; None for a text.
        warnings: Problems in reading that a user should know, such as pages without a text layer or values that
            couldn't be interpreted.
        tables: The tables in order; their rows are `units` of the kind `table`.
    """

    text: str
    units: tuple[Line, ...]
    title: str | None = None
    issuer: str | None = None
    year: int | None = None
    date: str | None = None
    doc_number: str | None = None
    source: str | None = None
    warnings: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()

    def __post_init__(self) -> None:
        _check_units(self.text, self.units)
        for table in self.tables:
            spans = [(table.start, table.end, table.text), *((c.start, c.end, c.text) for c in table.cells)]
            for start, end, said in spans:
                if self.text[start:end] != said:
                    raise ValueError(f"text[{start}:{end}] is not the table's {said[:20]!r}")

    @property
    def paragraphs(self) -> tuple[Line, ...]:
        """The `body` lines in order."""
        return tuple(u for u in self.units if u.kind is LineKind.BODY)


def check_span(text: str, start: int, end: int, what: str) -> None:
    """Check that offsets are possible for a text.

    Args:
        text: The text of the span.
        start: The offset of its first character.
        end: The offset after its last character.
        what: What the span is, for the error message.

    Raises:
        ValueError: `start` is negative, or the span is not as long as the text.
    """
    if start < 0 or end - start != len(text):
        raise ValueError(f"{what} {text[:20]!r} has {len(text)} characters but offsets {start}..{end}")


def _check_units(text: str, units: tuple[Line, ...]) -> None:
    at = 0
    for unit in units:
        if unit.start < at:
            raise ValueError(f"unit {unit.text[:20]!r} at {unit.start} overlaps the one that ends at {at}")
        if text[unit.start : unit.end] != unit.text:
            raise ValueError(f"text[{unit.start}:{unit.end}] is not the unit {unit.text[:20]!r}")
        at = unit.end
