"""Write csv that Excel reads correctly: in UTF-8 and without formulas. Tagged reports make two such files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TextIO

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.results.tables import TABLES, columns
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers.base import FORMULA_STARTS, table_rows, two_tables
from lawgov_nlp.scheme import Scheme

ENCODING = "utf-8-sig"
"""UTF-8 with a byte order mark. Without the mark, Excel reads the file in the code page of the machine."""

Cell = str | float | Decimal | None

_FORMULA = re.compile(f"'*[{re.escape(''.join(FORMULA_STARTS))}]")
"""Texts to escape: beginnings of formulas, also with apostrophes before them, so that the escape can be reversed."""


class RowWriter(Protocol):
    """A writer of rows of cells."""

    def writerow(self, row: Iterable[Cell], /) -> object:
        """Write one row."""

    def writerows(self, rows: Iterable[Iterable[Cell]], /) -> object:
        """Write several rows."""


def csv_writer(file: TextIO) -> RowWriter:
    """Create a writer that escapes texts that are like formulas. `file` must be open with `newline=""`."""
    return _EscapingWriter(file)


def csv_bytes(header: Sequence[str], rows: Iterable[Iterable[Cell]]) -> bytes:
    """Return the content of a csv file."""
    text = io.StringIO(newline="")
    table = csv_writer(text)
    table.writerow(header)
    table.writerows(rows)
    return text.getvalue().encode(ENCODING)


def escape_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_cell(text: str) -> str:
    """Reverse `escape_cell`."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text[1:]) else text


def codebook_bytes(scheme: Scheme) -> bytes:
    """Return a csv file that explains each column of both tables in Chinese and English."""
    rows = ((what, c.name, c.kind, c.zh, c.about, c.en) for what in TABLES for c in columns(what, scheme))
    return csv_bytes(("table", "column", "type", "zh", "about_zh", "about_en"), rows)


class CsvSink:
    """Writes paragraphs to one csv file and indicators to another."""

    def __init__(self, place: StagedFiles, path: Path) -> None:
        self._stack = ExitStack()
        self._writers: dict[str, RowWriter] = {}
        for what, target in two_tables(place, path).items():
            file = self._stack.enter_context(target.open("w", encoding=ENCODING, newline=""))
            self._writers[what] = csv_writer(file)

    def begin(self, scheme: Scheme) -> None:
        for what, writer in self._writers.items():
            writer.writerow(c.name for c in columns(what, scheme))

    def add(self, report: TaggedReport) -> None:
        for what, writer in self._writers.items():
            writer.writerows(row.values() for row in table_rows(report, what))

    def finish(self) -> None:
        self._stack.close()

    release = finish


class _EscapingWriter:
    def __init__(self, file: TextIO) -> None:
        self._writer = csv.writer(file, lineterminator="\r\n")

    def writerow(self, row: Iterable[Cell]) -> None:
        self._writer.writerow(map(_plain, row))

    def writerows(self, rows: Iterable[Iterable[Cell]]) -> None:
        self._writer.writerows(map(_plain, row) for row in rows)


def _plain(value: Cell) -> str | float | None:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return escape_cell(value) if isinstance(value, str) else value
