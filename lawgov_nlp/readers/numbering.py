"""Rebuild Word's automatic numbers from numbering.xml: the file holds 加强领导, the page shows （一）加强领导.

python-docx gives no numbers (python-docx#92, open since 2014), and docx2python and markitdown give wrong ones for
Chinese formats. The rules are in ECMA-376 part 1, 17.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CHOICE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Choice"
_HAN_DIGITS = "〇一二三四五六七八九"
_SERIES = {
    "ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
    "ideographZodiac": "子丑寅卯辰巳午未申酉戌亥",
    "ideographEnclosedCircle": "㊀㊁㊂㊃㊄㊅㊆㊇㊈㊉",
    "decimalEnclosedParen": "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇",
    "decimalEnclosedFullstop": "⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑⒒⒓⒔⒕⒖⒗⒘⒙⒚⒛",
}
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳㉑㉒㉓㉔㉕㉖㉗㉘㉙㉚㉛㉜㉝㉞㉟㊱㊲㊳㊴㊵㊶㊷㊸㊹㊺㊻㊼㊽㊾㊿"
for _name in ("decimalEnclosedCircle", "decimalEnclosedCircleChinese"):
    _SERIES[_name] = _CIRCLED
_COUNTING = {
    "chineseCounting",
    "chineseCountingThousand",
    "japaneseCounting",
    "taiwaneseCounting",
    "taiwaneseCountingThousand",
}
_LEGAL = {"chineseLegalSimplified", "ideographLegalTraditional", "japaneseLegal"}
MAX_START = 32_767
"""The largest number with which Word lets a list begin."""
MAX_TEXT = 255
"""The most characters of a level's text (`第%1条`). Word writes no longer ones; their numbers are left out."""
_LEGAL_DIGITS = str.maketrans("一二三四五六七八九十百千", "壹贰叁肆伍陆柒捌玖拾佰仟")


@dataclass(frozen=True, kw_only=True)
class _Level:
    """A level of a list. `restart` is the level, from 1, that restarts it; None is the one above, and 0 is none."""

    start: int
    fmt: str
    text: str
    legal: bool
    suffix: str
    restart: int | None
    style: str | None


@dataclass(frozen=True, kw_only=True)
class _Num:
    """A `w:num`: the abstract list in which it counts, and the levels that it overrides."""

    abstract: str
    levels: dict[int, _Level]
    starts: dict[int, int]


