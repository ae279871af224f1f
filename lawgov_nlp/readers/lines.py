"""Code that the readers of marked-up files share: table rows as lines, and invisible characters."""

from __future__ import annotations

import re

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters, for use in a character class."""

WIDE = HAN + "\u2e80-\u303f\uff00-\uffef\u2014\u2018-\u201d\u2026"
"""Chinese characters and full-width punctuation."""

_UNSEEN = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]")


def visible(text: str) -> str:
    """Return the text without invisible characters. A zero-width space would hide 一、 from every `^一、`."""
    return _UNSEEN.sub("", text)


def row_lines(cells: list[list[str]]) -> list[str]:
    """Return the lines of a table row, from the lines of each cell: usually one line with the cells joined by tabs.

    Some tables only serve the layout of a report (one cell around everything, or 项目 | the whole section). A row with
    a single cell, or with a cell of several lines and 200 characters, therefore keeps its lines.
    """
    cells = [[line.strip() for line in cell if line.strip()] for cell in cells]
    if not any(cells):
        return []
    if len(cells) == 1 or any(len(cell) > 1 and sum(map(len, cell)) > 200 for cell in cells):
        return [line for cell in cells for line in cell]
    return ["\t".join(" ".join(cell).replace("\t", " ") for cell in cells)]
