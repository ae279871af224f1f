"""Helpers for text that several packages share: ends of sentences, numerals, string enums, shortened values."""

from __future__ import annotations

import re
from enum import Enum

from lawgov_nlp.simplified import to_simplified

HALF_STOP = re.compile(r"(?<=[一-鿿”’\"'）)])\.(?!\d)")
"""A full stop typed in English mode: it follows a Chinese character or a bracket and is no decimal point."""


_NUMERAL = re.compile(r"[0-9０-９零〇一二两三四五六七八九十百千万亿半]")


def has_numeral(text: str) -> bool:
    """Tell whether a text holds a digit or a Chinese numeral, as every value does; traditional ones count, too."""
    return bool(_NUMERAL.search(to_simplified(text)))


class StrEnum(str, Enum):
    """A string enum that prints as its value (Python 3.10 has no `StrEnum`)."""

    def __str__(self) -> str:
        return self.value


def shortened(value: object) -> str:
    """Return the `repr` of a value for a message, cut to at most 60 characters."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
