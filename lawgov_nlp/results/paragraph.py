"""A paragraph with what the model found in it: its labels and its indicators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lawgov_nlp.report import check_span
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.scheme import TOPICS, Dimension, Label


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
    needs_review: bool = field(default=False, metadata={"since": "0.1"})  # the first files had none
    indicators: tuple[Indicator, ...] = ()

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "paragraph")
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
