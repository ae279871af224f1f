"""A file to a report: what the main process and the reading workers share. No model, nothing heavy."""

from __future__ import annotations

import hashlib
import logging
import re
import stat
import traceback
from dataclasses import dataclass
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers import MAX_BYTES, MAX_CHARS, SUFFIXES, read_file
from lawgov_nlp.readers.structure import parse_report
from lawgov_nlp.report import Report

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a file was when it was read.

    Attributes:
        size: Bytes.
        mtime_ns: Time of its last change, nanoseconds since 1970.
        sha256: Of its content; None for what can't be opened, is no regular file or is larger than any report.
    """

    size: int
    mtime_ns: int
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class ReadOutcome:
    """What came of reading a file: a report or the reason why there is none.

    Attributes:
        report: The report, or None.
        error: Why there is none.
        fingerprint: Of the file, where it was asked for and the file is there.
    """

    report: Report | None = None
    error: LawgovError | None = None
    fingerprint: Fingerprint | None = None

    def result(self) -> Report:
        """The report.

        Raises:
            LawgovError: There is none.
        """
        if self.report is None:
            raise self.error or ReadError("the file was not read")
        return self.report


def read_path(path: Path) -> Report:
    """Read a file and find the report's structure.

    Raises:
        ReadError: It can't be read as a report.
    """
    read = read_file(path)
    return parse_report(read.text, source=str(path), warnings=read.warnings, headings=read.headings, ocr=read.ocr)


def read_safely(path: Path, *, identify: bool = False) -> ReadOutcome:
    """Read a file; whatever goes wrong with it is in the answer, so that the other files go on.

    Args:
        path: The file.
        identify: Also take its fingerprint, and refuse a file that changes meanwhile.
    """
    before = fingerprint(path) if identify else None
    try:
        report = read_path(path)
        if before is not None and _changed(path, before):
            raise ReadError(f"{path}: changed while it was read; run again when nobody writes to it")
        return ReadOutcome(report=report, fingerprint=before)
    except LawgovError as error:
        return ReadOutcome(error=error, fingerprint=before)
    except MemoryError:
        reason = "needs more memory than it may have; no report does. Open it, save it anew and compare the sizes"
    except Exception as error:  # a mistake in a reader costs its file, not the forty thousand behind it
        logger.debug("%s: the reader failed", path, exc_info=True)
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        reason = f"the reader failed ({type(error).__name__}: {error}, at {where}); please report this with the file"
    return ReadOutcome(error=ReadError(f"{path}: {reason}"), fingerprint=before)


def fingerprint(path: Path) -> Fingerprint | None:
    """The fingerprint of a file; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    digest = None
    # opening a pipe would wait for its writer
    if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
        try:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            digest = None
    return Fingerprint(size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=digest)


def _changed(path: Path, before: Fingerprint) -> bool:
    try:
        status = path.stat()
    except OSError:
        return True
    return (status.st_size, status.st_mtime_ns) != (before.size, before.mtime_ns)


Source = Path | str | Report
"""A `Path` is a file, a `str` the text itself, a `Report` is taken as it is."""


def read_report(source: Source) -> Report:
    """Read a report and find its structure; no model is involved.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`, which is returned unchanged.

    Raises:
        ReadError: The file can't be read, or the text is empty, too long or a file's name.
    """
    if isinstance(source, Report):
        return source
    if isinstance(source, Path):
        return read_path(source)
    if not isinstance(source, str):
        raise TypeError(f"expected a Path (a file), a str (the text itself) or a Report; got {type(source).__name__}")
    _check_text(source)
    return parse_report(source)


def _names_a_file(text: str) -> bool:
    if "\n" in text or len(text) > 300:
        return False
    try:
        return text.strip().lower().endswith(SUFFIXES) or Path(text).exists()
    except (OSError, ValueError):  # not even a possible name
        return False


def _check_text(text: str) -> None:
    if not text.strip():
        raise ReadError("the text is empty; expected a report. Did you mean a file? Then give a pathlib.Path")
    if _names_a_file(text):
        raise ReadError(
            f"{text!r} looks like a file's name, but a str is the text itself; give Path({text!r}) for a file"
        )
    if len(text) > MAX_CHARS:
        raise ReadError(f"the text has {len(text):,} characters; a report has at most {MAX_CHARS:,}. Is it several?")
    bad = re.search("[\ud800-\udfff]", text)
    if bad:
        raise ReadError(
            f"the text holds a lone surrogate (U+{ord(bad[0]):04X}) at character {bad.start()}; "
            "decode the file with its right encoding, or give a Path and let the reader do so"
        )
