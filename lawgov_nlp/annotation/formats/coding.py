"""A row's coding, read so that a wrong one leaves its paragraph in the report, uncoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lawgov_nlp.annotation.formats.document import INDICATORS, LABELS, Line, Origin, Row
from lawgov_nlp.annotation.formats.issues import Findings, RowError
from lawgov_nlp.report import UnitKind

Place = dict[str, Any]
"""The fields of `Row` that say where a paragraph stands."""


def make_row(
    findings: Findings,
    origin: Origin,
    text: str,
    headings: tuple[str, ...],
    place: Place,
    code: Callable[[Line], Line],
    annotators: tuple[str, ...] = (),
) -> Row:
    """The row; where `code` raises `RowError`, the problem is noted and the paragraph stays, with no layer coded."""
    bare = Line(kind=UnitKind.BODY, text=text, headings=headings).without(LABELS, INDICATORS)
    try:
        line = code(bare)
    except RowError as error:
        findings.add(origin, str(error))
        line = bare
    return Row(origin=origin, line=line, annotators=annotators, **place)
