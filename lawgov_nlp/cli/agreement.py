"""`lawgov agreement`: how far two codings of the same reports agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from lawgov_nlp.cli.common import LABELS_HELP, chosen_scheme, escape, fail, show_notes
from lawgov_nlp.errors import LawgovError, OutputError

if TYPE_CHECKING:
    from lawgov_nlp.annotation.gold import GoldReport
    from lawgov_nlp.evaluation.agreement import Agreement
    from lawgov_nlp.scheme import Scheme

_COLUMNS = ("report", "unit", "what", "value", "first", "second", "text")


def agreement(
    first: Annotated[Path, typer.Argument(metavar="A", help="A folder of markup, or a file of another format.")],
    second: Annotated[
        Path | None, typer.Argument(metavar="B", help="The other coding; leave it out with two --annotator.")
    ] = None,
    annotator: Annotated[
        list[str] | None,
        typer.Option(help="Two annotators of one file, given twice; with A and B, whose coding to take from each."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the differences to this csv.")] = None,
    source: Annotated[str | None, typer.Option("--from", help="The format of both, if it can't be detected.")] = None,
    labels: Annotated[Path | None, typer.Option(help=LABELS_HELP)] = None,
) -> None:
    """Compare two codings of the same reports: kappa, alpha, spans, names and topics.

    Paragraphs that one coder left out don't count in any figure.
    """
    console, notes = Console(), Console(stderr=True)
    try:
        sides = _sides(first, second, annotator or [])
        if out is not None:
            from lawgov_nlp.atomic import check_new

            check_new(out)
        result = _agreement(notes, sides, source, chosen_scheme(labels))
        if out is not None:
            from lawgov_nlp.atomic import save_new

            save_new(_table(result), out)
    except ImportError as error:
        fail(notes, OutputError(f"{error.name} is missing; install it with: pip install 'lawgov-nlp[train]'"))
    except LawgovError as error:
        fail(notes, error)
    from lawgov_nlp.cli.terminal import agreement_table

    console.print(agreement_table(result, *(who or str(path) for path, who in sides)))
    if out is not None:
        notes.print(f"已写入 {escape(str(out))}（{len(result.rows)} 处不同）", highlight=False, soft_wrap=True)


def _sides(first: Path, second: Path | None, annotators: list[str]) -> list[tuple[Path, str | None]]:
    """Return the file and the annotator of each coding."""
    if len(annotators) not in (0, 2):
        raise OutputError(f"--annotator is given {len(annotators)} times; give it twice, once for each coding")
    if len(set(annotators)) == 1:
        raise OutputError(f"--annotator is {annotators[0]} both times; give two annotators")
    if second is None and not annotators:
        raise OutputError("there is one coding; give a second file, or two annotators of this one with --annotator")
    return list(zip((first, second or first), annotators or (None, None), strict=True))


def _agreement(
    notes: Console, files: list[tuple[Path, str | None]], source: str | None, scheme: Scheme | None
) -> Agreement:
    from lawgov_nlp.annotation.formats import Options, read_annotations
    from lawgov_nlp.evaluation.agreement import CodingError, compare

    sides: list[dict[str, GoldReport]] = []
    for path, who in files:
        reading = read_annotations([path], source, Options(scheme=scheme, annotator=who))
        show_notes(notes, reading.findings.notes)
        reading.findings.check()
        sides.append({report.id: report for report in reading.gold})
        scheme = reading.scheme
    shared = sides[0].keys() & sides[1].keys()
    if not shared:
        names = " and ".join(", ".join(sorted(side)[:3]) for side in sides)
        raise CodingError(f"no report is in both codings; they hold {names}")
    alone = len(sides[0].keys() ^ sides[1].keys())
    if alone:
        show_notes(notes, [f"{alone} 份报告只在一边，未比较"])
    pairs = [_alike(sides[0][name], sides[1][name]) for name in sorted(shared)]
    assert scheme is not None  # Each import has a scheme.
    return compare([a for a, _ in pairs], [b for _, b in pairs], scheme)


def _alike(first: GoldReport, second: GoldReport) -> tuple[GoldReport, GoldReport]:
    """Return both reports, or only their paragraphs if one comes from a format without other lines."""
    from lawgov_nlp.evaluation.agreement import paragraphs_only

    if [u.text for u in first.units] == [u.text for u in second.units]:
        return first, second
    return paragraphs_only(first), paragraphs_only(second)


def _table(result: Agreement) -> bytes:
    """Return the differences as a csv file."""
    from lawgov_nlp.results.writers.csv import csv_bytes

    return csv_bytes(_COLUMNS, ((r.report, r.unit, r.what, r.value, r.first, r.second, r.text) for r in result.rows))
