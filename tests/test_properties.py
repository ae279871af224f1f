"""What must hold for any input, on examples that are drawn: readers, structure, quantities, markup, windows.

The draws are the same each time, so that a test fails or passes alike everywhere; `-m slow` draws ten times as many.
`tests/fuzz` looks for new ones.
"""

import random
import shutil
import time
from decimal import Decimal

import cn2an
import pytest
from hypothesis import strategies as st

from lawgov_nlp import read_report
from lawgov_nlp.annotation.markup import parse_markup, to_markup
from lawgov_nlp.errors import MarkupError, ReadError
from lawgov_nlp.model.checkpoints import load_tagger, shipped_model
from lawgov_nlp.model.windows import WindowTokenizer
from lawgov_nlp.readers import SUFFIXES, read_file
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import Line, LineKind
from lawgov_nlp.results.quantity import Qualifier, numeral_runs, read_quantity
from tests.fuzz.targets import TARGETS
from tests.invariants import check_quantities, check_report, check_source, is_blank
from tests.strategies import (
    DEPTHS,
    amounts,
    characters,
    counts,
    gold_reports,
    headings,
    hold,
    plain_decimals,
    reports,
    scraps,
    spoilt_file,
    texts,
)

SECONDS = 5
"""Of the processor, not of the clock: other programs may keep the machine busy. What is linear takes a tenth."""

deep = pytest.mark.parametrize("depth", DEPTHS)


def lines_of(report):
    """What a report's lines are, whatever stands between them."""
    return [(u.kind, u.text, u.headings) for u in report.units]


def metadata(report):
    return report.title, report.issuer, report.year, report.date, report.doc_number


# ---- readers


@deep
@pytest.mark.parametrize("target", TARGETS)
def test_what_is_spoilt_keeps_the_promises_or_is_refused(target, depth):
    for number in range(50 * depth):  # `spoilt_file(target, number)` gives the one that fails
        begin = time.process_time()
        TARGETS[target].run(spoilt_file(target, number))
        assert time.process_time() - begin < SECONDS, number


@deep
def test_any_bytes_under_any_name(tmp_path, monkeypatch, depth):
    monkeypatch.setattr(shutil, "which", lambda name: None)  # LibreOffice takes seconds and isn't ours

    def check(suffix, data):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(data)
        try:
            check_source(read_file(path))
        except ReadError as error:
            assert str(path) in str(error)  # noqa: PT017 - most draws are refused, some are read

    heads = st.sampled_from(
        [b"", b"PK\x03\x04", b"%PDF-1.7\n", b"<html>", b"{\\rtf1", b"\xd0\xcf\x11\xe0", b"\xff\xfe"]
    )
    data = st.builds(bytes.__add__, heads, st.binary(max_size=300) | texts.map(str.encode))
    hold(check, st.sampled_from(SUFFIXES), data, examples=200 * depth)


@deep
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
def test_a_report_comes_out_of_every_encoding_as_it_went_in(tmp_path, encoding, depth):
    path = tmp_path / "a.txt"

    def check(text):
        text = text.lstrip("\ufeff")  # the byte order mark
        path.write_bytes(text.encode(encoding))
        assert read_file(path).text.splitlines() == text.splitlines()

    bom = "\ufeff" if encoding == "utf-16-le" else ""
    chinese = reports.map(lambda text: f"{bom}青柳镇2023年法治政府建设工作情况的报告\n{text}")
    printable = chinese.map(lambda text: "".join(c for c in text if c.isprintable() or c == "\n"))
    hold(check, printable, examples=40 * depth)


@deep
def test_half_a_surrogate_pair_in_a_text_is_refused(depth):
    def check(text, half, at):
        at = at % (len(text) + 1)
        with pytest.raises(ReadError, match=r"surrogate|file's name"):
            read_report(text[:at] + half + text[at:])

    halves = st.characters(categories=["Cs"])
    hold(check, texts, halves, st.integers(0, 5000), examples=100 * depth)


