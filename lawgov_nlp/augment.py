"""Variations of annotated text that keep every offset: each character is replaced by one, or by itself.

Training draws from them, so that a full stop's form or a figure's digits teach nothing; `training/robustness.py`
measures what they cost a trained model. (Of half-width punctuation only the full stop reaches the shipped model's
encoder as another token: its tokenizer normalises the rest. Structure and quantities see them all.)
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace

from lawgov_nlp.annotation import GoldReport
from lawgov_nlp.dataset import Example
from lawgov_nlp.report import UnitKind

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
MISREAD = 0.02
"""Share of the confusable characters that `misread` changes."""


def half_width(text: str) -> str:
    """Chinese punctuation as a keyboard in English mode gives it."""
    return text.translate(_HALF)


def misread(text: str, rng: random.Random, share: float = MISREAD) -> str:
    """Some characters replaced by those that look alike."""
    return "".join(_LOOK_ALIKES[c] if c in _LOOK_ALIKES and rng.random() < share else c for c in text)


def other_digits(text: str, spans: Iterable[tuple[int, int]], rng: random.Random) -> str:
    """The digits in `spans` replaced by others; a number keeps its length, and its first digit isn't 0."""
    out = list(text)
    for start, end in spans:
        for at in range(start, end):
            if "0" <= out[at] <= "9":
                first = at == start or not (out[at - 1].isdigit() or out[at - 1] in ".,，")
                out[at] = rng.choice("123456789" if first else "0123456789")
    return "".join(out)


def without_number(heading: str) -> str:
    """A heading without its 一、 or （一）."""
    return _NUMBERING.sub("", heading)


def vary(example: Example, rng: random.Random, *, half: float, digits: float, misreading: float) -> Example:
    """The example with each variation at the given probability."""
    text, headings = example.unit.text, example.unit.headings
    if rng.random() < digits:
        text = other_digits(text, (i.value for i in example.indicators), rng)
    if rng.random() < half:
        text, headings = half_width(text), tuple(map(half_width, headings))
    if rng.random() < misreading:
        text = misread(text, rng)
    return replace(example, unit=replace(example.unit, text=text, headings=headings))


def half_width_report(report: GoldReport) -> GoldReport:
    """The report with half-width punctuation throughout."""
    return replace(report, units=tuple(replace(u, text=half_width(u.text)) for u in report.units))


def misread_report(report: GoldReport, seed: int = 0, share: float = 0.1) -> GoldReport:
    """The report as a poor scan gives it: a tenth of the confusable characters wrong."""
    rng = random.Random(f"{report.id} {seed}")
    return replace(report, units=tuple(replace(u, text=misread(u.text, rng, share)) for u in report.units))


def other_digits_report(report: GoldReport, seed: int = 0) -> GoldReport:
    """The report with other figures."""
    rng = random.Random(f"{report.id} {seed}")
    return replace(
        report,
        units=tuple(replace(u, text=other_digits(u.text, (i.value for i in u.indicators), rng)) for u in report.units),
    )


def unnumbered_report(report: GoldReport) -> GoldReport:
    """The report with the numbers of its headings taken off; run-in headings keep theirs."""
    return replace(
        report,
        units=tuple(
            replace(u, text=without_number(u.text.strip())) if u.kind is UnitKind.HEADING else u for u in report.units
        ),
    )


def headless_report(report: GoldReport) -> GoldReport:
    """The report without its headings, run-in headings aside."""
    return replace(report, units=tuple(u for u in report.units if u.kind is not UnitKind.HEADING))
