"""Variations of annotated text. All except `run_in_report` keep the offsets within a line: characters map one to one.

Training draws from these variations so that the model learns nothing from the form of a full stop or the digits of a
number. `training/robustness.py` measures how much they lower the scores of a trained model. (Of half-width punctuation
only the full stop reaches the encoder of the shipped model as a different token, because its tokenizer normalises the
other signs. The code for structure and quantities sees all of them.)
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace

from lawgov_nlp.annotation.examples import Example
from lawgov_nlp.annotation.gold import GoldIndicator, GoldLine, GoldReport
from lawgov_nlp.report import LineKind

_HALF = str.maketrans("，。；：（）？！", ",.;:()?!")
_PAIRS = "未末已己土士人入大太干千日曰木本天夭了子问间治冶折拆侯候辩辨象像"
_LOOK_ALIKES = dict(
    zip(_PAIRS, (c for a, b in zip(_PAIRS[::2], _PAIRS[1::2], strict=True) for c in (b, a)), strict=True)
)
"""Characters that scanners and typists confuse."""

_NUMBERING = re.compile(
    r"^(?:第?[一二三四五六七八九十]{1,3}(?:[、，,.．]|部分\s*[、，：:]?)|[（(](?:[一二三四五六七八九十]{1,3}|\d{1,2})[）)]|[①-⑳]"
    r"|\d{1,2}(?:[．、]|\.(?!\d))|\d{1,2}[)）])\s*"
)
_UNITS = {
    a: b
    for pair in ("件起", "场次", "份册", "户家", "名人", "个处", "条项")
    for a, b in (tuple(pair), tuple(pair[::-1]))
}
"""Units that could replace each other."""

_PLACE = re.compile(r"([一-鿿]{2,3}?)(?:自治县|街道|[省市州盟县区旗镇乡]|苏木)")
_SYLLABLES = "青白清石临安云平新东南长宁桐柳杨松梅溪河塘湖岭坪泉峰桥集沟湾铺店庄"
MISREAD = 0.02
"""The share of the confusable characters that `misread` changes."""


def half_width(text: str) -> str:
    """Replace Chinese punctuation by the half-width signs of a keyboard in English mode."""
    return text.translate(_HALF)


def misread(text: str, rng: random.Random, share: float = MISREAD) -> str:
    """Replace some characters by others that look alike."""
    return "".join(_LOOK_ALIKES[c] if c in _LOOK_ALIKES and rng.random() < share else c for c in text)


def other_digits(text: str, spans: Iterable[tuple[int, int]], rng: random.Random) -> str:
    """Replace the digits in `spans`; a number keeps its length, and its first digit isn't 0."""
    out = list(text)
    for start, end in spans:
        for at in range(start, end):
            if "0" <= out[at] <= "9":
                first = at == start or not (out[at - 1].isdigit() or out[at - 1] in ".,，")
                out[at] = rng.choice("123456789" if first else "0123456789")
    return "".join(out)


def without_number(heading: str) -> str:
    """Return a heading without its number, such as 一、 or （一）."""
    return _NUMBERING.sub("", heading)


def vary(example: Example, rng: random.Random, *, half: float, digits: float, misreading: float) -> Example:
    """Apply each variation to the example with the given probability."""
    text, headings = example.unit.text, example.unit.headings
    if rng.random() < digits:
        text = other_digits(text, (i.value for i in example.indicators), rng)
    if rng.random() < half:
        text, headings = half_width(text), tuple(map(half_width, headings))
    if rng.random() < misreading:
        text = misread(text, rng)
    return replace(example, unit=replace(example.unit, text=text, headings=headings))


def half_width_report(report: GoldReport) -> GoldReport:
    """Return the report with half-width punctuation throughout."""
    return replace(report, units=tuple(replace(u, text=half_width(u.text)) for u in report.units))


def misread_report(report: GoldReport, seed: int = 0, share: float = 0.1) -> GoldReport:
    """Return the report as a poor scan would give it: by default a tenth of the confusable characters is wrong."""
    rng = random.Random(f"{report.id} {seed}")
    return replace(report, units=tuple(replace(u, text=misread(u.text, rng, share)) for u in report.units))


def other_digits_report(report: GoldReport, seed: int = 0) -> GoldReport:
    """Return the report with other digits in its values."""
    rng = random.Random(f"{report.id} {seed}")
    return replace(
        report,
        units=tuple(replace(u, text=other_digits(u.text, (i.value for i in u.indicators), rng)) for u in report.units),
    )


def other_units_report(report: GoldReport) -> GoldReport:
    """Return the report with other units at the end of its values, such as 起 for 件 or 次 for 场."""

    def changed(unit: GoldLine) -> GoldLine:
        text = list(unit.text)
        for indicator in unit.indicators:
            last = indicator.value[1] - 1
            if unit.text[last - 1] not in "人户":  # 人次 and 户次 are units of their own
                text[last] = _UNITS.get(text[last], text[last])
        return replace(unit, text="".join(text))

    return replace(report, units=tuple(map(changed, report.units)))


def other_places_report(report: GoldReport, seed: int = 0) -> GoldReport:
    """Return the report with other names for the places in its title and sign-off, wherever these names occur."""
    rng = random.Random(f"{report.id} {seed}")
    lines = [u.text.strip() for u in report.units if u.kind in (LineKind.TITLE, LineKind.SIGNOFF)]
    found = [m[1] for line in lines for m in _PLACE.finditer(re.sub("^(?:中共|关于)|人民政府", "", line))]
    names = {name: "".join(rng.sample(_SYLLABLES, len(name))) for name in dict.fromkeys(found)}
    if not names:
        return report
    pattern = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))))
    return replace(
        report, units=tuple(replace(u, text=pattern.sub(lambda m: names[m[0]], u.text)) for u in report.units)
    )


def run_in_report(report: GoldReport) -> GoldReport:
    """Return the report with each innermost heading joined to the paragraph below it, as a careless conversion does."""
    units: list[GoldLine] = []
    for unit in report.units:
        above = units[-1] if units else None
        if unit.kind is LineKind.BODY and above is not None and above.kind is LineKind.HEADING:
            units[-1] = _moved(unit, above.text.strip() + "。")
        else:
            units.append(unit)
    return replace(report, units=tuple(units))


def _moved(unit: GoldLine, before: str) -> GoldLine:
    """Return the line with text put in front; the spaces at its beginning are removed."""
    text = unit.text.lstrip()
    by = len(before) - (len(unit.text) - len(text))

    def shifted(span: tuple[int, int]) -> tuple[int, int]:
        return span[0] + by, span[1] + by

    indicators = tuple(
        GoldIndicator(value=shifted(i.value), name=shifted(i.name), dimension=i.dimension) for i in unit.indicators
    )
    return replace(unit, text=before + text, indicators=indicators)


def unnumbered_report(report: GoldReport) -> GoldReport:
    """Return the report without the numbers of its headings; run-in headings keep theirs."""
    return replace(
        report,
        units=tuple(
            replace(u, text=without_number(u.text.strip())) if u.kind is LineKind.HEADING else u for u in report.units
        ),
    )


def headless_report(report: GoldReport) -> GoldReport:
    """Return the report without its headings, except run-in headings."""
    return replace(report, units=tuple(u for u in report.units if u.kind is not LineKind.HEADING))
