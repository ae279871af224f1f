"""Tag a Ray dataset of reports (texts, files or their bytes); the result has a row per paragraph.

    reports = ray.data.read_parquet("texts")                                   # columns id and text
    tag_dataset(reports).write_parquet("tagged")

    files = ray.data.read_binary_files("s3://county/reports", include_paths=True)
    tag_dataset(files, path_column="path", bytes_column="bytes", keep=()).write_parquet("tagged")

Every report appears in the result: one that can't be read has a row with the reason under `error`. If an actor dies,
its batch is tagged again and Ray drops the dead actor's output, so that the dataset holds every paragraph once. If the
whole program dies, the files that `write_parquet` has written so far must be deleted. Only
`lawgov_nlp.batch.ray.tag_folder` can resume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lawgov_nlp.batch.ray.session import (
    GIVEN_UP,
    Share,
    attempt,
    load_ray,
    my_name,
    new_attempts,
    on_all_nodes,
    on_this_node,
    room,
    share,
)
from lawgov_nlp.errors import LawgovError, OutputError, ReadError
from lawgov_nlp.model.checkpoints import is_shipped, model_scheme, named_model
from lawgov_nlp.readers.load import read_report
from lawgov_nlp.readers.pool import ReadingPool
from lawgov_nlp.report import Report
from lawgov_nlp.results.tables import columns as table_columns
from lawgov_nlp.results.tables import rows
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, Scheme

if TYPE_CHECKING:
    import pyarrow as pa
    from ray.actor import ActorHandle
    from ray.data import Dataset

_OF_THE_ROW = ("source", "title", "issuer", "year", "date", "doc_number", "paragraph", "paragraph_label", "model")
"""The columns of the table of indicators that the row of their paragraph already has."""


def tag_dataset(
    dataset: Dataset,
    *,
    text_column: str = "text",
    path_column: str | None = None,
    bytes_column: str | None = None,
    keep: Sequence[str] = ("id",),
    model: Path | str | None = None,
    device: str = "auto",
    backend: str = "auto",
    batch_size: int = 32,
    concurrency: int | tuple[int, int] | None = None,
    num_cpus: float = 1,
    num_gpus: float | None = None,
    workers: int = 1,
    timeout: float = 60.0,
) -> Dataset:
    """Tag a dataset with a report per row. Nothing runs before the result is consumed.

    The result has a row per paragraph. Its columns are those of `keep` and of the table of paragraphs
    (`TaggedReport.to_frame`), the report's `warnings`, and `error`. The column `indicators` holds the list of the
    paragraph's indicators, each with the columns of the table of indicators. A report that can't be read, or in whose
    batch actors died repeatedly, has one row with the reason under `error`. A report without paragraphs has one row
    without `error`. Both have no `paragraph`. The rows of a report are adjacent. The reports come in any order, unless
    Ray Data is set to preserve it (`DataContext.execution_options.preserve_order`).

    Args:
        dataset: A dataset with a report per row, as text or, with `path_column`, as a file.
        text_column: The column of the texts.
        path_column: The column of the files' paths, which must be valid on all nodes; the texts are then ignored.
        bytes_column: The column of the files' contents. The path then only gives the file's suffix and the `source`,
            and it may be an address.
        keep: The columns that each row of the result copies from its report.
        model: The folder of a model, under the same path on all nodes, or `tiny`.
        device: `auto` (a GPU for each actor if the cluster has one), `cpu` or `cuda`.
        backend: What runs the encoder, as in `lawgov_nlp.tag_report`. With `auto` each node chooses.
        batch_size: The number of reports that an actor takes at a time and that are tagged again if it dies.
        concurrency: The number of actors, or the minimum and the maximum. Each actor loads the model once. None takes
            between one and as many as fit on the nodes, or one less without GPUs: Ray's tasks that read and write the
            dataset need cores as well, and nothing proceeds if the actors occupy all of them.
        num_cpus: The cores of each actor.
        num_gpus: The GPUs of each actor; with 0.5 or less, several actors share one.
        workers: The number of processes of each actor that read files. With 0, the actor reads them without a limit of
            time or memory.
        timeout: The seconds that a worker may take for a file.

    Returns:
        The dataset of paragraphs.

    Raises:
        ReadError: A column is missing or has the wrong type (raised during consumption if the schema is unknown).
        OutputError: A column of `keep` has the name of one of the result's own columns.
        ModelError: The device isn't available, or (raised during consumption) the model isn't.
        ClusterError: Ray isn't installed, or no node has room for an actor.
        ValueError: A number is out of range, or `device` and `num_gpus` contradict each other.
    """
    ray = load_ray()
    own = frozenset(schema(CODEBOOK if is_shipped(model) else model_scheme(named_model(model))).names)
    columns = Columns(
        text=None if path_column else text_column, path=path_column, bytes=bytes_column, keep=tuple(keep), own=own
    )
    known = dataset.schema(fetch_if_missing=False)
    if known is not None:
        columns.check_names(known.names)
    ReadingPool(workers, timeout).close()  # This checks `workers` and `timeout`.
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: expected the number of reports that an actor takes, at least 1")
    each = share(device, num_cpus, num_gpus)
    if isinstance(concurrency, int):
        compute = ray.data.ActorPoolStrategy(size=concurrency)
    else:
        least, most = concurrency or (1, max(1, room(each) - (not each.gpus)))
        compute = ray.data.ActorPoolStrategy(min_size=least, max_size=most)
    setting = Setting(
        columns=columns,
        model=on_all_nodes(model),
        share=each,
        backend=backend,
        workers=workers,
        timeout=timeout,
        attempts=new_attempts(),
    )
    return dataset.map_batches(
        ReportTagger,
        batch_size=batch_size,
        batch_format="pyarrow",
        compute=compute,
        fn_constructor_kwargs={"setting": setting},
        num_cpus=num_cpus,
        num_gpus=each.gpus or None,
    )


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The roles of the dataset's columns.

    Attributes:
        text: The column of texts; None if there are paths.
        path: The column of paths, or None.
        bytes: The column of contents, or None.
        keep: The columns that each row of the result copies.
        own: The names of the result's own columns.

    Raises:
        ReadError: There is a column of contents without one of paths.
        OutputError: A column to keep has the name of one of the result's own columns.
    """

    text: str | None
    path: str | None
    bytes: str | None
    keep: tuple[str, ...]
    own: frozenset[str]

    def __post_init__(self) -> None:
        if self.bytes and not self.path:
            raise ReadError(
                f"bytes_column={self.bytes!r} without path_column: the ending of its name says what a file is; with "
                "ray.data.read_binary_files(…, include_paths=True) it is path_column='path'"
            )
        own = [name for name in self.keep if name in self.own]
        if own:
            raise OutputError(
                f"keep={list(self.keep)}: the result has columns of its own that are called {', '.join(own)}; give "
                "yours other names (dataset.rename_columns)"
            )

    def check_names(self, names: Sequence[str]) -> None:
        """Check that a dataset has all columns.

        Raises:
            ReadError: A column is missing.
        """
        wanted = [name for name in (self.text, self.path, self.bytes, *self.keep) if name]
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ReadError(
                f"the dataset has no column {', '.join(map(repr, missing))}, only {', '.join(map(repr, names))}; say "
                "which they are: text_column, path_column, bytes_column, keep"
            )

    def check_types(self, table: pa.Table) -> None:
        """Check that the columns have the right types.

        Raises:
            ReadError: A column has the wrong type.
        """
        from pyarrow import types

        strings, contents = (types.is_string, types.is_large_string), (types.is_binary, types.is_large_binary)
        for name, right, what in (
            (self.text, strings, "texts"),
            (self.path, strings, "paths"),
            (self.bytes, contents, "bytes"),
        ):
            kind = table.schema.field(name).type if name else None
            if kind is not None and not types.is_null(kind) and not any(is_right(kind) for is_right in right):
                raise ReadError(f"column {name!r} holds {kind}, expected {what}")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The settings of every actor.

    Attributes:
        columns: The roles of the dataset's columns.
        model: The folder of the model or the name of a shipped one; None for the default one.
        share: The actor's share of the cluster.
        backend: What runs the encoder.
        workers: The number of processes that read files.
        timeout: The seconds that a worker may take for a file.
        attempts: The counter of failed attempts.
    """

    columns: Columns
    model: Path | str | None
    share: Share
    backend: str
    workers: int
    timeout: float
    attempts: ActorHandle


class ReportTagger:
    """An actor that loads the model once and tags batches of reports.

    Raises:
        ModelError: This node doesn't have the model.
    """

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._tagger = on_this_node(setting.model, setting.share, setting.backend)
        self._pool = ReadingPool(setting.workers, setting.timeout)
        self._name = my_name()

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Tag a batch with a row per report, and return a table with a row per paragraph.

        Raises:
            ReadError: A column is missing or has the wrong type.
        """
        columns = self._setting.columns
        columns.check_names(batch.column_names)
        columns.check_types(batch)
        with attempt(
            self._setting.attempts, self._name, _digest(batch[columns.bytes or columns.text or columns.path])
        ) as go:
            found = self._tag(batch) if go else self._given_up(batch)
        return _result(batch.select(list(columns.keep)), found, self._tagger.model.scheme)

    def _tag(self, batch: pa.Table) -> list[list[dict[str, Any]]]:
        """Return, for each row of the batch, its rows of the result without the copied columns."""
        found: list[list[dict[str, Any]]] = [[] for _ in range(batch.num_rows)]
        read: list[int] = []
        with TemporaryDirectory(prefix="lawgov-") as folder:
            for number, tagged in enumerate(self._tagger.tag_many(self._readable(batch, Path(folder), found, read))):
                found[read[number]] = paragraph_rows(tagged)
        return found

    def _given_up(self, batch: pa.Table) -> list[list[dict[str, Any]]]:
        """Return the rows for a batch at which too many actors died: one per report, with the reason."""
        path = self._setting.columns.path
        sources = batch[path].to_pylist() if path else [None] * batch.num_rows
        reason = GIVEN_UP + "give each more (num_cpus) or less at a time (batch_size)"
        return [[{"source": source, "error": reason}] for source in sources]

    def _readable(
        self, batch: pa.Table, folder: Path, found: list[list[dict[str, Any]]], read: list[int]
    ) -> Iterator[Report]:
        """Yield the readable reports of the batch.

        The row numbers of the reports are appended to `read`. The reasons of the others are written to `found`.
        """
        columns = self._setting.columns
        sources: Iterable[tuple[int, str | None, Path | None]]
        if columns.path is None:
            sources = ((k, text, None) for k, text in enumerate(batch[columns.text].to_pylist()))
        else:
            sources = ((k, path, place) for k, (path, place) in enumerate(_files(batch, columns, folder)))
        for (k, given, place), reading in self._pool.read_tasks((source, source[2]) for source in sources):
            try:
                if reading is None:
                    if columns.path is not None or given is None:
                        raise ReadError(
                            "the row has no text" if columns.path is None else "the row has no path or no bytes"
                        )
                    report = read_report(given)
                else:
                    report = replace(reading.result(), source=given)
            except LawgovError as error:
                found[k] = [{"source": given if columns.path else None, "error": str(error).removeprefix(f"{place}: ")}]
            else:
                read.append(k)
                yield report


