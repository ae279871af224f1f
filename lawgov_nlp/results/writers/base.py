"""What the formats share: where files grow, what a format does, the rows of a report."""

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

# What spreadsheets take for the beginning of a formula; the full-width forms count in East Asian editions.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


class Sink(Protocol):
    """A format being written. Everything that can be refused early is refused on construction."""

    def begin(self, scheme: Scheme) -> None:
        """Writes what stands in front of the reports, all of which have these labels."""

    def add(self, report: TaggedReport) -> None:
        """Writes one more report."""

    def finish(self) -> None:
        """Completes and closes the files."""

    def release(self) -> None:
        """Closes what is open, after `finish` or instead of it: Windows can't delete an open file."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns the system's errors into ones that say what to do."""
    try:
        yield
    except PermissionError as error:
        raise OutputError(f"{path}: no permission to write ({error}); is it open in another program?") from error
    except OSError as error:
        raise OutputError(f"{path}: can't be written ({error}); choose another place") from error
    except UnicodeEncodeError as error:
        raise OutputError(f"{path}: the text has half a character in it ({error}); read the report again") from error


def two_tables(place: StagedFiles, path: Path) -> dict[str, Path]:
    """The files of the two tables, both claimed before the caller opens one."""
    names = {"paragraphs": path.name, "indicators": f"{path.stem}-indicators{path.suffix}"}
    return {what: place.claim(name) for what, name in names.items()}


def table_rows(report: TaggedReport, what: str) -> Iterator[dict[str, Any]]:
    """The rows of a report for a table; one without paragraphs is logged."""
    if what == "paragraphs" and not report.paragraphs:
        _log.warning("%s has no paragraphs, so no row in the tables", report.source or report.title or "a report")
    return rows(report, what)
