"""What the readers of marked-up files share: table rows as lines, and characters that print nothing."""

from __future__ import annotations

import re

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters, for use inside a character class."""

WIDE = HAN + "\u2e80-\u303f\uff00-\uffef\u2014\u2018-\u201d\u2026"
"""Chinese characters and the punctuation that is set as wide as they are."""

_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")


def visible(text: str) -> str:
    """The text without the characters that print nothing: a zero-width space hides 一、 from every `^一、`."""
    return _UNSEEN.sub("", text)


def row_lines(cells: list[list[str]]) -> list[str]:
    """One table row, given each cell's lines: one line with the cells joined by tabs.

    Reports are also put into tables for their layout (one cell round it all; 项目 | the whole section). Such a row,
    with a single cell or with a cell of several lines and 200 characters, keeps its lines.
    """
    cells = [[line.strip() for line in cell if line.strip()] for cell in cells]
    if not any(cells):
        return []
    if len(cells) == 1 or any(len(cell) > 1 and sum(map(len, cell)) > 200 for cell in cells):
        return [line for cell in cells for line in cell]
    return ["\t".join(" ".join(cell).replace("\t", " ") for cell in cells)]
