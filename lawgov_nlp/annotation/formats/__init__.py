"""Convert annotated reports to and from the formats of annotation tools: Label Studio, doccano, CoNLL, csv and Excel.

    reading = read_annotations([Path("export.json")])      # documents, counts, and rows that are wrong
    reading.findings.check()                               # raises, with a line for each wrong row
    write_annotations(reading.documents, Path("reports"))  # the markup, which training reads

The files of the formats don't import each other: each one turns a file into rows, and documents into a file. `merge`
assembles rows into reports. Every format counts in `Issues.notes` whatever it drops.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lawgov_nlp.annotation.formats.document import Document, Row, from_gold, mark_requested, to_gold, without_coding
from lawgov_nlp.annotation.formats.issues import Issues, Problem
from lawgov_nlp.annotation.formats.label_studio import labelling_config
from lawgov_nlp.annotation.formats.merge import assemble
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.annotation.formats.predictions import scheme_of as tagged_scheme
from lawgov_nlp.annotation.formats.registry import FORMATS, WRITTEN, detect, target
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.atomic import Payload, save_new
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.paths import check_path, check_paths
from lawgov_nlp.scheme import CODEBOOK, Scheme

__all__ = [
    "FORMATS",
    "WRITTEN",
    "Document",
    "ImportResult",
    "Issues",
    "Options",
    "Problem",
    "detect",
    "from_gold",
    "labelling_config",
    "mark_requested",
    "read_annotations",
    "render_annotations",
    "target",
    "to_gold",
    "without_coding",
    "write_annotations",
    "write_rejected",
]


PREDICTIONS = "{n} 份报告的标注出自模型，写出后与人工标注无从区分，请逐段核对（--to label-studio 或 xlsx 分得开）"


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """The content of the files: the reports, the format of each file, the issues found, and the label scheme."""

    documents: list[Document]
    formats: list[str]
    findings: Issues
    scheme: Scheme = CODEBOOK

    @property
    def gold(self) -> list[GoldReport]:
        """The reports as `lawgov_nlp.annotation.markup` represents them."""
        return [to_gold(document) for document in self.documents]


def read_annotations(paths: Sequence[Path], form: str | None = None, options: Options | None = None) -> ImportResult:
    """Read files of one or several formats. Paragraphs that occur more than once are merged where they agree.

    Args:
        paths: The files; for markup also a folder.
        form: One of `FORMATS`, applied to all files; None detects the format of each file.
        options: Information that the files don't contain themselves.

    Returns:
        The result. Wrong rows are in `findings.problems`. Their paragraphs stay in the report as uncoded ones, provided
        that their text and place can be read.

    Raises:
        InterchangeError: A file can't be read at all, or the files contain no paragraph.
    """
    paths = check_paths(paths, "paths")
    if form not in (None, *FORMATS):
        raise InterchangeError(f"format {form!r} is unknown; expected one of {', '.join(FORMATS)}")
    options, findings = options or Options(), Issues()
    rows: list[Row] = []
    formats = [form or detect(path) for path in paths]
    scheme = options.scheme or tagged_scheme(p for p, name in zip(paths, formats, strict=True) if name == "tagged")
    options = replace(options, scheme=scheme)
    for path, name in zip(paths, formats, strict=True):
        try:
            rows += FORMATS[name].read(path, findings, options)
        except OSError as error:
            raise InterchangeError(f"{path}: can't be read ({error.strerror})") from None
        except UnicodeDecodeError as error:
            raise InterchangeError(f"{path}: not UTF-8 ({error.reason} at byte {error.start})") from None
    if not rows and not findings.problems:
        raise InterchangeError(f"{', '.join(map(str, paths))}: no paragraph found")
    return ImportResult(
        documents=assemble(rows, findings, options.annotator), formats=formats, findings=findings, scheme=scheme
    )


def render_annotations(
    documents: Sequence[Document], form: str, findings: Issues, scheme: Scheme = CODEBOOK
) -> Payload:
    """Render reports, labelled with `scheme`, in a format. Whatever the format can't hold is counted in `findings`.

    Raises:
        InterchangeError: The format is unknown or can only be read, or a report doesn't fit it.
    """
    maker = FORMATS[form].write if form in FORMATS else None
    if maker is None:
        raise InterchangeError(f"{form!r} can't be written; expected one of {', '.join(WRITTEN)}")
    if form not in ("label-studio", "csv", "xlsx"):  # these tell a model's labels from a person's
        findings.count(form, PREDICTIONS, sum(bool(document.model) for document in documents))
    return maker(documents, findings, scheme)


def write_annotations(
    documents: Sequence[Document], path: Path, form: str | None = None, scheme: Scheme = CODEBOOK
) -> Issues:
    """Write reports, labelled with `scheme`, to a new file (for markup a new folder), and return what was left out.

    Raises:
        InterchangeError: A report doesn't fit the format.
        OutputError: The file exists already or can't be written.
    """
    check_path(path, "path")
    findings = Issues()
    payload = render_annotations(documents, form or target(path), findings, scheme)
    findings.check()
    save_new(payload, path)
    return findings


def write_rejected(problems: Sequence[Problem], path: Path) -> None:
    """Write the wrong rows with their reasons as JSONL.

    Raises:
        OutputError: The file exists already.
    """
    lines = [json.dumps(p.to_dict(), ensure_ascii=False, default=str) + "\n" for p in problems]
    save_new("".join(lines).encode(), path)