@deep
def test_a_text_is_a_report_or_a_read_error(depth):
    def check(text):
        try:
            report = read_report(text)
        except ReadError:
            assert is_blank(text) or "\n" not in text
        else:
            assert report.text == text
            check_report(report)

    hold(check, texts, examples=150 * depth)


# ---- structure


@deep
def test_every_line_is_a_unit_in_its_place(depth):
    hold(lambda text: check_report(parse_report(text)), texts, examples=400 * depth)


@deep
def test_blank_lines_and_line_ends_say_nothing(depth):
    def check(text, before, after):
        plain = parse_report(text)
        same = [parse_report(before + text + "\n" + after)]
        lines = [line for line in text.splitlines() if not is_blank(line)]
        same += [parse_report(end.join(lines)) for end in ("\n", "\r\n", "\n\n", "\u2028", " \n　　")]
        for report in same:
            assert lines_of(report) == lines_of(plain)
            assert metadata(report) == metadata(plain)

    blank = st.text("\n \t\u3000\ufeff\r\x1f", max_size=5)
    hold(check, texts, blank.map(lambda b: f"{b}\n"), blank, examples=150 * depth)


@deep
def test_the_units_read_again_are_the_same_units(depth):
    def check(text):
        once = parse_report(text)
        assert lines_of(parse_report("\n".join(u.text for u in once.units))) == lines_of(once)

    hold(check, texts, examples=150 * depth)


@deep
def test_headings_stand_above_what_they_head(depth):
    def check(text):
        above = []
        for unit in parse_report(text).units:
            if unit.kind is LineKind.HEADING:
                above.append(unit.text)
            elif unit.kind is LineKind.BODY:
                above.append(unit.text)
                assert all(any(line.startswith(heading) for line in above) for heading in unit.headings)
                assert len(unit.headings) <= 10

    hold(check, reports, examples=200 * depth)


