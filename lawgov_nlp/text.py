"""What several rooms ask of a text: where a sentence ends, whether it has a numeral, a word from a fixed list."""

from __future__ import annotations

import re
from enum import Enum

HALF_STOP = re.compile(r"(?<=[一-鿿”’\"'）)])\.(?!\d)")
"""A full stop typed in English mode: behind a Chinese character or a bracket, not a decimal point."""


_NUMERAL = re.compile(r"[0-9０-９零〇一二两三四五六七八九十百千万亿半]")


def has_numeral(text: str) -> bool:
    """Whether a text can be a value: it holds a digit or a Chinese numeral."""
    return bool(_NUMERAL.search(text))


class StrEnum(str, Enum):
    """A str enum that prints as its value (Python 3.10 has no StrEnum)."""

    def __str__(self) -> str:
        return self.value


def shortened(value: object) -> str:
    """A value for a message: as Python writes it, at most 60 characters."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"
