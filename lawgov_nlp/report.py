"""A report and its lines: the data that all other modules exchange.

All offsets count characters (Unicode code points) of one string, `Report.text`. They are half-open, so
`report.text[line.start:line.end] == line.text` always holds. The text is what the reader returned and is never
normalised. Code that needs a normalised form makes a separate copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.text import StrEnum


class LineKind(StrEnum):
    """The role of a non-blank line in a report. Only `body` lines carry a dimension."""

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
        kind: The role of the line.
        text: The line without surrounding white space.
        start: The offset of its first character in `Report.text`.
        end: The offset after its last character.
        headings: The headings above a `body` line, outermost first and its own run-in heading last.
    """

    kind: LineKind
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "unit")


@dataclass(frozen=True, kw_only=True)
class OcrLine:
    """A printed line that was read from a picture of a page by OCR.

    Attributes:
        text: The line.
        start: The offset of its first character in `Report.text`.
        end: The offset after its last character.
        page: The page that it stands on, from 1 on.
        confidence: How sure the OCR is of its characters on average, 0 to 1; not a probability that all are right.
    """

    text: str
    start: int
    end: int
    page: int
    confidence: float

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "line of OCR")


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as it was read, with its structure. Nothing in it comes from the model.

    Attributes:
        text: The whole text, to which every offset refers.
        units: The non-blank lines in order.
        title: The title; None if the report has none.
        issuer: The issuing body (`某县某镇人民政府`); None if the report names none.
        year: The year that the report covers; None if unknown.
        date: The date of signing in ISO 8601 (`2024-01-15`, or `2024-01` if no day is given); None if unknown.
        doc_number: The document number (`某政〔2024〕8号`); None if the report has none.
        source: The file that was read, as the caller named it; None for a text.
        warnings: Problems in reading that a user should know, such as pages without a text layer or values that
            couldn't be interpreted.
        ocr: The printed lines that were read by OCR, in order; empty for a file that holds its text.
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
    ocr: tuple[OcrLine, ...] = ()

    def __post_init__(self) -> None:
        _check_spans(self.text, self.units, "unit")
        _check_spans(self.text, self.ocr, "line of OCR")

    @property
    def paragraphs(self) -> tuple[Line, ...]:
        """The `body` lines in order."""
        return tuple(u for u in self.units if u.kind is LineKind.BODY)


def check_span(text: str, start: int, end: int, what: str) -> None:
    """Check that offsets are possible for a text.

    Args:
        text: The text of the span.
        start: The offset of its first character.
        end: The offset after its last character.
        what: What the span is, for the error message.

    Raises:
        ValueError: `start` is negative, or the span is not as long as the text.
    """
    if start < 0 or end - start != len(text):
        raise ValueError(f"{what} {text[:20]!r} has {len(text)} characters but offsets {start}..{end}")


def _check_spans(text: str, spans: tuple[Line, ...] | tuple[OcrLine, ...], what: str) -> None:
    at = 0
    for span in spans:
        if span.start < at:
            raise ValueError(f"{what} {span.text[:20]!r} at {span.start} overlaps the one that ends at {at}")
        if text[span.start : span.end] != span.text:
            raise ValueError(f"text[{span.start}:{span.end}] is not the {what} {span.text[:20]!r}")
        at = span.end
