"""What must hold of any text that is tagged, shown and written, on examples that are drawn as in `test_properties`."""

import csv
import dataclasses
import json
import re
from datetime import datetime

import pytest
import torch
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html
from openpyxl import load_workbook
from pyarrow import parquet

from lawgov_nlp import tag_report
from lawgov_nlp.errors import ReadError
from lawgov_nlp.model.checkpoints import load_tagger, shipped_model
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.results.page import to_html, to_notebook
from lawgov_nlp.results.serialize import to_dict
from lawgov_nlp.results.tables import COLUMNS, rows
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.results.writers import write_reports
from tests.invariants import check_number, check_report
from tests.strategies import DEPTHS, hold, json_values, reports, scraps, texts
from tests.test_tagger import check as check_tagged

deep = pytest.mark.parametrize("depth", DEPTHS)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@pytest.fixture(scope="module")
def eager(tiny_model, tokenizer) -> Tagger:
    """Untrained, and made to take every other token for the beginning of a value, so that many odd ones are tied."""
    return Tagger(_eager(tiny_model.config), tokenizer)


@pytest.fixture(scope="module")
def eager_shipped(tiny_model) -> Tagger:
    """The same with the shipped tokenizer, whose tokens span several characters, overlap, and leave some out."""
    tokenizer = load_tagger(shipped_model())[1]
    config = type(tiny_model.config)(**tiny_model.config.to_dict())
    config.encoder = {**config.encoder, "vocab_size": len(tokenizer)}
    return Tagger(_eager(config), tokenizer)


def _eager(config) -> TaggerModel:
    torch.manual_seed(3)
    model = TaggerModel(config).eval()
    with torch.no_grad():
        model.tags.bias.copy_(torch.tensor([0.0, 0.05, 0.0, 0.0, 0.0]))
        model.tags.weight.mul_(40)
        model.query.weight.mul_(30)
        model.key.weight.mul_(30)
    return model


def check(tagged: TaggedReport) -> None:
    """What holds for every tagged report."""
    check_report(tagged)
    check_tagged(tagged)
    for indicator in tagged.indicators:
        check_number(indicator.number)
        assert 0 <= indicator.score <= 1
    assert TaggedReport.from_dict(json.loads(json.dumps(to_dict(tagged)))) == tagged


@deep
def test_any_text_is_tagged_or_refused(base, depth):
    def one(text):
        try:
            tagged = tag_report(text, model=base, device="cpu")
        except ReadError:
            return
        check(tagged)

    hold(one, texts | st.text(max_size=100), examples=25 * depth)


@deep
@pytest.mark.parametrize("which", ["eager", "eager_shipped"])
def test_offsets_names_and_numbers_of_any_text(which, depth, request):
    tagger = request.getfixturevalue(which)
    found = []

    def one(text, more):
        tagged = list(tagger.tag_many([parse_report(text), parse_report(more)]))
        for report in tagged:
            check(report)
            found.extend(report.indicators)

    hold(one, texts, reports, examples=20 * depth)
    assert len(found) > 100
    assert any(i.name for i in found)


@deep
def test_the_dictionary_of_a_report_is_read_or_refused(eager, depth):
    def one(text, seed, value):
        data = json.loads(json.dumps(to_dict(eager.tag(parse_report(text)))))
        places = list(_places(data))
        parent, key = places[seed % len(places)]
        parent[key] = value
        try:
            report = TaggedReport.from_dict(data)
        except ReadError:
            return
        assert TaggedReport.from_dict(to_dict(report)) == report

    hold(one, reports, st.integers(0, 2**32), json_values, examples=40 * depth)


