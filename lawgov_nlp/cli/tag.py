"""`lawgov tag`: label the paragraphs of reports and extract their indicators."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from lawgov_nlp.api import tag_reports
from lawgov_nlp.batch.folder import PART_SIZE
from lawgov_nlp.cli.common import BackendOption, DeviceOption, ModelOption, escape, fail, find_files, local_path
from lawgov_nlp.cli.progress import progress
from lawgov_nlp.cli.tag_parts import tag_in_parts, tag_on_cluster
from lawgov_nlp.errors import LawgovError, OutputError
from lawgov_nlp.readers.load import Source
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers import FORMATS, write_reports


class Engine(str, Enum):
    """The engine that runs the tagging."""

    LOCAL = "local"
    RAY = "ray"


def tag(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Files (docx, pdf, html, txt, doc, wps, scans) and folders of them; with --engine ray also s3://…."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the results here; default: a table in the terminal.")
    ] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", "-f", help="jsonl, csv, xlsx, parquet or html; default: from OUT's suffix."),
    ] = None,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    model: ModelOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Processes that read files; 0 for none. Default: depends on the number of files."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds that a reading process may take for a file, or a page of a scan.")
    ] = 60.0,
    parts: Annotated[
        bool,
        typer.Option(
            "--parts",
            help="For a folder of very many files: write parts and a manifest into the folder OUT. If interrupted, the "
            "same command resumes.",
        ),
    ] = False,
    part_size: Annotated[int, typer.Option(min=1, help="Files in a part.")] = PART_SIZE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="With --parts or --engine ray: read files again that failed before.")
    ] = False,
    engine: Annotated[
        Engine,
        typer.Option(
            help="ray: tag a folder or bucket on a Ray cluster (RAY_ADDRESS, else this machine), in parts as with "
            "--parts; in parquet unless --format is jsonl or csv."
        ),
    ] = Engine.LOCAL,
    actors: Annotated[
        int | None,
        typer.Option(min=1, help="With --engine ray: processes that tag; default: as many as fit on the cluster."),
    ] = None,
    gpus_each: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1.0,
            help="With --engine ray: the share of a GPU for each tagging process; with 0.25 four share one.",
        ),
    ] = None,
) -> None:
    """Tag each paragraph of the reports and extract their numeric indicators.

    A file that can't be read is listed with the reason and the others continue; the exit code is then 1.
    """
    console, notes = Console(), Console(stderr=True)
    for option, given in (("--actors", actors), ("--gpus-each", gpus_each)):
        if given is not None and engine is not Engine.RAY:
            fail(notes, OutputError(f"{option} belongs to --engine ray; add it, or leave {option} out"))
    if gpus_each and device == "cpu":
        fail(
            notes,
            OutputError(f"--gpus-each {gpus_each:g} with --device cpu: these contradict each other; leave one out"),
        )
    settings = {"model": model, "device": device, "backend": backend, "workers": workers, "timeout": timeout}
    if parts or engine is Engine.RAY:
        settings |= {"part_size": part_size, "retry_failed": retry_failed, "overwrite": overwrite}
        if engine is Engine.RAY:
            settings |= {"workers": 1 if workers is None else workers, "actors": actors, "num_gpus": gpus_each}
            tag_on_cluster(notes, paths, out, form, settings)
        else:
            tag_in_parts(notes, paths, out, form, settings)
        return
    failures: list[tuple[str, LawgovError]] = []
    try:
        if retry_failed or part_size != PART_SIZE:
            raise OutputError("--retry-failed and --part-size belong to --parts; add it, or leave them out")
        if form not in (None, *FORMATS):
            raise OutputError(f"--format {form} is unknown; expected one of {', '.join(FORMATS)}")
        files = find_files(list(map(local_path, paths)), failures)
        if out is None and form not in (None, "jsonl"):
            raise OutputError(f"--format {form} needs a place to write to: add -o NAME.{form}")
        reports = progress(_tagged(files, failures, settings), len(files), failures, notes)
        if out is not None:
            written = write_reports(_some(reports), out, form, overwrite=overwrite)
            for path in written if len(written) <= 3 else [out]:
                notes.print(f"已写入 {escape(str(path))}", highlight=False, soft_wrap=True)
        elif form == "jsonl":
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")  # On Chinese Windows a redirected stdout is GBK.
            for report in reports:
                sys.stdout.write(json.dumps(report.to_dict(), ensure_ascii=False) + "\n")
        else:
            from lawgov_nlp.cli.terminal import report_table

            for report in reports:
                console.print(report_table(report))
                console.print()
    except _NothingReadError:
        pass  # Nothing was written; the failures are listed below.
    except LawgovError as error:
        fail(notes, error)
    if failures:
        from lawgov_nlp.cli.terminal import failure_table

        notes.print(failure_table(failures))
        raise typer.Exit(1)


class _NothingReadError(Exception):
    """No report could be read. It is raised within the writer, so that earlier results stay unchanged."""


def _some(reports: Iterator[TaggedReport]) -> Iterator[TaggedReport]:
    """Yield the reports, and raise `_NothingReadError` at the end if there was none."""
    count = 0
    for count, report in enumerate(reports, 1):  # noqa: B007 - the last value is needed
        yield report
    if not count:
        raise _NothingReadError


def _tagged(
    files: list[Path], failures: list[tuple[str, LawgovError]], settings: dict[str, Any]
) -> Iterator[TaggedReport]:
    """Tag files with the settings of `tag_reports`, and add files that can't be read to `failures`."""
    if not files:
        return

    def failed(source: Source, error: LawgovError) -> None:
        failures.append((str(source), error))

    yield from tag_reports(files, on_error=failed, **settings)
