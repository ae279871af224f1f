"""Write tagged reports as two Parquet files."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.errors import OutputError
from lawgov_nlp.results.tables import columns
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers.base import table_rows, two_tables
from lawgov_nlp.scheme import Scheme

_ROW_GROUP = 10_000  # the number of rows held in memory before they are written


class ParquetSink:
    """Writes paragraphs to one Parquet file and indicators to another."""

    def __init__(self, place: StagedFiles, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise OutputError('parquet needs pyarrow: pip install "lawgov-nlp[parquet]", or write csv') from error

        self._pa, self._writer = pa, parquet.ParquetWriter
        self._stack = ExitStack()
        self._files = two_tables(place, path)
        self._held: dict[str, list[dict[str, Any]]] = {what: [] for what in self._files}
        self._writers: dict[str, Any] = {}

    def begin(self, scheme: Scheme) -> None:
        pa = self._pa
        types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
        for what, file in self._files.items():
            fields = [pa.field(c.name, types[c.kind], metadata={"about": c.about}) for c in columns(what, scheme)]
            self._writers[what] = self._stack.enter_context(self._writer(file, pa.schema(fields)))

    def add(self, report: TaggedReport) -> None:
        for what, held in self._held.items():
            for row in table_rows(report, what):
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
