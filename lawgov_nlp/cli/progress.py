"""The bar on stderr while reports are tagged: files, paragraphs a second, files that failed, time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from rich import progress as bars
from rich.console import Console

from lawgov_nlp.batch.folder import Progress
from lawgov_nlp.results.tagged_report import TaggedReport

Item = TypeVar("Item")


class TaggingBar:
    """A bar that goes when it is done; nothing at all where nobody is looking.

    Args:
        notes: Where it is drawn.
        shown: False draws none: a single file is done before one has read it.
    """

    def __init__(self, notes: Console, *, shown: bool = True) -> None:
        self._bar = bars.Progress(
            bars.TextColumn("标注"),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TextColumn("{task.fields[speed]}{task.fields[failed]}"),
            bars.TextColumn("剩余"),
            bars.TimeRemainingColumn(),
            console=notes,
            transient=True,
            disable=not shown or not notes.is_terminal,
        )
        self._task: bars.TaskID | None = None
        self._started = 0.0

    def __enter__(self) -> TaggingBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, now: Progress) -> None:
        """Show how far the tagging is; what the first call says was done before counts for no speed."""
        if self._task is None:
            self._started = time.monotonic()
            self._task = self._bar.add_task("", total=now.total, completed=now.files, speed="", failed="")
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
    """The reports, tagged as they come, with a bar where there are many.

    Args:
        items: Tagged reports, or what `report_of` takes one from.
        total: The number of files.
        failures: Grows by one with each file that can't be read.
        notes: Where the bar is drawn.
        report_of: The report of an item.
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
