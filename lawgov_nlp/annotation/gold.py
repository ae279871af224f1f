"""What people say of a report: its lines, their labels and their indicators."""

from __future__ import annotations

from dataclasses import dataclass

from lawgov_nlp.report import LineKind
from lawgov_nlp.scheme import Label


@dataclass(frozen=True, kw_only=True)
class GoldIndicator:
    """A hand-coded indicator: offsets into the unit's text, and the topic of what is counted.

    Nobody coded the topic where it is None. The markup can't say so; `lawgov_nlp.annotation.relabel`
    makes such indicators.
    """

    value: tuple[int, int]
    name: tuple[int, int]
    dimension: Label | None


@dataclass(frozen=True, kw_only=True)
class GoldLine:
    """A hand-coded line: its kind, and for a body line its dimensions and indicators.

    `text` is the line as it stands in the report, spaces around it included. A body line whose dimensions nobody
    coded isn't one that has none: `labels_coded` tells them apart, and `indicators_coded` does so for indicators.
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
    """A hand-coded report. `meta` holds the header's fields as written."""

    id: str
    meta: dict[str, str]
    units: tuple[GoldLine, ...]

    @property
    def text(self) -> str:
        """The plain report, a line per unit."""
        return "\n".join(u.text for u in self.units)
