"""A paragraph with its labels and its indicators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lawgov_nlp.report import check_span
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.scheme import TOPICS, Dimension, Label


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """A counted or measured quantity: a value, the name of what it counts, and its number, unit and qualifier.

    Attributes:
        text: The value as written (`300余户`).
        start: The offset of the value's first character in `Report.text`.
        end: The offset after the value's last character.
        name: The name of what is counted (`入户法律宣传`); None if the model found no name.
        name_start: The offset of the name's first character; None if `name` is None.
        name_end: The offset after the name's last character; None if `name` is None.
        number: The value as an exact number with 万 and 亿 multiplied out; None if it can't be read.
        unit: The unit (`户`, `%`, `元`); an empty string for a bare number.
        qualifier: Whether the number is exact, a lower bound, an approximation or an upper bound.
        dimension: The topic of what is counted, one of the `topics` of the report's scheme.
        score: The model's confidence in the value's span, 0 to 1: the geometric mean of its tokens' probabilities; of
            text that was read by OCR, times `ocr`.
        ocr: How sure the OCR is of the least sure printed line that the value or the name stands in, 0 to 1; None for
            text that the file itself holds.
        needs_review: Whether that line is so doubtful that a human should compare the indicator with the picture.

    Raises:
        ValueError: An offset doesn't fit, a name lacks its offsets, or `dimension` is not a topic.
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
    ocr: float | None = field(default=None, metadata={"since": "0.2", "sparse": True})
    needs_review: bool = field(default=False, metadata={"since": "0.2", "sparse": True})

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "value")
        if self.name is not None:
            if self.name_start is None or self.name_end is None:
                raise ValueError(f"indicator {self.text!r}: a name needs both of its offsets")
            check_span(self.name, self.name_start, self.name_end, "name")
        if not self.dimension.is_topic:
            known = f"use one of {[*map(str, TOPICS)]}" if isinstance(self.dimension, Dimension) else "use a topic"
            raise ValueError(f"indicator {self.text!r}: dimension {self.dimension} is a function; {known}")


@dataclass(frozen=True, kw_only=True)
class TaggedParagraph:
    """A body paragraph with the model's results.

    Attributes:
        text: The text of the paragraph.
        start: The offset of its first character in the report's text.
        end: The offset after its last character.
        headings: The headings above it, outermost first and its own run-in heading last.
        label: The primary dimension, or None (preamble, transition).
        labels: The primary dimension followed by the secondary ones; empty if `label` is None.
        scores: For each dimension, the probability that it is the primary one. The rest to 1 is the probability of
            None.
        secondary_scores: For each dimension, the probability that it is among `labels`.
        needs_review: Whether a human should look at it: `confidence` is below the model's threshold, or an indicator
            was read by OCR from a doubtful line.
        indicators: The numeric indicators in order of their position.
        ocr: How sure the OCR is of its least sure printed line, 0 to 1; None for text that the file itself holds.

    Raises:
        ValueError: An offset doesn't fit, or `labels` doesn't begin with `label`.
    """

    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    label: Label | None
    labels: tuple[Label, ...]
    scores: Mapping[Label, float]
    secondary_scores: Mapping[Label, float] = field(default_factory=dict)
    needs_review: bool = field(default=False, metadata={"since": "0.1"})  # The first files lack this field.
    indicators: tuple[Indicator, ...] = ()
    ocr: float | None = field(default=None, metadata={"since": "0.2", "sparse": True})

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "paragraph")
        if (self.labels[0] if self.labels else None) != self.label:
            raise ValueError(f"labels {self.labels} must begin with the primary label {self.label}")

    @property
    def none_score(self) -> float:
        """The probability that the paragraph has no dimension: 1 minus the sum of its scores."""
        return max(0.0, 1.0 - float(sum(self.scores.values())))

    @property
    def confidence(self) -> float:
        """The calibrated probability that `label` is right: at 0.9, nine of ten labels should be right."""
        return float(self.scores.get(self.label, 0.0)) if self.label else self.none_score
