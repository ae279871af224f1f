"""The values that everything else passes around: a report, its units, and what the model found in them.

All offsets count characters (Unicode code points) of one string, `Report.text`, half-open:
`report.text[unit.start:unit.end] == unit.text`, always. The text is the reader's output and is never
normalised; whoever needs a normal form makes it beside the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from lawgov_nlp.scheme import CODEBOOK, DIMENSIONS, TOPICS, Dimension, Label, Scheme

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CODEBOOK",
    "DIMENSIONS",
    "TOPICS",
    "Dimension",
    "Indicator",
    "Label",
    "Qualifier",
    "Report",
    "Scheme",
    "TaggedParagraph",
    "TaggedReport",
    "Unit",
    "UnitKind",
]


class _Name(str, Enum):
    """A str enum that prints as its value (Python 3.10 has no StrEnum)."""

    def __str__(self) -> str:
        return self.value


class Qualifier(_Name):
    """How a number is meant: 302 (exact), 300余 (at_least), 近300 (about), 不足300 (at_most)."""

    EXACT = "exact"
    AT_LEAST = "at_least"
    ABOUT = "about"
    AT_MOST = "at_most"


class UnitKind(_Name):
    """What a non-blank line of a report is. Only `body` units carry a dimension."""

    TITLE = "title"
    SALUTATION = "salutation"
    HEADING = "heading"
    BODY = "body"
    SIGNOFF = "signoff"
    ARTIFACT = "artifact"


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One non-blank line of a report.

    Attributes:
        kind: What the line is.
        text: The line without the white space around it.
        start: Offset of its first character in `Report.text`.
        end: Offset behind its last character.
        headings: The headings above a `body` unit from the outermost in, its own run-in heading last.
    """

    kind: UnitKind
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_span(self.text, self.start, self.end, "unit")


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
    units: tuple[Unit, ...]
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
    def paragraphs(self) -> tuple[Unit, ...]:
        """The `body` units in order."""
        return tuple(u for u in self.units if u.kind is UnitKind.BODY)


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """One counted or measured quantity: a value, the name of what it counts, and how it reads.

    Attributes:
        text: The value as it stands (`300余户`).
        start: Offset of the value in `Report.text`; `end` is behind its last character.
        name: What is counted (`入户法律宣传`); None where the model found no name.
        name_start: Offset of the name, None with `name`; `name_end` is behind its last character.
        number: The value as an exact number, 万 and 亿 multiplied out; None where it can't be read.
        unit: The unit (`户`, `%`, `元`); an empty string for a bare number.
        qualifier: How the number is meant.
        dimension: The topic of what is counted; one of the `topics` of the report's scheme.
        score: How sure the model is of the value's span, 0 to 1: the geometric mean of its tokens' probabilities.
    """

    text: str
    start: int
    end: int
    name: str | None = None
    name_start: int | None = None
    name_end: int | None = None
    number: Decimal | None
    unit: str
    qualifier: Qualifier
    dimension: Label
    score: float = 1.0

    def __post_init__(self) -> None:
        _check_span(self.text, self.start, self.end, "value")
        if self.name is not None:
            if self.name_start is None or self.name_end is None:
                raise ValueError(f"indicator {self.text!r}: a name needs both of its offsets")
            _check_span(self.name, self.name_start, self.name_end, "name")
        if not self.dimension.counts:
            known = f"use one of {[*map(str, TOPICS)]}" if isinstance(self.dimension, Dimension) else "use a topic"
            raise ValueError(f"indicator {self.text!r}: dimension {self.dimension} is a function; {known}")


