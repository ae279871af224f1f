"""Several reports in one file, as in a yearbook of townships: noticed by their titles, and parted there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import Line, LineKind, Report, Table

_BODY = r"[^，。；：、“”《》\s]{1,28}?(?:政府|办事处|委员会|管委会|党委|局|厅|委|办|院|镇|乡|街道|县|市|区|旗)"
_YEAR = r"(?:20\d\d|二[〇○零O0][〇○零O0一二三][〇○零O0一二三四五六七八九])\s*年"
_TITLE = re.compile(
    rf"(?P<body>{_BODY})?\s*(?:关于)?\s*(?P<year>{_YEAR})(?:度|上半年)?[^，。；：]{{0,16}}"
    r"(?:法[治制]政府|依法行政|法[治制]建设|依法治)[^，。；：]{0,24}(?:报告|总结|汇报|情况)\s*(?:[（(].{1,12}[）)])?"
)
_NAME = re.compile(_BODY)
_TITLE_CHARS = 60
_LEAST_CHARS = 60
"""Characters of paragraphs that a report has at least; titles with less between them are a table of contents."""


def openings(report: Report) -> tuple[int, ...]:
    """Where the reports of a file begin, as offsets; empty unless there are two of different bodies or years.

    Args:
        report: The file, read as one report.
    """
    units = [unit for unit in report.units if unit.kind is not LineKind.TABLE]
    found: list[tuple[int, str, str]] = []
    for k, unit in enumerate(units):
        title = _TITLE.fullmatch(unit.text) if len(unit.text) <= _TITLE_CHARS else None
        if title is None or unit.kind is LineKind.ARTIFACT:
            continue
        body, start = title["body"] or "", unit.start
        above = units[k - 1] if k else None
        if not body and above is not None and len(above.text) <= 30 and _NAME.fullmatch(above.text):
            body, start = above.text, above.start
        if body and not (found and found[-1][1:] == (body, title["year"])):  # a title again is a running header
            found.append((start, body, title["year"]))
    ends = [*(start for start, _, _ in found), len(report.text)][1:]
    full = [entry for entry, end in zip(found, ends, strict=True) if _chars(units, entry[0], end) >= _LEAST_CHARS]
    return tuple(start for start, _, _ in full) if len({entry[1:] for entry in full}) > 1 else ()


def _chars(units: Sequence[Line], start: int, end: int) -> int:
    return sum(len(unit.text) for unit in units if start <= unit.start < end and unit.kind is LineKind.BODY)


def noticed(report: Report) -> Report:
    """The report, with a warning where the file seems to hold several."""
    starts = openings(report)
    if not starts:
        return report
    said = f"this file seems to hold {len(starts)} reports, read as one; lawgov tag --split parts them at their titles"
    return replace(report, warnings=(*report.warnings, said))


def split_report(report: Report) -> tuple[Report, ...]:
    """Part a file with several reports at their titles; a file with one report is returned as it is.

    A preface before the first title is a part of its own; a cover or a table of contents, which has no paragraphs, is
    left out with a warning. The parts are numbered in their `source` (`年鉴.docx#2`), and their offsets count from the
    part's own beginning. Headings that only Word's styles mark as such are judged by their text again.

    Args:
        report: The file, read as one report.
    """
    starts = [*openings(report)]
    if not starts:
        return (report,)
    units = [unit for unit in report.units if unit.kind is not LineKind.TABLE]
    cover = report.text[: starts[0]].strip()
    if _chars(units, 0, starts[0]):
        starts.insert(0, 0)
        cover = ""
    left_out = (f"{len(cover)} characters before the first title were left out: {cover[:30]}…",) if cover else ()
    parts = []
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(report.text)], strict=True), 1):
        tables = [_moved(table, start) for table in report.tables if start <= table.start < end]
        warnings = tuple(said for said in report.warnings if "--split" not in said) + (left_out if number == 1 else ())
        source = f"{report.source}#{number}" if report.source else None
        parts.append(parse_report(report.text[start:end], source=source, warnings=warnings, tables=tables))
    return tuple(parts)


def _moved(table: Table, by: int) -> Table:
    """A table with its offsets counted from a later place."""
    cells = tuple(replace(cell, start=cell.start - by, end=cell.end - by) for cell in table.cells)
    return replace(table, start=table.start - by, end=table.end - by, cells=cells, headings=(), notes=())
