"""Restore the paragraphs of plain texts in which a line isn't a paragraph.

These are texts that were wrapped at a width, whole reports on one line, Markdown, and texts with the entities of a web
page. Other texts are returned unchanged.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence

_ENTITY = re.compile(
    r"&(?:nbsp|emsp|ensp|thinsp|ldquo|rdquo|lsquo|rsquo|mdash|middot|hellip|amp|lt|gt|quot|#\d{2,5}|#x[0-9a-fA-F]{2,5});"
)
_INDENT = re.compile(r"[\u3000\u2003\u00a0]|[ ]{2,}|\t")
_MARK = re.compile(
    r"\s*(第?[一二三四五六七八九十百]{1,3}[、．.]|[（(][一二三四五六七八九十]{1,3}[）)]|[（(]?\d{1,2}[）)、．]|\d{1,2}\.(?!\d)|[①-⑳]|第[一二三四五六七八九十]{1,3}[章节条部])"
)
_PUNCTUATION = re.compile("[，。；：、]")
_ENDS = "。！？；：!?;:…”）)】》"
_MIN_WIDTH, _MAX_WIDTH = 30, 110  # in half-width columns, that is 15 to 55 Chinese characters
_SHORT_OF_WIDTH = 6
"""The most columns by which a line may be shorter, as punctuation can't begin a line and numbers aren't split."""
_MIN_CUT = 2
_MIN_CUT_PLAIN = 3
_GAP = re.compile(r"(?:\u3000|\u2003){2,}|(?:\u00a0| ){4,}")
_ONE_LINE = 150
_HEADING = re.compile(r"[ ]{0,3}(#{1,6})\s+(\S.*?)\s*#*\s*$")
_BOLD = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_RULES = ({"-", "|", ":", " "}, {"*", " "}, {"_", " "})
_MARKED = 1000
"""The number of characters of a line that are searched for marks of Markdown."""


def paragraphs(text: str) -> tuple[str, dict[str, int]]:
    """Return the text with one paragraph per line.

    Returns:
        The text, and the headings that Markdown marks with their level, from 1.
    """
    if _ENTITY.search(text):
        text = html.unescape(text)
    lines, headings = _without_markdown(text.split("\n"))
    if headings:
        text = "\n".join(lines)
    lines = _parted(lines)
    joined = _joined(lines)
    if joined is not None:
        return "\n".join(joined), headings
    return ("\n".join(lines) if len(lines) != text.count("\n") + 1 else text), headings


def _without_markdown(lines: list[str]) -> tuple[list[str], dict[str, int]]:
    """Return the lines without the marks of Markdown, if at least two of them are headings of Markdown."""
    marked = [_HEADING.match(line) if line.startswith(("#", " ")) and len(line) <= _MARKED else None for line in lines]
    if sum(match is not None for match in marked) < 2:
        return lines, {}
    headings: dict[str, int] = {}
    plain = []
    for line, heading in zip(lines, marked, strict=True):
        if heading:
            text = _BOLD.sub(r"\2", heading[2])
            headings[text] = len(heading[1])
            plain.append(text)
        elif len(line.strip()) >= 3 and any(set(line) <= rule for rule in _RULES):
            plain.append("")
        elif line.strip().startswith("|") and line.strip().endswith("|") and line.count("|") > 2:
            plain.append("\t".join(cell.strip() for cell in line.strip().strip("|").split("|")))
        else:
            plain.append(_BOLD.sub(r"\2", line) if len(line) <= _MARKED else line)
    return plain, headings


def _parted(lines: list[str]) -> list[str]:
    """Split a report on one line into its paragraphs, which are separated by wide gaps."""
    filled = [line for line in lines if line.strip()]
    longest = max(filled, key=len, default="")
    if len(filled) > 3 or len(longest) < _ONE_LINE or len(longest) < 0.8 * sum(map(len, filled)):
        return lines
    if len(_GAP.findall(longest.strip())) < 3:
        return lines
    return [piece for line in lines for piece in (_GAP.split(line) if line is longest else [line]) if piece.strip()]


def _joined(lines: Sequence[str]) -> list[str] | None:
    """Join lines that were wrapped at a width into paragraphs; None if they weren't wrapped."""
    widths = [_width(line) for line in lines]
    filled = [k for k, width in enumerate(widths) if width]
    if not filled:
        return None
    edge = max(widths)
    if not _MIN_WIDTH <= edge <= _MAX_WIDTH:
        return None
    full = {k for k in filled if widths[k] > edge - _SHORT_OF_WIDTH}
    indented = {k for k in filled if _INDENT.match(lines[k])}
    # If paragraphs are indented, a line without indentation continues the line above it.
    set_in = len(indented) >= max(2, 0.3 * len(filled))
    follows = {
        k
        for k in full
        if k + 1 < len(lines) and widths[k + 1] and k + 1 not in indented and (set_in or not _MARK.match(lines[k + 1]))
    }
    cut = {k for k in follows if lines[k].rstrip()[-1] not in _ENDS}
    open_ = {k for k in full if lines[k].rstrip()[-1] not in _ENDS}
    if len(cut) < (_MIN_CUT if set_in else _MIN_CUT_PLAIN) or len(cut) < 0.7 * len(open_):
        return None
    if sum(bool(_PUNCTUATION.search(lines[k])) for k in full) < len(full) / 2:
        return None  # Headings or titles of about the same length, not a running text.
    blank = sum(not widths[k] for k in range(filled[0], filled[-1]))
    # A name or a date may follow a full stop at the edge.
    sure = {k for k in follows if k in cut or _PUNCTUATION.search(lines[k + 1])}
    joins = sure if set_in or blank >= 3 else cut
    joined: list[str] = []
    for k, line in enumerate(lines):
        if k - 1 in joins:
            joined[-1] = _glued(joined[-1], line)
        else:
            joined.append(line)
    return joined


def _glued(above: str, below: str) -> str:
    above, below = above.rstrip(), below.strip()
    words = above[-1:].isascii() and above[-1:].isalpha() and below[:1].isascii() and below[:1].isalpha()
    return f"{above} {below}" if words else above + below


def _width(line: str) -> int:
    """Return the width of a line in columns, two for a Chinese character; 0 for a blank line."""
    line = line.rstrip()
    if len(line) > _MAX_WIDTH:
        return 2 * len(line)
    return sum(2 if unicodedata.east_asian_width(char) in "WFA" else 1 for char in line)