class Numbering:
    """Counts the numbered paragraphs of a document. Call `marker` once for each paragraph, in document order."""

    def __init__(self, numbering: etree._Element | None, styles: etree._Element | None) -> None:
        self.unknown: set[str] = set()
        self.damaged = 0  # the number of paragraphs whose number was left out
        self._styles: dict[str, etree._Element] = {}
        self._default_style: str | None = None
        for style in () if styles is None else styles.iterfind(f"{W}style"):
            if style.get(f"{W}type") == "paragraph" or style.find(f"{W}pPr/{W}numPr") is not None:
                self._styles[style.get(f"{W}styleId", "")] = style
                if style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in ("1", "true", "on"):
                    self._default_style = style.get(f"{W}styleId")
        self._abstract: dict[str, dict[int, _Level]] = {}
        self._links: dict[str, str] = {}
        self._nums: dict[str, _Num] = {}
        if numbering is not None:
            self._load(numbering)
        self._known: dict[str, tuple[str | None, int]] = {}  # from style to list and level
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[tuple[str, int]] = set()

    def marker(self, paragraph: etree._Element) -> str:
        """Return the printed number of a `w:p`, such as `（一）`; an empty string for no number or a bullet."""
        num_id, level_index = self._place(paragraph)
        num = self._nums.get(num_id or "")
        if num is None:
            return ""
        levels = self._levels(num)
        level = levels.get(level_index)
        if level is None:
            return ""
        counts = self._counts.setdefault(num.abstract, {})
        self._count(num_id or "", num, level_index, levels, counts)
        if level.fmt == "bullet":
            return ""
        if len(level.text) > MAX_TEXT:
            self.damaged += 1
            return ""
        return self._print(level_index, levels, counts, num)

    def _load(self, root: etree._Element) -> None:
        for abstract in root.iterfind(f"{W}abstractNum"):
            key = abstract.get(f"{W}abstractNumId", "")
            self._abstract[key] = dict(map(_level, abstract.iterfind(f"{W}lvl")))
            if (link := _value(abstract, "numStyleLink")) is not None:
                self._links[key] = link
        for num in root.iterfind(f"{W}num"):
            levels, starts = {}, {}
            for override in num.iterfind(f"{W}lvlOverride"):
                index = _int(override.get(f"{W}ilvl"), 0)
                if (own := override.find(f"{W}lvl")) is not None:
                    levels[index] = _level(own)[1]
                if (start := _value(override, "startOverride")) is not None:
                    starts[index] = _start(start, 1)
            abstract_id = _value(num, "abstractNumId") or ""
            self._nums[num.get(f"{W}numId", "")] = _Num(abstract=abstract_id, levels=levels, starts=starts)

    def _levels(self, num: _Num) -> dict[int, _Level]:
        """Return the levels of a list. If it only names a style (numStyleLink), they are in that style's list."""
        key = num.abstract
        for _ in range(9):  # Links may be chained, and damaged files have cycles.
            if key not in self._links:
                break
            style = self._styles.get(self._links[key])
            linked = None if style is None else _value(style, f"pPr/{W}numPr/{W}numId")
            if linked not in self._nums:
                break
            key = self._nums[linked].abstract
        return {**self._abstract.get(key, {}), **num.levels}

    def _place(self, paragraph: etree._Element) -> tuple[str | None, int]:
        """Return list and level of a paragraph, from its own `numPr`, or else from its style and the bases of that."""
        own_num = _value(paragraph, f"pPr/{W}numPr/{W}numId")
        own_level = _value(paragraph, f"pPr/{W}numPr/{W}ilvl")
        if own_num is not None:
            return own_num, _int(own_level, 0)
        num_id, level = self._styled(_value(paragraph, f"pPr/{W}pStyle") or self._default_style)
        return num_id, level if own_level is None else _int(own_level, 0)

    def _styled(self, style_id: str | None) -> tuple[str | None, int]:
        """Return list and level of a style. What it doesn't set comes from the style that it is based on.

        Word's heading 2 only has a level, and its list comes from heading 1. The result is cached, because chains may
        be thousands long.
        """
        passed: dict[str, None] = {}
        while style_id is not None and style_id not in self._known:
            if style_id not in self._styles or style_id in passed:  # damaged files have cycles
                break
            passed[style_id] = None
            if _value(self._styles[style_id], f"pPr/{W}numPr/{W}numId") is not None:
                break
            style_id = _value(self._styles[style_id], "basedOn")
        num_id, level = self._known.get(style_id or "", (None, 0))
        for name in reversed(passed):
            num_id = _value(self._styles[name], f"pPr/{W}numPr/{W}numId") or num_id
            stated = _value(self._styles[name], f"pPr/{W}numPr/{W}ilvl")
            level = level if stated is None else _int(stated, 0)
            if num_id in self._nums:  # The level that names the style takes precedence over the style's ilvl (17.9.23).
                levels = self._levels(self._nums[num_id])
                level = next((index for index, own in levels.items() if own.style == name), level)
            self._known[name] = num_id, level
        return num_id, level

    def _count(self, num_id: str, num: _Num, index: int, levels: dict[int, _Level], counts: dict[int, int]) -> None:
        """Increase the counter of `index` and restart the deeper ones. Lists of one abstractNum share counters."""
        for upper in range(
            index
        ):  # A skipped level counts as begun: after （一） alone, the next outer number is 二、.
            if upper in levels:
                counts.setdefault(upper, num.starts.get(upper, levels[upper].start))
        start = num.starts.get(index, levels[index].start)
        if index in num.starts and (num_id, index) not in self._begun:
            counts[index] = start  # With startOverride, a new list of the same form begins here.
        else:
            counts[index] = counts.get(index, start - 1) + 1
        self._begun.add((num_id, index))
        for deeper in [i for i in counts if i > index]:
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or index < restart:
                del counts[deeper]

    def _print(self, index: int, levels: dict[int, _Level], counts: dict[int, int], num: _Num) -> str:
        level = levels[index]

        def number(match: re.Match[str]) -> str:
            i = int(match[1]) - 1
            shown = levels.get(i)
            if shown is None:
                return ""
            fmt = "decimal" if level.legal and shown.fmt != "none" else shown.fmt
            return self._format(counts.get(i, num.starts.get(i, shown.start)), fmt)

        text = re.sub("%([1-9])", number, level.text)
        # In typed text there is no space after 一、 or （一）, but there is one after a bare 1 or 第一条.
        return text + " " if level.suffix != "nothing" and text[-1:].isalnum() else text

    def _format(self, n: int, fmt: str) -> str:
        if fmt in ("none", "bullet"):
            return ""
        if fmt in _SERIES and 1 <= n <= len(_SERIES[fmt]):
            return _SERIES[fmt][n - 1]
        if fmt in _COUNTING:
            return chinese(n)
        if fmt in _LEGAL:
            text = chinese(n)
            return (f"一{text}" if text.startswith("十") else text).translate(_LEGAL_DIGITS)  # Word writes 壹拾.
        if fmt in ("ideographDigital", "japaneseDigitalTenThousand", "taiwaneseDigital"):
            return "".join(_HAN_DIGITS[int(d)] for d in str(n))
        if fmt in ("decimalFullWidth", "decimalFullWidth2"):
            return str(n).translate({ord("0") + d: ord("０") + d for d in range(10)})
        if fmt == "decimalZero":
            return f"{n:02d}"
        if fmt in ("upperLetter", "lowerLetter") and n > 0:  # Word continues with aa, bb and not with aa, ab.
            letter = chr(ord("A") + (n - 1) % 26) * ((n - 1) // 26 + 1)
            return letter if fmt == "upperLetter" else letter.lower()
        if fmt in ("upperRoman", "lowerRoman") and 0 < n < 4000:
            return _roman(n) if fmt == "upperRoman" else _roman(n).lower()
        if fmt not in ("decimal", "decimalHalfWidth") and fmt not in _SERIES:
            self.unknown.add(fmt)
        return str(n)


def chinese(n: int) -> str:
    """Return a number below 10,000 as lists show it: 十, 十一, 二十三, 一百零五."""
    if not 0 < n < 10_000:
        return str(n)
    text = ""
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = n // unit % 10
        if digit:
            text += _HAN_DIGITS[digit] + name
        elif text and n % unit and not text.endswith("零"):
            text += "零"
    return text[1:] if text.startswith("一十") else text


def _roman(n: int) -> str:
    text = ""
    for value, name in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        text += name * (n // value)
        n %= value
    return text


def _level(element: etree._Element) -> tuple[int, _Level]:
    # A custom format is in mc:Choice, which few programs understand; its mc:Fallback has a plain numFmt.
    fmt = [e for e in element.iter(f"{W}numFmt") if not any(a.tag == _CHOICE for a in e.iterancestors())]
    restart = _value(element, "lvlRestart")
    legal = element.find(f"{W}isLgl")
    return _int(element.get(f"{W}ilvl"), 0), _Level(
        start=_start(_value(element, "start"), 0),  # It is zero if it is left out (17.9.25).
        fmt=fmt[0].get(f"{W}val", "decimal") if fmt else "decimal",
        text=_value(element, "lvlText") or "",
        legal=legal is not None and legal.get(f"{W}val") not in ("0", "false", "off"),
        suffix=_value(element, "suff") or "tab",
        restart=None if restart is None else _int(restart, 0),
        style=_value(element, "pStyle"),
    )


def _value(element: etree._Element, path: str) -> str | None:
    found = element.find(W + path)
    return None if found is None else found.get(f"{W}val")


def _start(value: str | None, default: int) -> int:
    """Return a list's first number, or `default` if Word can't have written it. A huge one would exhaust the memory."""
    start = _int(value, default)
    return start if 0 <= start <= MAX_START else default


def _int(value: str | None, default: int) -> int:
    try:
        return default if value is None else int(value)
    except ValueError:  # A damaged attribute must not make the report unreadable.
        return default
