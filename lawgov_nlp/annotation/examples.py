"""Turn annotated reports into training examples: put the gold labels on the paragraphs that `readers.structure` finds.

The examples are cut by the same code that cuts a report before tagging. The model therefore learns from the same
lines and heading paths that it sees later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lawgov_nlp.annotation.gold import GoldIndicator, GoldReport
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import Line, LineKind, Report
from lawgov_nlp.scheme import Label


@dataclass(frozen=True, kw_only=True)
class Example:
    """A paragraph with its gold labels; the offsets of its indicators count characters in `unit.text`.

    Attributes:
        labels_coded: Whether someone coded the dimensions. If not, `primary` carries no information and isn't learned.
        indicators_coded: Whether someone coded the indicators.
    """

    unit: Line
    primary: Label | None
    secondary: tuple[Label, ...]
    indicators: tuple[GoldIndicator, ...]
    labels_coded: bool = True
    indicators_coded: bool = True


@dataclass(frozen=True, kw_only=True)
class ExampleSet:
    """Examples from several reports.

    Attributes:
        misread: The number of gold body lines that `readers.structure` doesn't find as paragraphs.
    """

    examples: tuple[Example, ...]
    misread: int


def parse_gold(gold: GoldReport) -> Report:
    """Parse the plain text of an annotated report with `readers.structure`."""
    return parse_report(gold.text, source=gold.id)


def gold_examples(gold: GoldReport) -> list[Example]:
    """Return the body lines of a report with their gold labels and without headings.

    This is how a perfect parser would cut the report, apart from the headings.
    """
    out, at = [], 0
    for unit in gold.units:
        text = unit.text.strip()
        lead = unit.text.find(text)
        if unit.kind is LineKind.BODY:
            moved = tuple(
                GoldIndicator(value=_move(i.value, -lead), name=_move(i.name, -lead), dimension=i.dimension)
                for i in unit.indicators
            )
            place = Line(kind=unit.kind, text=text, start=at + lead, end=at + lead + len(text))
            out.append(
                Example(
                    unit=place,
                    primary=unit.primary,
                    secondary=unit.secondary,
                    indicators=moved,
                    labels_coded=unit.labels_coded,
                    indicators_coded=unit.indicators_coded,
                )
            )
        at += len(unit.text) + 1
    return out


def examples(reports: Iterable[GoldReport]) -> ExampleSet:
    """Return training examples: gold labels on the lines that `readers.structure` finds, with their heading paths."""
    found, misread = [], 0
    for gold in reports:
        units = {u.start: u for u in parse_gold(gold).paragraphs}
        for example in gold_examples(gold):
            unit = units.get(example.unit.start)
            if unit is None:
                misread += 1
                continue
            found.append(replace(example, unit=unit))
    return ExampleSet(examples=tuple(found), misread=misread)


def _move(span: tuple[int, int], by: int) -> tuple[int, int]:
    return span[0] + by, span[1] + by
