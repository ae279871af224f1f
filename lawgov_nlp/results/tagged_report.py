"""A report with what the model found in it, and the forms that it can be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lawgov_nlp.report import LineKind, Report
from lawgov_nlp.results import serialize, tables
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.scheme import CODEBOOK, Scheme

if TYPE_CHECKING:
    import pandas as pd


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
        want = [(u.start, u.end) for u in self.units if u.kind is LineKind.BODY]
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
        return tables.to_frame(self, what)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready values; `from_dict` reads it back unchanged."""
        return serialize.to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TaggedReport:
        """The report that `to_dict` wrote.

        Raises:
            ValueError: A field is missing, or an offset doesn't fit the text.
        """
        return serialize.from_dict(data, cls)

    def to_html(self) -> str:
        """One self-contained page: the report as it reads, with dimensions, values and names marked."""
        from lawgov_nlp.results.page import to_html

        return to_html(self)

    def _repr_html_(self) -> str:
        from lawgov_nlp.results.page import to_notebook

        return to_notebook(self)
