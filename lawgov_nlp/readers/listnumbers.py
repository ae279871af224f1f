"""Compute the numbers that a browser shows before the items of an `<ol>`; the page's source doesn't contain them."""

from __future__ import annotations

import re

from lxml import etree

from lawgov_nlp.readers.numbering import chinese

_MAX = 9999
_STYLE = re.compile(r"list-style(?:-type)?\s*:\s*([a-z-]+)", re.IGNORECASE)
_CHINESE = {"cjk-ideographic", "simp-chinese-informal", "trad-chinese-informal", "japanese-informal"}
_PLAIN_LISTS = re.compile(
    r"(?:^|[\s,};])(?:ol|li|\*)\s*(?:,[^{}]{0,200})?\{[^{}]*list-style(?:-type)?\s*:\s*none", re.IGNORECASE
)
_ROMAN = ("", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
NUMBERED = re.compile(
    r"\s*(第?[一二三四五六七八九十百]{1,3}[、．.，,章节条]|[（(][一二三四五六七八九十\d]{1,3}[）)]|\d{1,3}[.、．)）]|[①-⑳])"
)
"""The beginning of a line that has its own number."""


def hides_numbers(css: str) -> bool:
    """Whether a style sheet removes the numbers of all lists."""
    return _PLAIN_LISTS.search(css[:200_000]) is not None


class ListNumbers:
    """Counts the items of ordered lists. Call `number` once for each `<li>`, in document order."""

    def __init__(self, *, hidden: bool) -> None:
        self._hidden = hidden
        self._next: dict[etree._Element, int] = {}

    def number(self, item: etree._Element) -> str:
        """Return the number before an item, such as `4.` or `四、`; an empty string if there is none."""
        parent = item.getparent()
        if parent is None or parent.tag != "ol":
            return ""
        at = _whole(item.get("value"), self._next.get(parent, _whole(parent.get("start"), 1)))
        self._next[parent] = at + (-1 if parent.get("reversed") is not None else 1)
        style = _STYLE.search(item.get("style", "")) or _STYLE.search(parent.get("style", ""))
        kind = style[1].lower() if style else ""
        if kind == "none" or (self._hidden and not kind and parent.get("type") is None) or not 0 <= at <= _MAX:
            return ""
        return _printed(at, kind, item.get("type") or parent.get("type") or "1")


def _printed(at: int, kind: str, letter: str) -> str:
    if kind in _CHINESE:
        return f"{chinese(at)}、" if at else "〇、"
    if kind in ("lower-alpha", "lower-latin", "upper-alpha", "upper-latin") or (not kind and letter in ("a", "A")):
        if 1 <= at <= 26:
            upper = kind.startswith("upper") or (not kind and letter == "A")
            return f"{chr((ord('A') if upper else ord('a')) + at - 1)}."
    elif (kind in ("lower-roman", "upper-roman") or (not kind and letter in ("i", "I"))) and 1 <= at <= 39:
        text = "x" * (at // 10) + _ROMAN[at % 10]
        return f"{text.upper() if kind.startswith('upper') or letter == 'I' else text}."
    elif kind in ("disc", "circle", "square"):
        return ""
    return f"{at}."


def _whole(value: str | None, default: int) -> int:
    try:
        return default if value is None else int(value[:9])
    except ValueError:
        return default