def paragraph_rows(report: TaggedReport) -> list[dict[str, Any]]:
    """Return the rows of a report with the columns of the result; there is always at least one."""
    nested: dict[int, list[dict[str, Any]]] = {}
    for indicator in rows(report, "indicators"):
        number = indicator["number"]
        indicator["number"] = None if number is None else float(number)  # as in the package's Parquet files
        nested.setdefault(indicator["paragraph"], []).append(indicator)
    found = list(rows(report, "paragraphs"))
    if not found:
        found = [{name: getattr(report, name) for name in _OF_THE_ROW if hasattr(report, name)}]
    return [
        {**row, "indicators": nested.get(row.get("paragraph", -1), []), "warnings": list(report.warnings)}
        for row in found
    ]


def schema(scheme: Scheme = CODEBOOK) -> pa.Schema:
    """Return the schema of the result for a model with these labels, without the copied columns."""
    import pyarrow as pa

    types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    own = [(c.name, types[c.kind]) for c in table_columns("indicators", scheme) if c.name not in _OF_THE_ROW]
    fields = {c.name: types[c.kind] for c in table_columns("paragraphs", scheme)}
    fields |= {"indicators": pa.list_(pa.struct(own)), "warnings": pa.list_(pa.string()), "error": pa.string()}
    return pa.schema(fields.items())


