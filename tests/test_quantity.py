"""Values read: every case of quantity_cases.json, and what must hold for any text.

A case is `[text, number, unit, qualifier]`; braces mark the value in its text, without them all of it is the value.
In `runs` they mark the numerals.
"""

import json
import random
import re
import subprocess
import sys
import time
from decimal import Decimal, getcontext, localcontext
from pathlib import Path

import cn2an
import pytest

from lawgov_nlp.results.quantity import Qualifier, Quantity, numeral_runs, read_quantity, value_end

_CASES = json.loads(Path(__file__).with_name("quantity_cases.json").read_text(encoding="utf-8"))
_READINGS = [case for group in _CASES["readings"].values() for case in group]
_NUMERALS = "0123456789０９零〇一二两三四五六七八九十百千万亿半廿"
_AROUND = "余多几数来上近约成分之点至到、，,.-—～/ %％负个年元件户人次千克以下（）\n陆伍拾佰仟壹"


def _unmark(marked: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its braces, and the offsets of what they held."""
    text, spans = "", []
    for part in re.split(r"(\{[^}]*\})", marked):
        if part.startswith("{"):
            spans.append((len(text), len(text) + len(part) - 2))
        text += part.strip("{}")
    return text, spans


def _number(written: str | None) -> Decimal | None:
    if written is None:
        return None
    over, slash, under = written.partition("/")
    return Decimal(over) / Decimal(under) if slash else Decimal(over)


def _random_texts(count: int) -> list[str]:
    chance = random.Random(7)
    return ["".join(chance.choices(_NUMERALS + _AROUND, k=chance.randint(1, 14))) for _ in range(count)]


@pytest.mark.parametrize(("marked", "number", "unit", "qualifier"), _READINGS, ids=[case[0] for case in _READINGS])
def test_reading(marked: str, number: str | None, unit: str, qualifier: str) -> None:
    text, spans = _unmark(marked)
    start, end = spans[0] if spans else (0, len(text))
    assert read_quantity(text, start, end) == Quantity(
        number=_number(number), unit=unit, qualifier=Qualifier(qualifier)
    )


@pytest.mark.parametrize("marked", _CASES["runs"])
def test_runs(marked: str) -> None:
    text, spans = _unmark(marked)
    assert list(numeral_runs(text)) == spans


@pytest.mark.parametrize("mode", ["low", "up"])
def test_reads_back_what_cn2an_writes(mode: str) -> None:
    numbers = [*range(0, 20_001, 7), *(10**power + extra for power in range(16) for extra in (0, 1, 20, 305))]
    wrong = {n: s for n in numbers if read_quantity(s := cn2an.an2cn(n, mode) + "件").number != n}
    assert not wrong


def test_reads_back_decimals_and_multipliers() -> None:
    for k in range(0, 20_001, 7):
        exact = Decimal(k) / 1000
        for written, scale in ((f"{exact}", 1), (f"{exact}万", 10**4), (f"{exact}万亿", 10**12)):
            assert read_quantity(written + "元") == Quantity(number=exact * scale, unit="元", qualifier=Qualifier.EXACT)


def test_whole_numbers_print_without_a_fraction() -> None:
    assert [str(read_quantity(s).number) for s in ("1.9万", "100.0%", "98.50分", "三万五", "1.5万亿")] == [
        "19000", "100", "98.5", "35000", "1500000000000",
    ]  # fmt: skip


def test_reads_any_text_that_holds_a_numeral() -> None:
    for text in _random_texts(20_000):
        number = read_quantity(text).number
        if any(c in _NUMERALS for c in text):
            assert number is not None, text
            assert number.is_finite(), text


@pytest.mark.parametrize("text", ["9" * 5000 + "万", "万" * 50_000, "三、" * 5000, "1," * 5000, "3" + " " * 5000])
def test_a_monster_does_no_harm(text: str) -> None:
    begin = time.perf_counter()
    read_quantity(text)
    list(numeral_runs(text))
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize(
    ("text", "number"),
    [("9" * 100 + "件", Decimal("9" * 100)), ("9" * 102 + "件", None), ("亿" * 14 + "件", None), ("0." + "0" * 101 + "1%", None)],
)  # fmt: skip
def test_a_number_that_nobody_meant_is_not_read(text: str, number: Decimal | None) -> None:
    assert read_quantity(text) == Quantity(number=number, unit=text[-1], qualifier=Qualifier.EXACT)


def test_runs_are_ordered_and_split_no_numeral() -> None:
    for text in _random_texts(20_000):
        at = 0
        covered = set()
        for start, end in numeral_runs(text):
            assert at <= start < end <= len(text), text
            assert read_quantity(text, start, end).number is not None, text
            covered.update(range(start, end))
            at = end
        assert all(i in covered for i, c in enumerate(text) if c in _NUMERALS and text[i : i + 3] != "百分点"), text


def test_the_text_around_changes_only_the_qualifier() -> None:
    for marked, *_ in _READINGS:
        text, spans = _unmark(marked)
        if spans:
            start, end = spans[0]
            alone, inside = read_quantity(text[start:end]), read_quantity(text, start, end)
            assert (alone.number, alone.unit) == (inside.number, inside.unit)


def test_the_callers_decimal_context_has_no_say() -> None:
    with localcontext() as context:
        context.prec = 3
        assert read_quantity("1.23456万").number == Decimal("12345.6")
        assert len(str(read_quantity("三分之二").number)) == 30
        assert getcontext().prec == 3


def test_refuses_what_is_no_text() -> None:
    with pytest.raises(TypeError, match="expected the text as a str, got int"):
        read_quantity(302)  # type: ignore[arg-type]


def test_speed() -> None:
    values = ["300余户", "1.9万人次", "近二十余万件", "百分之三十", "12名", "一千零五十件", "98.5%", "3至5场"]
    best = min(_seconds(values) for _ in range(5))
    assert len(values) * 250 / best > 20_000


def _seconds(values: list[str]) -> float:
    begin = time.process_time()
    for value in values * 250:
        read_quantity(value)
    return time.process_time() - begin


def test_import_is_light() -> None:
    code = "import sys, lawgov_nlp.results.quantity; print({'cn2an', 'numpy', 'pandas', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("39份；", "39份"),
        ("7名人选", "7名"),
        ("20个工作日压缩至", "20个工作日"),
        ("5个百分点", "5个百分点"),
        ("98.5%。", "98.5%"),
        ("104亿元", "104亿元"),
        ("300 余户", "300 余户"),
        ("3万元至5万元", "3万元至5万元"),
        ("3至5场次", "3至5场次"),
        ("12350，", None),
        ("三分之一左右", "三分之一"),
        ("三成集中在", "三成"),
        ("1.2万辆次", "1.2万辆次"),
        ("3部门联合", None),
    ],
)
def test_a_value_ends_behind_its_unit(text, value):
    runs = list(numeral_runs(text))
    end = value_end(text, runs[0], runs)
    assert (None if end is None else text[runs[0][0] : end]) == value
