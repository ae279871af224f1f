"""Code that the formats share: the interface of a format, error messages, the rows of a report."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.errors import OutputError
from lawgov_nlp.results.tables import rows
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Scheme

_log = logging.getLogger(__name__)

# Spreadsheets take these for the beginning of a formula. The full-width forms count in East Asian editions.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


class Sink(Protocol):
    """The writer of one format. The constructor raises all errors that can be found early."""

    def begin(self, scheme: Scheme) -> None:
        """Write the beginning of the files. All reports have the labels of `scheme`."""

    def add(self, report: TaggedReport) -> None:
        """Write one more report."""

    def finish(self) -> None:
        """Complete and close the files."""

    def release(self) -> None:
        """Close open files, after `finish` or instead of it, because Windows can't delete an open file."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Convert errors of the system into an `OutputError` that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise OutputError(f"{path}: no permission to write ({error}); is it open in another program?") from error
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error}); choose another place") from error
    except UnicodeEncodeError as error:
        raise OutputError(f"{path}: the text has half a character in it ({error}); read the report again") from error


def two_tables(place: StagedFiles, path: Path) -> dict[str, Path]:
    """Claim the files of both tables before the caller opens one, and return them by the name of the table."""
    names = {"paragraphs": path.name, "indicators": f"{path.stem}-indicators{path.suffix}"}
    return {what: place.claim(name) for what, name in names.items()}


def table_rows(report: TaggedReport, what: str) -> Iterator[dict[str, Any]]:
    """Return the rows of a report for a table, and log a warning if it has no paragraphs."""
    if what == "paragraphs" and not report.paragraphs:
        _log.warning("%s has no paragraphs, so no row in the tables", report.source or report.title or "a report")
    return rows(report, what)
