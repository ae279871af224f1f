"""What the formats share: where files grow, what a format does, the rows of a report."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from lawgov_nlp.errors import OutputError
from lawgov_nlp.results.tables import rows
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Scheme

_log = logging.getLogger(__name__)

# What spreadsheets take for the beginning of a formula; the full-width forms count in East Asian editions.
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


class Place:
    """Where files grow and where they go."""

    def __init__(self, hidden: Path, target: Path, overwrite: bool) -> None:
        self._hidden, self._target, self._overwrite = hidden, target, overwrite
        self._names: list[str] = []
        self.sources: set[Path] = set()

    def claim(self, name: str) -> Path:
        """Where to write the file that will be called `name`; refuses one that exists."""
        self._check(name)
        self._names.append(name)
        return self._hidden / name

    def publish(self) -> list[Path]:
        """Moves all files into place."""
        for name in self._names:  # again: tagging took a while
            self._check(name)
            if (self._target / name).resolve() in self.sources:
                raise OutputError(f"{self._target / name} is one of the reports that were read; choose another place")
        self._target.mkdir(exist_ok=True)
        for name in self._names:
            os.replace(self._hidden / name, self._target / name)
        return [self._target / name for name in self._names]

    def _check(self, name: str) -> None:
        if self._target.exists() and not self._target.is_dir():
            raise OutputError(f"{self._target} is a file; name a folder for the pages")
        target = self._target / name
        if target.is_dir():
            raise OutputError(f"{target} is a folder; choose another name (a folder of pages needs format='html')")
        if target.exists() and not self._overwrite:
            raise OutputError(f"{target} exists; choose another name, or overwrite it (overwrite=True, --overwrite)")


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


def two_tables(place: Place, path: Path) -> dict[str, Path]:
    """The files of the two tables, both claimed before the caller opens one."""
    names = {"paragraphs": path.name, "indicators": f"{path.stem}-indicators{path.suffix}"}
    return {what: place.claim(name) for what, name in names.items()}


def table_rows(report: TaggedReport, what: str) -> Iterator[dict[str, Any]]:
    """The rows of a report for a table; one without paragraphs is logged."""
    if what == "paragraphs" and not report.paragraphs:
        _log.warning("%s has no paragraphs, so no row in the tables", report.source or report.title or "a report")
    return rows(report, what)