PIECES = (
    *" \t\u3000\u200b1二十万半余件、，。；：（)《“.·—-…%的a",
    *("0.", "1,", "1.1 ", "一、", "一是", "（一）", "附件1：", "第1", "2024年", "某镇人民政府", "[image", "百分之", "分之", "3至", "3件至", "三、", "不足", "A+"),
)  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_piece_repeated_takes_no_time(piece):
    often = 12_000 // len(piece)
    begin = time.process_time()
    for text in (
        piece * often,
        f"一、{piece * often}完\n好。",
        f"目录\n{f'{piece}甲' * often}\n好。",
        f"{piece}\n" * (often // 3),
    ):
        parse_report(text)
        list(numeral_runs(text))
        read_quantity(text)
    assert time.process_time() - begin < SECONDS


# ---- quantities


@deep
def test_quantities_of_any_text(depth):
    hold(check_quantities, scraps | amounts | st.text(characters, max_size=60), examples=400 * depth)


@deep
def test_a_value_can_be_read_anywhere_in_a_text(depth):
    def check(text, start, end):
        quantity = read_quantity(text, start, end)
        assert quantity.qualifier in Qualifier

    hold(check, scraps, st.integers(-40, 40), st.none() | st.integers(-40, 40), examples=200 * depth)


@deep
def test_whole_numbers_as_people_write_them(depth):
    def check(n, unit):
        written = [str(n), f"{n:,}", cn2an.an2cn(n, "low"), cn2an.an2cn(n, "up"), str(n).translate(_FULL_WIDTH)]
        for number in written:
            assert read_quantity(f"{number}{unit}").number == n, number

    hold(check, counts, st.sampled_from(["件", "人次", "户"]), examples=150 * depth)


@deep
def test_decimals_with_their_multipliers_are_exact(depth):
    def check(number, scale):
        name, factor = scale
        quantity = read_quantity(f"{abs(number)}{name}元")
        assert (quantity.number, quantity.unit) == (abs(number) * factor, "元")

    scales = [("", 1), ("万", 10**4), ("百万", 10**6), ("亿", 10**8), ("万亿", 10**12)]
    hold(check, plain_decimals.map(lambda d: Decimal(f"{d:f}")), st.sampled_from(scales), examples=150 * depth)


@deep
def test_full_width_reads_like_half_width(depth):
    def check(text):
        assert read_quantity(text.translate(_FULL_WIDTH)) == read_quantity(text)

    hold(check, amounts, examples=200 * depth)


@deep
def test_a_qualifier_in_front_governs(depth):
    def check(n, said):
        word, qualifier = said
        text = f"共走访{word}{n}户。"
        start = text.index(str(n))
        quantity = read_quantity(text, start, text.index("。"))
        assert (quantity.number, quantity.unit, quantity.qualifier) == (n, "户", qualifier)

    words = {
        "": Qualifier.EXACT, "近": Qualifier.ABOUT, "约": Qualifier.ABOUT, "超过": Qualifier.AT_LEAST, "逾": Qualifier.AT_LEAST,
        "至少": Qualifier.AT_LEAST, "不少于": Qualifier.AT_LEAST, "不足": Qualifier.AT_MOST, "不超过": Qualifier.AT_MOST, "最多": Qualifier.AT_MOST,
    }  # fmt: skip
    hold(check, counts, st.sampled_from(list(words.items())), examples=150 * depth)


_FULL_WIDTH = str.maketrans("0123456789.%", "０１２３４５６７８９．％")


# ---- markup


@deep
def test_an_annotated_report_is_read_as_it_was_written(depth):
    def check(gold):
        assert parse_markup(to_markup(gold), gold.id) == gold

    hold(check, gold_reports, examples=150 * depth)


@deep
def test_any_markup_is_read_or_refused_with_its_line(depth):
    def check(markup, seed):
        rng = random.Random(seed)
        at = rng.randrange(len(markup) + 1)
        spoilt = (
            markup[:at] + rng.choice("<>{}|[]:?a1\n") * rng.choice((0, 1, 2)) + markup[at + rng.choice((0, 1, 5)) :]
        )
        try:
            gold = parse_markup(spoilt, "t")
        except MarkupError as error:
            assert str(error).startswith("t:")  # noqa: PT017 - some draws are still right
        else:
            assert parse_markup(to_markup(gold), "t") == gold

    hold(check, gold_reports.map(to_markup) | scraps, st.integers(0, 2**32), examples=200 * depth)


# ---- windows


@pytest.fixture(scope="module")
def shipped_tokenizer():
    return load_tagger(shipped_model())[1]


@deep
@pytest.mark.parametrize("which", ["tokenizer", "shipped_tokenizer"])
def test_windows_decide_on_every_token_once(which, depth, request):
    tokenizer = request.getfixturevalue(which)

    def check(text, path, overlap, heading, room):
        window = 2 * overlap + heading + 3 + room
        encoder = WindowTokenizer(tokenizer, window=window, overlap=overlap, heading=heading)
        (encoded,) = encoder.encode([Line(kind=LineKind.BODY, text=text, start=0, end=len(text), headings=tuple(path))])
        count = len(encoded.offsets)
        assert [t for w in encoded.windows for t in range(*w.own)] == list(range(count))
        for w in encoded.windows:
            inside = range(w.first, w.first + len(w.input_ids) - w.body - 1)
            assert len(w.input_ids) <= window
            assert w.body <= heading + 2
            assert set(range(*w.own)) <= set(inside)
        # offsets go forward and stay in the text; what lies between them is white space or prints nothing
        at = 0
        for start, end in encoded.offsets:
            assert 0 <= start <= end <= len(text)
            assert start >= at or end >= at
            at = max(at, end)
        batch = encoder.collate(encoded.windows)
        assert batch.input_ids.shape == (len(encoded.windows), max(len(w.input_ids) for w in encoded.windows))
        assert int(batch.body_mask.sum()) >= count

    sizes = (st.integers(0, 8), st.integers(0, 20), st.integers(1, 60))
    hold(check, texts, st.lists(headings, max_size=3), *sizes, examples=80 * depth)
