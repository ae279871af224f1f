"""A report with the model's results, and the conversion to its output forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.report import LineKind, Report
from lawgov_nlp.results import serialize, tables
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.scheme import CODEBOOK, Scheme

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class TaggedReport(Report):
    """A report with the model's results for its paragraphs.

    Attributes:
        tagged: The body paragraphs with their labels and indicators, also available as `paragraphs`.
        model: The name and version of the model that tagged the report.
        scheme: The labels of the model.
        table_indicators: The indicators of the tables, by table, row and column.

    Raises:
        ValueError: A body line has no tagged paragraph, a label isn't in the scheme, or an offset doesn't fit the text.
    """

    tagged: tuple[TaggedParagraph, ...]
    model: str = ""
    scheme: Scheme = CODEBOOK
    table_indicators: tuple[Indicator, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        want = [(u.start, u.end) for u in self.units if u.kind is LineKind.BODY]
        if [(p.start, p.end) for p in self.tagged] != want:
            raise ValueError("every body unit needs exactly one tagged paragraph, in order")
        for paragraph in self.tagged:
            for label in (*paragraph.labels, *(i.dimension for i in paragraph.indicators)):
                if label not in self.scheme:
                    raise ValueError(f"label {label} isn't in the report's scheme: {self.scheme}")
            self._check([(paragraph.start, paragraph.end, paragraph.text)], paragraph.indicators)
        for indicator in self.table_indicators:
            place = indicator.table
            if place is None or not 0 <= place.table < len(self.tables):
                raise ValueError(f"indicator {indicator.text!r} stands in no table of the {len(self.tables)}")
            table = self.tables[place.table]
            if not (0 <= place.row < table.rows and 0 <= place.column < table.columns):
                raise ValueError(f"indicator {indicator.text!r} stands outside its table: {place}")
            if indicator.dimension not in self.scheme:
                raise ValueError(f"label {indicator.dimension} isn't in the report's scheme: {self.scheme}")
        self._check([], self.table_indicators)

    def _check(self, spans: list[tuple[int, int, str]], indicators: tuple[Indicator, ...]) -> None:
        for i in indicators:
            spans.append((i.start, i.end, i.text))
            if i.name_start is not None and i.name_end is not None:
                spans.append((i.name_start, i.name_end, i.name or ""))
        for start, end, text in spans:
            if self.text[start:end] != text:
                raise ValueError(f"text[{start}:{end}] is {self.text[start:end][:20]!r}, not {text[:20]!r}")

    @property
    def paragraphs(self) -> tuple[TaggedParagraph, ...]:  # type: ignore[override]
        """The tagged body paragraphs in order."""
        return self.tagged

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All indicators of the report: those of the paragraphs by position, then those of the tables."""
        return (*(i for p in self.tagged for i in p.indicators), *self.table_indicators)

    def to_frame(self, what: str = "paragraphs") -> pd.DataFrame:
        """Return a table with a row per paragraph, per indicator (`what="indicators"`) or per cell (`what="cells"`).

        `lawgov_nlp.results.tables.to_frame` describes the columns.

        Raises:
            ValueError: `what` is none of these.
        """
        return tables.to_frame(self, what)

    to_frame.__doc__ = f"{to_frame.__doc__}\n{tables.describe('        ')}\n"

    def to_stata(self, path: Path, what: str = "paragraphs", *, overwrite: bool = False) -> None:
        """Write a table for Stata (14 and later), with Chinese labels of the variables.

        Raises:
            ValueError: `what` is neither "paragraphs" nor "indicators".
            OutputError: The file exists or can't be written.
        """
        from lawgov_nlp.results.stata import write_stata

        write_stata([self], path, what, overwrite=overwrite)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as values for JSON; `from_dict` restores the same report."""
        return serialize.to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaggedReport:
        """Restore a report from the dictionary that `to_dict` returned.

        Raises:
            ReadError: (a ValueError) The dictionary has another format or version, a field is missing or invalid, or
                an offset doesn't fit the text.
        """
        return serialize.from_dict(data, cls)

    def to_html(self) -> str:
        """Return a self-contained web page of the report with its dimensions, values and names marked."""
        from lawgov_nlp.results.page import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        from lawgov_nlp.results.page import to_notebook

        return to_notebook(self)
