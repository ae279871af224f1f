"""`lawgov panel` and `lawgov places`: from reports to place × year × indicator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lawgov_nlp.atomic import staged
from lawgov_nlp.cli.common import BackendOption, DeviceOption, ModelOption, escape, fail, find_files, show_notes
from lawgov_nlp.errors import LawgovError, OutputError, PanelError

if TYPE_CHECKING:
    from lawgov_nlp.report import Report
    from lawgov_nlp.results.tagged_report import TaggedReport

_Paths = Annotated[
    list[Path],
    typer.Argument(
        help="Tagged reports (jsonl of `lawgov tag`, a folder of --parts), or reports, which are then tagged."
    ),
]
_Places = Annotated[
    Path | None, typer.Option("--places", help="Your table of places: what `lawgov places` wrote, corrected.")
]
_SHOWN = 12


def panel(
    paths: _Paths,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A file that ends in .xlsx .csv .dta .parquet .html, or a folder for all."),
    ],
    places: _Places = None,
    indicators: Annotated[
        Path | None,
        typer.Option("--indicators", help="Your indicators.csv: its codes are added, or replace those they name."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")] = False,
    device: DeviceOption = "auto",
    backend: BackendOption = "auto",
    model: ModelOption = None,
) -> None:
    """Make a panel: a row for each place and year, a column for each indicator, with the sentence behind every cell."""
    console, notes = Console(), Console(stderr=True)
    failures: list[tuple[str, LawgovError]] = []
    try:
        from lawgov_nlp.panel.build import build_panel
        from lawgov_nlp.panel.files import write_panel
        from lawgov_nlp.panel.indicators import load_indicators
        from lawgov_nlp.panel.place_table import load_places

        table, codes = load_places(places), load_indicators(indicators)  # wrong tables are told before hours of tagging
        settings: dict[str, object] = {"model": model, "device": device, "backend": backend}
        made = build_panel(_tagged(paths, failures, settings), places=table, indicators=codes)
        written = write_panel(made, out, overwrite=overwrite)
    except ImportError as error:
        fail(notes, OutputError(f"{error.name} is missing; install it with: pip install 'lawgov-nlp[panel]'"))
    except LawgovError as error:
        _show_failures(notes, failures)
        fail(notes, error)
    show_notes(notes, made.notes[:_SHOWN])
    if len(made.notes) > _SHOWN:
        show_notes(notes, [f"另有 {len(made.notes) - _SHOWN} 条"])
    counts = "，".join(f"{name} {count}" for name, count in made.counts.items())
    size = f"{made.wide['place_id'].nunique()} 个地方，{len(made.wide)} 份报告，{len(made.long)} 格"
    console.print(
        f"{size}，{len(made.checks)} 处待查（{counts}）",
        highlight=False,
        soft_wrap=True,
    )
    for path in written if len(written) <= _SHOWN else [out]:
        notes.print(f"已写入 {escape(str(path))}", highlight=False, soft_wrap=True)
    if failures:
        _show_failures(notes, failures)
        raise typer.Exit(1)


def places(
    paths: _Paths,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The csv to write; correct it and give it back with --places.")
    ],
    places: _Places = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
) -> None:
    """List the places of reports: what was resolved to which code, what wasn't, and the candidates."""
    notes = Console(stderr=True)
    failures: list[tuple[str, LawgovError]] = []
    try:
        from lawgov_nlp.panel.place_table import COLUMNS, load_places, place_rows
        from lawgov_nlp.results.writers.base import explained
        from lawgov_nlp.results.writers.csv import csv_bytes

        if out.exists() and not overwrite:
            raise OutputError(f"{out} exists; choose another name, or overwrite it (--overwrite)")
        table = load_places(places)
        rows = place_rows(_reports(paths, failures), table)
        if not rows:
            raise PanelError("no report could be read, so no places")
        with explained(out), staged(out.parent, overwrite=overwrite) as files:
            files.claim(out.name).write_bytes(csv_bytes(COLUMNS, ([row[c] for c in COLUMNS] for row in rows)))
            files.publish()
    except LawgovError as error:
        _show_failures(notes, failures)
        fail(notes, error)
    show_notes(notes, table.notes)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    shown = "，".join(f"{status} {count}" for status, count in counts.items())
    notes.print(f"已写入 {escape(str(out))}（{len(rows)} 行：{shown}）", highlight=False, soft_wrap=True)
    if failures:
        _show_failures(notes, failures)
        raise typer.Exit(1)


def _split(paths: list[Path], failures: list[tuple[str, LawgovError]]) -> tuple[list[Path], list[Path]]:
    """The files of tagged reports, and the reports that are still to be tagged."""
    from lawgov_nlp.panel.sources import tagged_files

    tagged: list[Path] = []
    plain: list[Path] = []
    for path in paths:
        found = tagged_files(path) if path.exists() else []
        if found:
            tagged += found
        else:
            plain.append(path)
    return list(dict.fromkeys(tagged)), find_files(plain, failures) if plain else []


def _tagged(
    paths: list[Path], failures: list[tuple[str, LawgovError]], settings: dict[str, object]
) -> Iterator[TaggedReport]:
    from lawgov_nlp.panel.sources import read_tagged

    tagged, plain = _split(paths, failures)
    yield from read_tagged(tagged)
    if plain:
        from lawgov_nlp.api import tag_reports

        yield from tag_reports(
            plain,
            on_error=lambda source, error: failures.append((str(source), error)),
            **settings,  # type: ignore[arg-type]
        )


def _reports(paths: list[Path], failures: list[tuple[str, LawgovError]]) -> Iterator[Report]:
    from lawgov_nlp.panel.sources import read_tagged
    from lawgov_nlp.readers.pool import read_reports

    tagged, plain = _split(paths, failures)
    yield from read_tagged(tagged)
    yield from read_reports(plain, lambda source, error: failures.append((str(source), error)))


def _show_failures(notes: Console, failures: list[tuple[str, LawgovError]]) -> None:
    if failures:
        from lawgov_nlp.cli.terminal import failure_table

        notes.print(failure_table(failures))
