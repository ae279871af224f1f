"""What `lawgov tag -o x.jsonl` writes: a model's predictions, to be taken out for correction. Read only."""

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
    """The paragraphs of tagged reports.

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
    """The labels of the first tagged report in these files; the codebook's where there is none that can be read."""
    for path in paths:
        for _, data in json_lines(path):
            try:
                return TaggedReport.from_dict(data).scheme
            except ReadError:
                continue  # told where it is read
    return CODEBOOK


def from_tagged(report: TaggedReport, name: str) -> Document:
    """A tagged report as lines, its blank ones left out."""
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
    model = report.model or "unknown"  # without a name they would pass for what people coded
    return Document(id=name, meta={**meta, "tagged_by": model}, lines=tuple(lines), model=model)


def looks_like(record: object) -> bool:
    """Whether a line of JSONL is a tagged report."""
    return isinstance(record, dict) and record.get("format") == FORMAT


def free_name(report: TaggedReport, number: int, taken: set[str]) -> str:
    """A name for report number `number`: its file's, numbered where one in `taken` has it; added to `taken`."""
    stem = Path((report.source or "").replace("\\", "/")).stem.strip(". ") or f"report{number}"
    name, k = stem, 2
    while name in taken:
        name, k = f"{stem}-{k}", k + 1
    taken.add(name)
    return name
