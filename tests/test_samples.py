"""The readers on real files: each sample says exactly what the text says that it was made of."""

import pytest

from lawgov_nlp import read_report
from lawgov_nlp.report import LineKind
from tests.conftest import SAMPLES, TEXTS

FILES = sorted(SAMPLES.glob("*.*"))


def source(sample):
    return TEXTS / f"{sample.stem}.txt"


def lines(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_every_text_has_a_sample():
    assert {source(path) for path in FILES} == set(TEXTS.glob("*.txt"))
    assert {path.suffix for path in FILES} == {".docx", ".pdf", ".html", ".txt"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_reads_as_its_source(path):
    report = read_report(path)
    assert lines(report.text) == lines(source(path).read_text(encoding="utf-8"))
    assert report.warnings == ()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_structure_is_that_of_its_source(path):
    report, text = read_report(path), read_report(source(path))
    assert len(report.units) == len(text.units)
    for unit, plain in zip(report.units, text.units, strict=True):
        if unit.kind is not LineKind.TABLE:  # a text file has no tables: their rows are paragraphs there
            assert (unit.kind, unit.headings) == (plain.kind, plain.headings)
    facts = (report.title, report.issuer, report.year, report.date, report.doc_number)
    assert facts == (text.title, text.issuer, text.year, text.date, text.doc_number)
    assert all(facts[:4])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix[1:])
def test_is_small(path):
    assert path.stat().st_size < 200_000
