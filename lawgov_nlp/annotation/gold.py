"""Human annotations of a report: its lines, their labels and their indicators."""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Label


@dataclass(frozen=True, kw_only=True)
class GoldIndicator:
    """A hand-coded indicator: character offsets into the text of its line, and the topic of what it counts.

    The topic is None if nobody coded it. `lawgov_nlp.annotation.relabel` makes such indicators; the markup can't
    express them.
    """

    value: tuple[int, int]
    name: tuple[int, int]
    dimension: Label | None


@dataclass(frozen=True, kw_only=True)
class GoldLine:
    """A hand-coded line: its kind and, for a body line, its dimensions and indicators.

    `text` is the line as it is in the report, including the white space around it. `labels_coded` distinguishes a body
    line whose dimensions nobody coded from a line without any dimension; `indicators_coded` does so for indicators.
    """

    kind: LineKind
    text: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    indicators: tuple[GoldIndicator, ...] = ()
    labels_coded: bool = True
    indicators_coded: bool = True

    def __post_init__(self) -> None:
        if not self.labels_coded and (self.primary or self.secondary):
            raise ValueError(f"{self.text[:20]!r} has dimensions, but labels_coded=False says that nobody coded them")
        if not self.indicators_coded and self.indicators:
            raise ValueError(f"{self.text[:20]!r} has indicators, but indicators_coded=False says nobody coded them")


@dataclass(frozen=True, kw_only=True)
class GoldReport:
    """A hand-coded report. `meta` holds the fields of the header as they are written."""

    id: str
    meta: dict[str, str]
    units: tuple[GoldLine, ...]

    @property
    def text(self) -> str:
        """The plain text of the report, with one line per item of `units`."""
        return "\n".join(u.text for u in self.units)
