"""The bar on stderr while reports are tagged: files, paragraphs a second, files that failed, time left."""

from __future__ import annotations

import time
from types import TracebackType

from rich import progress
from rich.console import Console

from lawgov_nlp.runs import Progress


class TaggingBar:
    """A bar that goes when it is done; nothing at all where nobody is looking.

    Args:
        notes: Where it is drawn.
        shown: False draws none: a single file is done before one has read it.
    """

    def __init__(self, notes: Console, *, shown: bool = True) -> None:
        self._bar = progress.Progress(
            progress.TextColumn("标注"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[speed]}{task.fields[failed]}"),
            progress.TextColumn("剩余"),
            progress.TimeRemainingColumn(),
            console=notes,
            transient=True,
            disable=not shown or not notes.is_terminal,
        )
        self._task: progress.TaskID | None = None
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
