"""The values that everything else passes around: a report and its units.

All offsets count characters (Unicode code points) of one string, `Report.text`, half-open:
`report.text[unit.start:unit.end] == unit.text`, always. The text is the reader's output and is never
normalised; whoever needs a normal form makes it beside the text.
"""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.text import StrEnum


class LineKind(StrEnum):
    """What a non-blank line of a report is. Only `body` units carry a dimension."""

    TITLE = "title"
    SALUTATION = "salutation"
    HEADING = "heading"
    BODY = "body"
    SIGNOFF = "signoff"
    ARTIFACT = "artifact"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One non-blank line of a report.

    Attributes:
        kind: What the line is.
        text: The line without the white space around it.
        start: Offset of its first character in `Report.text`.
        end: Offset behind its last character.
        headings: The headings above a `body` unit from the outermost in, its own run-in heading last.
    """

    kind: LineKind
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "unit")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as it was read, with its structure; nothing in it comes from the model.

    Attributes:
        text: The whole text; every offset counts in it.
        units: Its non-blank lines in order.
        title: The title, or None where the report has none. So too the other four.
        issuer: The body that reports (`某县某镇人民政府`).
        year: The year reported on.
        date: The date of signing, ISO 8601 (`2024-01-15`; `2024-01` where no day is given).
        doc_number: The document number (`某政〔2024〕8号`).
        source: The file that it was read from, as given; None for a text.
        warnings: What a user should know of the reading: pages without a text layer, values not understood.
    """

    text: str
    units: tuple[Line, ...]
    title: str | None = None
    issuer: str | None = None
    year: int | None = None
    date: str | None = None
    doc_number: str | None = None
    source: str | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_units(self.text, self.units)

    @property
    def paragraphs(self) -> tuple[Line, ...]:
        """The `body` units in order."""
        return tuple(u for u in self.units if u.kind is LineKind.BODY)


def check_span(text: str, start: int, end: int, what: str) -> None:
    """Refuse offsets that can't be those of the text.

    Raises:
        ValueError: They begin before 0 or don't span as many characters as the text has.
    """
    if start < 0 or end - start != len(text):
        raise ValueError(f"{what} {text[:20]!r} has {len(text)} characters but offsets {start}..{end}")


def _check_units(text: str, units: tuple[Line, ...]) -> None:
    at = 0
    for unit in units:
        if unit.start < at:
            raise ValueError(f"unit {unit.text[:20]!r} at {unit.start} overlaps the one that ends at {at}")
        if text[unit.start : unit.end] != unit.text:
            raise ValueError(f"text[{unit.start}:{unit.end}] is not the unit {unit.text[:20]!r}")
        at = unit.end
