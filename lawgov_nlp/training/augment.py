"""Variations of annotated text. They keep the offsets within a line: characters map one to one.

Training draws from these variations so that the model learns nothing from the form of a full stop or the digits of a
number. The script `training/robustness.py` measures how much they, and others, lower the scores of a trained model. (Of
half-width punctuation only the full stop reaches the encoder of the shipped model as a different token, because its
tokenizer normalises the other signs. The code for structure and quantities sees all of them.)
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import replace

from lawgov_nlp.annotation.examples import Example

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