def _places(data):
    """Every field of a dictionary and item of a list, with what holds it."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], (dict, list)):
            yield from _places(data[key])


hostile = st.builds(
    lambda text, at, mark: text[: at % (len(text) + 1)] + mark + text[at % (len(text) + 1) :],
    texts,
    st.integers(0, 5000),
    st.sampled_from(["<script>alert(1)</script>", '"><img src=x onerror=y>', "</style>", "{{ 7 }}", "]]>", "<!--", "&lt;b&gt;", "'", "\\"]),
)  # fmt: skip


@deep
def test_nothing_of_a_report_becomes_markup_of_its_page(eager, depth):
    def one(text):
        report = eager.tag(parse_report(text))
        report = dataclasses.replace(
            report, warnings=(text[:200],), source=f"a/{text[:50]}.txt", title=text[:80] or None
        )
        harmless = _harmless(report)
        for render in (to_html, to_notebook):
            page = render(report)
            assert _elements(page) == _elements(render(harmless))
        shown = _texts(to_html(report))
        for unit in report.units:
            assert _squeezed(unit.text) in shown

    hold(one, hostile, examples=25 * depth)


def _harmless(report):
    """The report with a letter for each sign of markup; every offset stays."""
    mild = {f.name: getattr(report, f.name) for f in dataclasses.fields(report)}
    data = to_dict(report)

    def walk(value):
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        return re.sub("[<>&\"'{}\\\\]", "x", value) if isinstance(value, str) and value != data["format"] else value

    assert mild["text"] == data["text"]
    return TaggedReport.from_dict(walk(data))


def _elements(page):
    """The elements of a page with the names of their attributes."""
    return [
        (e.tag, sorted(e.attrib))
        for e in lxml_html.document_fromstring(_parsable(page)).iter()
        if isinstance(e.tag, str)
    ]


def _texts(page):
    tree = lxml_html.document_fromstring(_parsable(page))
    return _squeezed("".join(tree.xpath("//article")[0].itertext()))


def _parsable(page):
    """What lxml takes from memory: it ends a str at a NUL."""
    return _UNFIT.sub("\ufffd", page)


def _squeezed(text):
    return re.sub(r"\s", "", _UNFIT.sub("\ufffd", text))


@deep
def test_every_format_holds_what_it_promises(eager, tmp_path, depth):
    def one(text, more):
        tagged = [eager.tag(parse_report(t)) for t in (text, more)]
        _check_files(tagged, tmp_path)

    hold(one, hostile | scraps, reports, examples=8 * depth)


def _check_files(tagged, folder):
    files = {
        kind: write_reports(tagged, folder / f"a.{kind}", overwrite=True)
        for kind in ("jsonl", "csv", "xlsx", "parquet")
    }
    lines = files["jsonl"][0].read_text(encoding="utf-8").split("\n")
    assert [TaggedReport.from_dict(json.loads(line)) for line in lines[:-1]] == tagged
    sheets = load_workbook(files["xlsx"][0], read_only=True)
    for number, what in enumerate(COLUMNS):
        expected = [row for report in tagged for row in rows(report, what)]
        names = [c.name for c in COLUMNS[what]]
        read = parquet.read_table(files["parquet"][number]).to_pylist()
        assert read == [
            {k: None if v is None else float(v) if k == "number" else v for k, v in row.items()} for row in expected
        ]
        with files["csv"][number].open(encoding="utf-8-sig", newline="") as file:
            assert [*csv.reader(file)] == [names, *([_csv_text(v) for v in row.values()] for row in expected)]
        first, *cells = sheets[{"paragraphs": "段落", "indicators": "指标"}[what]].iter_rows(values_only=True)
        headers = {c.zh: c.name for c in COLUMNS[what]}
        assert sorted(first) == sorted(headers)
        assert len(cells) == len(expected)
        for got, row in zip(cells, expected, strict=True):
            for header, value in zip(first, got, strict=True):
                assert _from_excel(headers[header], value) == _xlsx_value(row[headers[header]])
    sheets.close()


def _csv_text(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value) if isinstance(value, (int, float)) else f"{value:f}"


def _from_excel(name, value):
    if name == "needs_review":
        return {"否": 0, "是": 1}[value]
    return value.date().isoformat() if isinstance(value, datetime) else value


def _xlsx_value(value):
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value) or None
    return value if value is None or isinstance(value, int) else pytest.approx(float(value), rel=1e-12)


@pytest.mark.slow
def test_a_line_of_a_hundred_thousand_characters_is_tagged(eager):
    tagged = eager.tag(parse_report("开展法律咨询302人次，" * 9000))
    check(tagged)
    assert len(tagged.paragraphs[0].text) > 90_000
    assert etree.tostring(lxml_html.document_fromstring(to_html(tagged)))
