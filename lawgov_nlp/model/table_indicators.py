"""Indicators from a report's tables: figures are found by rule, and the model says what each is about.

A name put together from headings is no sentence. The model therefore reads name, number and unit as a short statement
(`行政处罚简易程序42件`) below the table's section and caption, and gives the topic as for a value in a paragraph. Cells
with sentences are read like paragraphs, for their indicators alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lawgov_nlp.report import Cell, Line, LineKind, Report, Table
from lawgov_nlp.results.figures import Figure, figure_span, figures
from lawgov_nlp.results.paragraph import CellPlace, Indicator, TaggedParagraph
from lawgov_nlp.scheme import Label

MANY = 1000
"""In a table of more figures the topic is asked once for each column: ten thousand rows cost no more than ten."""

NAME_CHARACTERS = 80
"""The most characters of a name that are shown to the model."""

_SENTENCE_CHARS = 8
_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A statement whose topic the model shall give.

    Attributes:
        line: The statement below its headings.
        name: Where the name begins and ends in the statement.
        value: Where the value begins and ends in it.
    """

    line: Line
    name: tuple[int, int]
    value: tuple[int, int]


class TableWork:
    """What the tables of a report ask of the model, and what comes of the answers.

    Attributes:
        questions: Statements that need a topic.
        lines: Cells with sentences, as paragraphs.

    Args:
        report: The report.
    """

    def __init__(self, report: Report) -> None:
        self.questions: list[Question] = []
        self.lines: list[Line] = []
        self._figures: list[tuple[int, Figure, int]] = []  # table, figure, number of its question
        self._cells: list[tuple[int, Cell]] = []
        for number, table in enumerate(report.tables):
            headings = (*table.headings, table.caption) if table.caption else table.headings
            found = list(figures(table))
            asked: dict[tuple[object, ...], int] = {}
            for figure in found:
                key = (figure.cell.column,) if len(found) > MANY else (figure.name, figure.unit)
                if key not in asked:
                    asked[key] = len(self.questions)
                    self.questions.append(_question(figure, headings))
                self._figures.append((number, figure, asked[key]))
            for cell in _sentences(table):
                line = Line(kind=LineKind.BODY, text=cell.text, start=cell.start, end=cell.end, headings=headings)
                self.lines.append(line)
                self._cells.append((number, cell))

    def indicators(
        self, topics: Sequence[int], paragraphs: Sequence[TaggedParagraph], labels: Sequence[Label]
    ) -> tuple[Indicator, ...]:
        """Return the indicators of all tables by table, row and column.

        Args:
            topics: The answer to each question, an index of `labels`.
            paragraphs: What the model found in `lines`.
            labels: The topics of the scheme.
        """
        found = [_indicator(figure, table, labels[topics[at]]) for table, figure, at in self._figures]
        for (table, cell), paragraph in zip(self._cells, paragraphs, strict=True):
            place = CellPlace(table=table, row=cell.row, column=cell.column)
            found += [replace(indicator, table=place) for indicator in paragraph.indicators]
        return tuple(sorted(found, key=_order))


def _order(indicator: Indicator) -> tuple[int, int, int, int]:
    place = indicator.table
    assert place is not None  # all of them stand in tables
    return place.table, place.row, place.column, indicator.start


def _question(figure: Figure, headings: tuple[str, ...]) -> Question:
    name = (figure.name or "")[:NAME_CHARACTERS]
    unit = "" if figure.unit and figure.text.endswith(figure.unit) else figure.unit
    text = f"{name}{figure.text}{unit}"
    line = Line(kind=LineKind.BODY, text=text, start=0, end=len(text), headings=headings)
    value = (len(name), len(text))
    return Question(line=line, name=(0, len(name)) if name else value, value=value)


def _sentences(table: Table) -> Iterator[Cell]:
    """The cells below the headings that say something with a number in it."""
    for cell in table.cells:
        if cell.row < table.first_row + table.header_rows or not re.search(r"\d", cell.text):
            continue
        if len(_HAN.findall(cell.text)) >= _SENTENCE_CHARS and figure_span(cell.text) is None:
            yield cell


def _indicator(figure: Figure, table: int, topic: Label) -> Indicator:
    return Indicator(
        text=figure.text,
        start=figure.start,
        end=figure.end,
        name=figure.name,
        number=figure.number,
        unit=figure.unit,
        qualifier=figure.qualifier,
        dimension=topic,
        table=CellPlace(table=table, row=figure.cell.row, column=figure.cell.column),
        total=figure.total,
    )