@dataclass(frozen=True, kw_only=True)
class TaggedParagraph:
    """A body paragraph with what the model says of it.

    Attributes:
        text: The paragraph; `start` and `end` are its offsets in the report's text.
        headings: The headings above it from the outermost in, its own run-in heading last.
        label: The primary dimension, or None (preamble, transition).
        labels: The primary dimension and then the secondary ones; empty where `label` is None.
        scores: For each dimension the probability that it is the primary one. What is missing to 1 is
            the probability of None.
        secondary_scores: For each dimension the probability that it is among `labels` at all.
        indicators: The numeric indicators in order of their place.
        needs_review: Whether `confidence` is below the model's threshold, so that a human should look at the label.
    """

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    label: Label | None
    labels: tuple[Label, ...]
    scores: Mapping[Label, float]
    secondary_scores: Mapping[Label, float] = field(default_factory=dict)
    indicators: tuple[Indicator, ...] = ()
    needs_review: bool = False

    def __post_init__(self) -> None:
        _check_span(self.text, self.start, self.end, "paragraph")
        if (self.labels[0] if self.labels else None) != self.label:
            raise ValueError(f"labels {self.labels} must begin with the primary label {self.label}")

    @property
    def none_score(self) -> float:
        """The probability that the paragraph has no dimension: what its scores leave to 1."""
        return max(0.0, 1.0 - float(sum(self.scores.values())))

    @property
    def confidence(self) -> float:
        """The probability that `label` is right: calibrated, so that of paragraphs at 0.9 nine in ten should be."""
        return float(self.scores.get(self.label, 0.0)) if self.label else self.none_score


@dataclass(frozen=True, kw_only=True)
class TaggedReport(Report):
    """A report with what the model says of its paragraphs.

    Attributes:
        tagged: The body paragraphs with their labels and indicators; also under `paragraphs`.
        model: Name and version of the model that tagged it.
        scheme: The labels that the model knows.
    """

    tagged: tuple[TaggedParagraph, ...]
    model: str = ""
    scheme: Scheme = CODEBOOK

    def __post_init__(self) -> None:
        super().__post_init__()
        want = [(u.start, u.end) for u in self.units if u.kind is UnitKind.BODY]
        if [(p.start, p.end) for p in self.tagged] != want:
            raise ValueError("every body unit needs exactly one tagged paragraph, in order")
        for paragraph in self.tagged:
            for label in (*paragraph.labels, *(i.dimension for i in paragraph.indicators)):
                if label not in self.scheme:
                    raise ValueError(f"label {label} isn't in the report's scheme: {self.scheme}")
            spans = [(paragraph.start, paragraph.end, paragraph.text)]
            for i in paragraph.indicators:
                spans += [(i.start, i.end, i.text), (i.name_start or 0, i.name_end or 0, i.name or "")]
            for start, end, text in spans:
                if self.text[start:end] != text:
                    raise ValueError(f"text[{start}:{end}] is {self.text[start:end][:20]!r}, not {text[:20]!r}")

    @property
    def paragraphs(self) -> tuple[TaggedParagraph, ...]:  # type: ignore[override]
        """The body paragraphs in order, tagged."""
        return self.tagged

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All indicators of the report in order."""
        return tuple(i for p in self.tagged for i in p.indicators)

    def to_frame(self, what: str = "paragraphs") -> pd.DataFrame:
        """One row per paragraph, or per indicator with `what="indicators"`."""
        from lawgov_nlp.render import to_frame

        return to_frame(self, what)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values; `from_dict` reads it back unchanged."""
        from lawgov_nlp.render import to_dict

        return to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaggedReport:
        """The report that `to_dict` wrote.

        Raises:
            ValueError: A field is missing, or an offset doesn't fit the text.
        """
        from lawgov_nlp.render import from_dict

        return from_dict(data)

    def to_html(self) -> str:
        """One self-contained page: the report as it reads, with dimensions, values and names marked."""
        from lawgov_nlp.page import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        from lawgov_nlp.page import to_notebook

        return to_notebook(self)


def _check_span(text: str, start: int, end: int, what: str) -> None:
    if start < 0 or end - start != len(text):
        raise ValueError(f"{what} {text[:20]!r} has {len(text)} characters but offsets {start}..{end}")


def _check_units(text: str, units: tuple[Unit, ...]) -> None:
    at = 0
    for unit in units:
        if unit.start < at:
            raise ValueError(f"unit {unit.text[:20]!r} at {unit.start} overlaps the one that ends at {at}")
        if text[unit.start : unit.end] != unit.text:
            raise ValueError(f"text[{unit.start}:{unit.end}] is not the unit {unit.text[:20]!r}")
        at = unit.end
