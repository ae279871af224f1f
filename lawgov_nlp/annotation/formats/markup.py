"""The package's own markup, a folder of `<id>.txt` files (data/FORMAT.md), which training reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lawgov_nlp.annotation import markup
from lawgov_nlp.annotation.formats.document import Document, Origin, Row, from_gold, rows, to_gold
from lawgov_nlp.annotation.formats.issues import Issues
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.errors import InterchangeError, MarkupError
from lawgov_nlp.scheme import CODEBOOK, Scheme

FORM = "markup"
UNNAMED = "{n} 个数值没有名称（模型未找到），未写出"
REASONS = "{n} 条建议标注的理由未写出"


def write_markup(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> dict[str, bytes]:
    """Return file names and contents, one file per report."""
    out = {}
    for document in documents:
        named = [v.name is not None for line in document.lines for v in line.values]
        findings.count(FORM, UNNAMED, named.count(False))
        findings.count(FORM, REASONS, sum(bool(line.why) for line in document.lines))
        out[f"{document.id}.txt"] = markup.to_markup(to_gold(document)).encode()
    return out


def read_markup(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the reports of a folder or of one file.

    Raises:
        InterchangeError: The folder contains no report.
    """
    found: list[Row] = []
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise InterchangeError(f"{path}: no annotated report (*.txt) in this folder")
    for file in files:
        try:
            gold = markup.read_markup(file, options.scheme or CODEBOOK)
        except MarkupError as error:
            where, _, reason = str(error).removeprefix(f"{file}:").partition(": ")
            row = int(where) if where.isdigit() else None
            findings.add(Origin(file=str(file), row=row, record={"report": file.stem}), reason or str(error))
            continue
        except UnicodeDecodeError as error:
            findings.add(Origin(file=str(file), record={"report": file.stem}), f"not UTF-8 ({error})")
            continue
        found += rows(from_gold(gold), Origin(file=str(file)))
    return found
