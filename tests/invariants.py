"""What holds of whatever came in: shared by the property tests and the fuzz targets."""

from __future__ import annotations

import re
from datetime import date

from lawgov_nlp.readers import MAX_CHARS, ExtractedText
from lawgov_nlp.report import LineKind, Report
from lawgov_nlp.results.quantity import numeral_runs, read_quantity, value_end

MOST_DIGITS = 100
"""A number is read with at most so many digits before the point, because `TaggedReport.from_dict` takes no more."""

_LINE_BREAKS = re.compile("[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_PRINTS_NOTHING = "\u200b\u200c\u200d\u200e\u200f\ufeff"


def is_blank(text: str) -> bool:
    """Whether a text is white space, or what counts as such: zero-width space, joiners, direction and byte order marks."""
    return all(char.isspace() or char in _PRINTS_NOTHING for char in text)


def check_source(source: ExtractedText) -> None:
    """What every reader promises of its text."""
    assert source.text.strip()
    assert len(source.text) <= MAX_CHARS
    source.text.encode("utf-8")
    assert not _LINE_BREAKS.search(source.text)


def check_report(report: Report) -> None:
    """What `parse_report` promises for any text: its units are the non-blank lines, and metadata comes from the text."""
    text = report.text
    lines = [line for line in text.splitlines() if not is_blank(line)]
    assert len(report.units) == len(lines)
    at = 0
    for unit, line in zip(report.units, lines, strict=True):
        assert text[unit.start : unit.end] == unit.text
        assert is_blank(text[at : unit.start]), (at, unit)
        assert not is_blank(unit.text)
        assert not unit.text[0].isspace()
        assert not unit.text[-1].isspace()
        assert unit.text in line
        assert unit.kind is LineKind.BODY or not unit.headings
        assert all(heading and heading in text[: unit.end] for heading in unit.headings)
        at = unit.end
    assert is_blank(text[at:])
    _check_metadata(report)


def check_quantities(text: str) -> None:
    """The numerals of any text are in order, within it, and each can be read."""
    at = 0
    runs = list(numeral_runs(text))
    for run in runs:
        assert at <= run[0] < run[1] <= len(text)
        quantity = read_quantity(text, *run)
        check_number(quantity.number)
        assert not any(char.isspace() for char in quantity.unit)
        end = value_end(text, run, runs)
        assert end is None or run[1] <= end <= len(text)
        at = run[1]
    check_number(read_quantity(text).number)


def check_number(number: object) -> None:
    """None, or a finite number that every writer can write and `from_dict` reads back."""
    if number is not None:
        assert number.is_finite()
        assert abs(number.adjusted()) <= MOST_DIGITS


def _check_metadata(report: Report) -> None:
    if report.date is not None:
        assert re.fullmatch(r"\d{4}-\d\d(-\d\d)?", report.date)
        date.fromisoformat(report.date if len(report.date) == 10 else f"{report.date}-01")
    if report.year is not None:
        assert 1900 <= report.year < 2100
    for said in (report.title, report.issuer, report.doc_number):
        assert said is None or (said and said == said.strip())
        # in order, but not always side by side: a converter's mark may stand between
        rest = iter(report.text)
        assert all(char in rest for char in said or ())
