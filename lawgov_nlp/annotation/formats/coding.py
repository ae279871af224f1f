"""Read the coding of a row. A row with a wrong coding leaves its paragraph in the report, uncoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lawgov_nlp.annotation.formats.document import INDICATORS, LABELS, CodedLine, Origin, Row
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.report import LineKind

Place = dict[str, Any]
"""The fields of `Row` that give the place of a paragraph."""


def make_row(
    findings: Issues,
    origin: Origin,
    text: str,
    headings: tuple[str, ...],
    place: Place,
    code: Callable[[CodedLine], CodedLine],
    annotators: tuple[str, ...] = (),
) -> Row:
    """Build a row. If `code` raises `RowError`, record the problem and keep the paragraph with no layer coded."""
    bare = CodedLine(kind=LineKind.BODY, text=text, headings=headings).without(LABELS, INDICATORS)
    try:
        line = code(bare)
    except RowError as error:
        findings.add(origin, str(error))
        line = bare
    return Row(origin=origin, line=line, annotators=annotators, **place)
