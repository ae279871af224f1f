"""The progress bar on stderr while reports are tagged: files, paragraphs per second, failed files, time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, TypeVar

from rich import progress as bars
from rich.console import Console

from lawgov_nlp.batch.folder import Progress
from lawgov_nlp.readers.ocr import PageProgress, watch_pages
from lawgov_nlp.results.tagged_report import TaggedReport

Item = TypeVar("Item")


class TaggingBar:
    """A progress bar that disappears at the end. It isn't drawn if the output is not a terminal.

    Args:
        notes: The console on which it is drawn.
        shown: Whether to draw it. A single file is finished before a user could read the bar.
    """

    def __init__(self, notes: Console, *, shown: bool = True) -> None:
        self._shown = shown
        self._page: bars.TaskID | None = None
        self._bar = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[speed]}{task.fields[failed]}"),
            bars.TextColumn("剩余"),
            bars.TimeRemainingColumn(),
            console=notes,
            transient=True,
            disable=not notes.is_terminal,
        )
        self._task: bars.TaskID | None = None
        self._watching = ExitStack()
        self._started = 0.0

    def __enter__(self) -> TaggingBar:
        if self._shown:
            self._bar.start()
        self._watching.enter_context(watch_pages(self.show_page))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._watching.close()
        self._bar.stop()

    def show_page(self, page: PageProgress) -> None:
        """Show which page of a scan is being read, also for a single file: a page takes seconds."""
        name = f"识读扫描件 {page.path.name}"
        if self._page is None:
            self._bar.start()
            self._page = self._bar.add_task(name, speed="", failed="")
        self._bar.update(self._page, description=name, completed=page.page - 1, total=page.pages)

    def show(self, now: Progress) -> None:
        """Show the progress. The first call sets the start; what was finished before it doesn't count for the speed."""
        if self._task is None:
            self._started = time.monotonic()
            self._task = self._bar.add_task(
                "标注", visible=self._shown, total=now.total, completed=now.files, speed="", failed=""
            )
            return
        speed = now.paragraphs / max(time.monotonic() - self._started, 1e-3)
        self._bar.update(
            self._task,
            completed=now.files,
            speed=f"{speed:.0f} 段/秒" if now.paragraphs else "",
            failed=f"  [red]未读 {now.failed}[/red]" if now.failed else "",
        )


def progress(
    items: Iterable[Item],
    total: int,
    failures: Sequence[Any],
    notes: Console,
    report_of: Callable[[Any], TaggedReport] = lambda item: item,
) -> Iterator[Item]:
    """Yield the items as they arrive, with a progress bar if there are several files.

    Args:
        items: Tagged reports, or items from which `report_of` takes the report.
        total: The number of files.
        failures: A list to which the caller adds each file that can't be read.
        notes: The console on which the bar is drawn.
        report_of: A function that returns the report of an item.

    Yields:
        The items.
    """
    count = paragraphs = 0
    before = len(failures)
    with TaggingBar(notes, shown=total > 1) as bar:
        bar.show(Progress(files=0, total=total, failed=0, paragraphs=0))
        for item in items:
            yield item
            count += 1
            paragraphs += len(report_of(item).paragraphs)
            failed = len(failures) - before
            bar.show(Progress(files=count + failed, total=total, failed=failed, paragraphs=paragraphs))