def _result(kept: pa.Table, found: Sequence[Sequence[dict[str, Any]]], scheme: Scheme) -> pa.Table:
    """Join the rows in `found` to the rows of `kept` that they belong to; the columns of `kept` come first."""
    import pyarrow as pa

    table = pa.Table.from_pylist([row for own in found for row in own], schema=schema(scheme))
    kept = kept.take(pa.array([k for k, own in enumerate(found) for _ in own], type=pa.int64()))
    return pa.table(
        {
            **dict(zip(kept.column_names, kept.columns, strict=True)),
            **dict(zip(table.column_names, table.columns, strict=True)),
        }
    )


def _files(batch: pa.Table, columns: Columns, folder: Path) -> Iterator[tuple[str | None, Path | None]]:
    """Yield each row's path as given, and the path to read from; each is None if the row doesn't have it."""
    paths = batch[columns.path].to_pylist()
    if columns.bytes is None:
        yield from ((path, None if path is None else Path(path)) for path in paths)
        return
    for k, (path, content) in enumerate(zip(paths, batch[columns.bytes], strict=True)):
        if path is None or not content.is_valid:
            yield path, None
            continue
        place = folder / f"{k}{PurePosixPath(path).suffix}"
        place.write_bytes(content.as_buffer())
        yield path, place


def _digest(sources: pa.ChunkedArray) -> bytes:
    """Hash the sources of a batch, so that it is recognised when it is tried again."""
    return hashlib.sha256("\0".join(map(str, sources.to_pylist())).encode("utf-8", "surrogatepass")).digest()
