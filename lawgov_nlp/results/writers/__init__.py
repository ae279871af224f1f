"""Write tagged reports to files: jsonl, csv, xlsx, parquet and html.

    write_reports(reports, "2023.jsonl")             one complete line per report: `TaggedReport.from_dict` reads it
    write_reports(reports, "2023.csv")               2023.csv (paragraphs), 2023-indicators.csv, 2023-codebook.csv
    write_reports(reports, "2023.xlsx")              sheets 说明, 段落 and 指标; with English headers in English
    write_reports(reports, "2023.parquet")           2023.parquet, 2023-indicators.parquet, 2023-parquet-codebook.csv
    write_reports([report], "2023.html")             one self-contained page
    write_reports(reports, "pages", format="html")   a folder: one page per report and index.html

Only jsonl holds everything; tables hold the columns of `lawgov_nlp.results.tables.columns`. Files appear completely or
not at all: they are written to a hidden folder beside the target and moved into place when all are complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lawgov_nlp.atomic import staged
from lawgov_nlp.errors import OutputError
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers.base import Sink, explained
from lawgov_nlp.results.writers.csv import CsvSink, codebook_bytes
from lawgov_nlp.results.writers.html import PageSink, PagesSink
from lawgov_nlp.results.writers.jsonl import JsonlSink
from lawgov_nlp.results.writers.parquet import ParquetSink
from lawgov_nlp.results.writers.xlsx import XlsxSink
from lawgov_nlp.scheme import CODEBOOK, Scheme


def write_reports(
    reports: Iterable[TaggedReport],
    path: Path | str,
    format: str | None = None,
    *,
    overwrite: bool = False,
    scheme: Scheme | None = None,
    codebook: bool = True,
) -> list[Path]:
    """Write reports one after the other as they arrive, and return the paths of the written files.

    csv and parquet make two tables, paragraphs in NAME.csv and indicators in NAME-indicators.csv, and a
    NAME-codebook.csv (NAME-parquet-codebook.csv), which explains their columns. html makes one page if
    `path` ends in .html. Otherwise it makes a folder with index.html and a page per report, named after its source.

    Args:
        reports: Tagged reports, for example from `tag_reports`. If the iteration raises, the error passes through and
            nothing is written.
        path: The file, or for html the file or the folder.
        format: One of `FORMATS`; None takes it from the suffix of `path`.
        overwrite: Whether to replace existing files. Otherwise an existing file is an error, which is raised before any
            report is tagged if the file's name is known by then.
        codebook: Whether csv and parquet get a codebook beside them.
        scheme: The labels of the reports; None takes those of the first report, or the codebook if there is no report.

    Returns:
        The paths of the written files.

    Raises:
        OutputError: The format is unknown, a file exists, the target can't be written, a library is missing, the
            reports don't fit the format, or a report has other labels than the first. The message says what to do.
        TypeError: `reports` is a single report.
    """
    if isinstance(reports, TaggedReport):
        raise TypeError("write_reports takes an iterable of reports; for a single one: write_reports([report], path)")
    path = Path(path)
    format = _format(path, format)
    is_folder = format == "html" and path.suffix.lower() != ".html"
    with ExitStack() as stack:
        with explained(path):
            if not path.parent.is_dir():
                raise OutputError(f"{path}: the folder {path.parent} doesn't exist; create it first")
            target = path if is_folder else path.parent
            place = stack.enter_context(staged(target, overwrite=overwrite, beside=is_folder))
            sink: Sink = PagesSink(place) if is_folder else _SINKS[format](place, path)
            stack.callback(sink.release)
            explains = place.claim(path.stem + _CODEBOOKS[format]) if codebook and format in _CODEBOOKS else None
        begun: Scheme | None = None
        for report in reports:  # The iteration is outside `explained`: an OSError of the reader isn't one of writing.
            if report.source is not None:
                place.sources.add(Path(report.source).resolve())
            with explained(path):
                if begun is None:
                    sink.begin(begun := scheme or report.scheme)
                if report.scheme != begun and format != "jsonl":
                    raise OutputError(
                        f"{path}: {report.source or report.title} has the labels {report.scheme}, where {begun} were "
                        "expected; write reports of different models into files of their own"
                    )
                sink.add(report)
        with explained(path):
            if begun is None:
                sink.begin(scheme or CODEBOOK)
            sink.finish()
            if explains is not None:
                explains.write_bytes(codebook_bytes(begun or scheme or CODEBOOK))
            return place.publish()


_SINKS: Mapping[str, Any] = {
    "jsonl": JsonlSink,
    "csv": CsvSink,
    "xlsx": XlsxSink,
    "parquet": ParquetSink,
    "html": PageSink,
}

_CODEBOOKS = {"csv": "-codebook.csv", "parquet": "-parquet-codebook.csv"}
"""The ends of the codebooks' names: they differ, so that both formats of one name fit into one folder."""

FORMATS: tuple[str, ...] = tuple(_SINKS)
"""The formats; the name of each is also its file suffix."""


def _format(path: Path, format: str | None) -> str:
    if format is None:
        format = path.suffix.lower().removeprefix(".")
        if format not in FORMATS:
            endings = ", ".join(f".{f}" for f in FORMATS)
            raise OutputError(
                f"{path}: can't tell the format from the name; let it end in one of {endings}, "
                "or say format='html' for a folder of pages"
            )
    if format not in FORMATS:
        raise OutputError(f"unknown format {format!r}; use one of: {', '.join(FORMATS)}")
    return format
