"""Bytes of a text file that a user saved -> text."""

from __future__ import annotations

from pathlib import Path

from lawgov_nlp.errors import InterchangeError


def decode(path: Path) -> str:
    """The text of a file in UTF-8 or GB18030, with or without a byte order mark; line ends as they are.

    Raises:
        InterchangeError: It is in neither.
    """
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InterchangeError(f"{path}: this is UTF-16 (Excel's 'Unicode text'); save it as 'CSV UTF-8'")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InterchangeError(f"{path}: neither UTF-8 nor GB18030; save it as 'CSV UTF-8'")
