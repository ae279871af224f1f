"""A file to a report: what the main process and the reading workers share. No model, nothing heavy."""

from __future__ import annotations

import hashlib
import logging
import stat
import traceback
from dataclasses import dataclass
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers import MAX_BYTES, read_file
from lawgov_nlp.report import Report
from lawgov_nlp.structure import parse_report

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
class Reading:
    """What came of reading a file: a report or the reason why there is none.

    Attributes:
        report: The report, or None.
        error: Why there is none.
        fingerprint: Of the file, where it was asked for and the file is there.
    """

    report: Report | None = None
    error: LawgovError | None = None
    fingerprint: Fingerprint | None = None


def read_path(path: Path) -> Report:
    """Read a file and find the report's structure.

    Raises:
        ReadError: It can't be read as a report.
    """
    read = read_file(path)
    return parse_report(read.text, source=str(path), warnings=read.warnings)


def attempt(path: Path, *, identify: bool = False) -> Reading:
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
        return Reading(report=report, fingerprint=before)
    except LawgovError as error:
        return Reading(error=error, fingerprint=before)
    except MemoryError:
        reason = "needs more memory than it may have; no report does. Open it, save it anew and compare the sizes"
    except Exception as error:  # a mistake in a reader costs its file, not the forty thousand behind it
        logger.debug("%s: the reader failed", path, exc_info=True)
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        reason = f"the reader failed ({type(error).__name__}: {error}, at {where}); please report this with the file"
    return Reading(error=ReadError(f"{path}: {reason}"), fingerprint=before)


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
