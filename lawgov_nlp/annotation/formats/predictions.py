"""The output of `lawgov tag -o x.jsonl`: a model's predictions, to be exported for correction; only read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lawgov_nlp.annotation.formats.document import CodedLine, Document, Origin, Row, Value, rows
from lawgov_nlp.annotation.formats.issues import Issues
from lawgov_nlp.annotation.formats.json_fields import json_lines
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.errors import ReadError
from lawgov_nlp.results.serialize import FORMAT
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, Scheme

FORM = "tagged"


def read_predictions(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of tagged reports.

    Raises:
        InterchangeError: A line isn't JSON.
    """
    out: list[Row] = []
    taken: set[str] = set()
    for number, data in json_lines(path):
        try:
            report = TaggedReport.from_dict(data)
        except ReadError as error:
            findings.add(Origin(file=str(path), row=number, record=data), str(error))
            continue
        if options.scheme not in (None, report.scheme):
            findings.add(
                Origin(file=str(path), row=number, record=data),
                f"tagged with the labels {report.scheme}, expected {options.scheme}; convert the reports of each model "
                "on their own",
            )
            continue
        document = from_tagged(report, free_name(report, number, taken))
        out += rows(document, Origin(file=str(path), row=number))
    return out


def scheme_of(paths: Iterable[Path]) -> Scheme:
    """Return the labels of the first readable tagged report in these files, or the codebook's if there is none."""
    for path in paths:
        for _, data in json_lines(path):
            try:
                return TaggedReport.from_dict(data).scheme
            except ReadError:
                continue  # reported where the row is read
    return CODEBOOK


def from_tagged(report: TaggedReport, name: str) -> Document:
    """Convert a tagged report to lines; its blank lines are left out."""
    found = {p.start: p for p in report.paragraphs}
    lines = []
    for unit in report.units:
        paragraph = found.get(unit.start)
        if paragraph is None:
            lines.append(CodedLine(kind=unit.kind, text=unit.text))
            continue
        at = unit.start
        values = tuple(
            Value(
                span=(i.start - at, i.end - at),
                name=(i.name_start - at, i.name_end - at)
                if i.name_start is not None and i.name_end is not None
                else None,
                topic=i.dimension,
            )
            for i in paragraph.indicators
        )
        lines.append(
            CodedLine(
                kind=unit.kind,
                text=unit.text,
                headings=paragraph.headings,
                primary=paragraph.label,
                secondary=paragraph.labels[1:],
                values=values,
            )
        )
    meta = {"year": str(report.year)} if report.year else {}
    model = report.model or "unknown"  # without a model name, predictions would pass for human coding
    return Document(id=name, meta={**meta, "tagged_by": model}, lines=tuple(lines), model=model)


def looks_like(record: object) -> bool:
    """Return whether a line of JSONL is a tagged report."""
    return isinstance(record, dict) and record.get("format") == FORMAT


def free_name(report: TaggedReport, number: int, taken: set[str]) -> str:
    """Return a name for report number `number` that isn't in `taken`, and add it to `taken`.

    The name comes from the report's file; a number is appended if that name is taken.
    """
    stem = Path((report.source or "").replace("\\", "/")).stem.strip(". ") or f"report{number}"
    name, k = stem, 2
    while name in taken:
        name, k = f"{stem}-{k}", k + 1
    taken.add(name)
    return name
