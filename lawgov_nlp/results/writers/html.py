"""Write tagged reports as web pages: one page, or a folder of pages with an index."""

from __future__ import annotations

import itertools
import re
from pathlib import Path, PureWindowsPath

from lawgov_nlp.atomic import StagedFiles
from lawgov_nlp.errors import OutputError
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Scheme

_NAME_LIMIT = 60  # characters in a page's file name: Chinese ones take 3 bytes, and file systems allow 255


class PageSink:
    """Writes one report as one page."""

    def __init__(self, place: StagedFiles, path: Path) -> None:
        from lawgov_nlp.results.page import to_html

        self._to_html = to_html
        self._path = path
        self._file = place.claim(path.name)
        self._count = 0

    def begin(self, scheme: Scheme) -> None:
        """Do nothing: the page takes the labels from its report."""

    def add(self, report: TaggedReport) -> None:
        self._count += 1
        if self._count > 1:
            raise OutputError(f"{self._path} can hold one report; for several name a folder, with format='html'")
        _write_page(self._file, self._to_html(report))

    def finish(self) -> None:
        if not self._count:
            raise OutputError(f"{self._path}: there is no report to write")

    def release(self) -> None:
        """Do nothing: no file stays open."""


class PagesSink:
    """Writes a folder of pages with an index."""

    def __init__(self, place: StagedFiles) -> None:
        from lawgov_nlp.results import page

        self._page = page
        self._place = place
        self._index = place.claim("index.html")
        self._entries: list[page.Entry] = []
        self._taken = {"index"}

    def begin(self, scheme: Scheme) -> None:
        self._scheme = scheme

    def add(self, report: TaggedReport) -> None:
        name = f"{self._stem(report)}.html"
        _write_page(self._place.claim(name), self._page.to_html(report))
        self._entries.append(self._page.entry(report, name))

    def finish(self) -> None:
        _write_page(self._index, self._page.to_index(self._entries, self._scheme))

    def release(self) -> None:
        """Do nothing: no file stays open."""

    def _stem(self, report: TaggedReport) -> str:
        """Return a file name that is valid on every system and, ignoring case, differs from all earlier ones."""
        given = PureWindowsPath(report.source).stem if report.source else report.title or ""
        base = re.sub(r'[\s\x00-\x1f<>:"/\\|?*]+', "_", given)[:_NAME_LIMIT].strip("._ ") or "report"
        stems = itertools.chain([base], (f"{base}-{n}" for n in itertools.count(2)))
        stem = next(s for s in stems if s.casefold() not in self._taken)
        self._taken.add(stem.casefold())
        return stem


def _write_page(path: Path, html: str) -> None:
    path.write_text(html, encoding="utf-8", newline="\n")
