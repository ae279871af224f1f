"""A paragraph with its labels and its indicators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from lawgov_nlp.report import check_span
from lawgov_nlp.results.quantity import Qualifier
from lawgov_nlp.results.roles import Role
from lawgov_nlp.scheme import TOPICS, Dimension, Label


@dataclass(frozen=True, kw_only=True)
class CellPlace:
    """Where an indicator stands in a table.

    Attributes:
        table: The number of the table in `Report.tables`, from 0.
        row: The row of the table, from 0, its headings included.
        column: The column, from 0.
    """

    table: int
    row: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """A counted or measured quantity: a value, the name of what it counts, and its number, unit and qualifier.

    Attributes:
        text: The value as written (`300余户`).
        start: The offset of the value's first character in `Report.text`.
        end: The offset after the value's last character.
        name: The name of what is counted (`入户法律宣传`); None if the model found no name.
        name_start: The offset of the name's first character; None if `name` is None, or put together from the headings
            of a table's row and column.
        name_end: The offset after the name's last character; None if `name_start` is.
        number: The value as an exact number with 万 and 亿 multiplied out; None if it can't be read.
        unit: The unit (`户`, `%`, `元`); an empty string for a bare number.
        qualifier: Whether the number is exact, a lower bound, an approximation or an upper bound.
        dimension: The topic of what is counted, one of the `topics` of the report's scheme.
        score: The model's confidence in the value's span, 0 to 1: the geometric mean of its tokens' probabilities.
            1 for the figure of a table, which is found by rule.
        role: What the number says of the year: work done, a plan, last year's number, a change, a part of another
            number, a stock or a target; None in files that were written before roles were read.
        part_of: For a part, the `start` of the indicator that is its whole; None where there is none or it isn't told.
        table: Where it stands in a table; None in a paragraph.
        total: Whether it is a table's sum of other figures (合计).

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
    role: Role | None = field(default=None, metadata={"since": "0.1"})  # The first files lack these two fields.
    part_of: int | None = field(default=None, metadata={"since": "0.1"})
    table: CellPlace | None = field(default=None, metadata={"since": "0.2", "sparse": True})
    total: bool = field(default=False, metadata={"since": "0.2", "sparse": True})

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "value")
        composed = self.table is not None and self.name_start is None and self.name_end is None
        if self.name is not None and not composed:
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
        needs_review: Whether `confidence` is below the model's threshold, so that a human should check the label.
        indicators: The numeric indicators in order of their position.

    Raises:
        ValueError: An offset doesn't fit, `labels` doesn't begin with `label`, or an indicator is part of one that the
            paragraph doesn't have.
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

    def __post_init__(self) -> None:
        check_span(self.text, self.start, self.end, "paragraph")
        if (self.labels[0] if self.labels else None) != self.label:
            raise ValueError(f"labels {self.labels} must begin with the primary label {self.label}")
        starts = {i.start for i in self.indicators}
        for i in self.indicators:
            if i.part_of is not None and i.part_of not in starts:
                raise ValueError(
                    f"indicator {i.text!r}: part_of is {i.part_of}; use the start of an indicator of its paragraph"
                )

    @property
    def none_score(self) -> float:
        """The probability that the paragraph has no dimension: 1 minus the sum of its scores."""
        return max(0.0, 1.0 - float(sum(self.scores.values())))

    @property
    def confidence(self) -> float:
        """The calibrated probability that `label` is right: at 0.9, nine of ten labels should be right."""
        return float(self.scores.get(self.label, 0.0)) if self.label else self.none_score
