"""One report in four formats: the same paragraphs, labels and indicators."""

import re

import pytest

from lawgov_nlp import read_report
from lawgov_nlp.annotation.markup import read_markup
from tests import files

from .conftest import ROOT

REPORTS = [
    path
    for path in sorted((ROOT / "data" / "reports").glob("*.txt"))
    if not re.search(r"\t|\[artifact\]|[^\s\]] +\S+ +\S", path.read_text("utf-8"))
]
"""Those without tables, typed with spaces or tabs, which the builders write as paragraphs (tests/test_samples.py has real
ones), and without a converter's marks, which no page or print has."""

FORMATS = ("txt", "docx", "pdf", "html")


def variants(path, folder):
    """The report's lines, read back from a file of each format."""
    lines = [unit.text.strip() for unit in read_markup(path).units]
    for form in FORMATS:
        target = folder / f"{path.stem}.{form}"
        getattr(files, f"write_{form}")(target, lines)
        yield form, read_report(target)


def tight(text):
    """Without white space: a page and a printed line don't keep the number of spaces."""
    return "".join(text.split())


def units(report):
    return [(u.kind, tight(u.text), tuple(map(tight, u.headings))) for u in report.units]


def said(tagged):
    def reading(i):
        return tight(i.text), tight(i.name or ""), i.number, i.unit, i.qualifier, i.dimension

    return [
        (tight(p.text), tuple(map(tight, p.headings)), p.labels, [*map(reading, p.indicators)])
        for p in tagged.paragraphs
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("chinese_font")
@pytest.mark.parametrize("path", REPORTS[::9], ids=lambda p: p.stem)
def test_same_units_and_headings(path, tmp_path):
    read = dict(variants(path, tmp_path))
    for form in FORMATS[1:]:
        assert units(read[form]) == units(read["txt"]), form


@pytest.mark.slow
@pytest.mark.usefixtures("chinese_font")
@pytest.mark.parametrize("path", REPORTS[4::25], ids=lambda p: p.stem)
def test_same_labels_and_indicators(path, tmp_path, shipped):
    tagged = {form: said(shipped.tag(report)) for form, report in variants(path, tmp_path)}
    for form in FORMATS[1:]:
        assert tagged[form] == tagged["txt"], form
