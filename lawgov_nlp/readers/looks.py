"""Look up the properties in Word's styles that matter for a text: whether it is hidden, and its heading level."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from lxml import etree

from lawgov_nlp.readers.numbering import W

_NAME = re.compile(r"(?:heading|标题)\s*([1-9])", re.IGNORECASE)
_LEVELS = 9
_T = TypeVar("_T", bool, int)


class Looks:
    """Looks up styles. A property that a style doesn't set comes from the style that it is based on."""

    def __init__(self, styles: etree._Element | None) -> None:
        self._styles: dict[str, etree._Element] = {}
        for style in () if styles is None else styles.iterfind(f"{W}style"):
            self._styles[style.get(f"{W}styleId", "")] = style
        self._hides: dict[str, bool] = {}
        self._levels: dict[str, int] = {}

    def hides(self, style_id: str | None) -> bool:
        """Whether a paragraph or character style hides its text."""
        return self._asked(style_id, self._hides, self._own_hiding, False)

    def level(self, paragraph: etree._Element, style_id: str | None) -> int:
        """Return the level of a heading, from 1; 0 for a paragraph of text."""
        own = value(paragraph, f"pPr/{W}outlineLvl")
        if own is not None:
            return _outline(own)
        return self._asked(style_id, self._levels, self._own_level, 0)

    def _asked(
        self,
        style_id: str | None,
        known: dict[str, _T],
        own: Callable[[etree._Element], _T | None],
        default: _T,
    ) -> _T:
        """Return a property from a style or its nearest base. It is cached, because chains may be thousands long."""
        passed: dict[str, None] = {}
        while style_id is not None and style_id not in known:
            if style_id not in self._styles or style_id in passed:  # damaged files have cycles
                break
            passed[style_id] = None
            if (said := own(self._styles[style_id])) is not None:
                known[style_id] = said
                break
            style_id = value(self._styles[style_id], "basedOn")
        found = known.get(style_id or "", default)
        known.update(dict.fromkeys(passed, found))
        return found

    @staticmethod
    def _own_hiding(style: etree._Element) -> bool | None:
        found = style.find(f"{W}rPr/{W}vanish")
        return None if found is None else is_on(found)

    @staticmethod
    def _own_level(style: etree._Element) -> int | None:
        if name := _NAME.fullmatch(value(style, "name") or ""):
            return int(name[1])
        outline = value(style, f"pPr/{W}outlineLvl")
        return None if outline is None else _outline(outline)


def is_on(switch: etree._Element | None) -> bool:
    """Whether a property that can be on or off, such as `w:vanish`, exists and is on."""
    return switch is not None and switch.get(f"{W}val") not in ("0", "false", "off")


def value(element: etree._Element, path: str) -> str | None:
    """Return the `w:val` of a descendant; the first prefix of its path is left out."""
    found = element.find(W + path)
    return None if found is None else found.get(f"{W}val")


def _outline(level: str) -> int:
    return int(level) + 1 if level.isascii() and level.isdecimal() and int(level[:3]) < _LEVELS else 0
