"""Counts of what is lost in formats that hold only paragraphs and nothing between them."""

from __future__ import annotations

from lawgov_nlp.annotation.formats.document import Document
from lawgov_nlp.annotation.formats.issues import Issues
from lawgov_nlp.report import LineKind

LINES = "{n} 行标题、称谓、落款未写出（各段之上的标题除外）"
HEADER = "{n} 份报告的题头（层级、年度等）未写出"
UNASKED = "{n} 段不在待标之列，未写出"


def count_lost(document: Document, findings: Issues, form: str, held: frozenset[str] = frozenset()) -> None:
    """Count what a format with one row per paragraph leaves out; `held` names the header fields that it keeps."""
    bodies = [line for line in document.lines if line.kind is LineKind.BODY]
    findings.count(form, UNASKED, sum(not line.asked for line in bodies))
    shown = {h for line in document.lines for h in line.headings}
    lost = [line for line in document.lines if line.kind is not LineKind.BODY and line.text.strip() not in shown]
    findings.count(form, LINES, len(lost))
    findings.count(form, HEADER, int(bool(document.meta.keys() - held)))
