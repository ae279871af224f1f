"""Tagged reports as two csv files."""

from __future__ import annotations

import csv
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from lawgov_nlp.results.tables import columns
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers.base import FORMULA_STARTS, Place, table_rows, two_tables
from lawgov_nlp.scheme import Scheme


class CsvSink:
    """Paragraphs in one file, indicators in another."""

    def __init__(self, place: Place, path: Path) -> None:
        self._stack = ExitStack()
        self._writers = {}
        for what, target in two_tables(place, path).items():
            # utf-8-sig: without the mark Excel reads Chinese as the machine's own code page
            file = self._stack.enter_context(target.open("w", encoding="utf-8-sig", newline=""))
            self._writers[what] = csv.writer(file)

    def begin(self, scheme: Scheme) -> None:
        for what, writer in self._writers.items():
            writer.writerow(c.name for c in columns(what, scheme))

    def add(self, report: TaggedReport) -> None:
        for what, writer in self._writers.items():
            writer.writerows(map(_csv_cell, row.values()) for row in table_rows(report, what))

    def finish(self) -> None:
        self._stack.close()

    release = finish


def _csv_cell(value: str | float | Decimal | None) -> str | float | None:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return f"{value:f}" if isinstance(value, Decimal) else value
