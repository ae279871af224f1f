"""Files read in worker processes, the results in order: a file that hangs or crashes its reader costs that file only.

A worker is `python -c …` with `readers.worker`, not a `multiprocessing` process: it never imports the caller's main
module, so that a script needs no `if __name__ == "__main__"` and a notebook works. In the main process a thread
serves each worker. `concurrent.futures` was no choice: it can't end a worker that hangs, and one that dies breaks the
whole executor.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar

from lawgov_nlp.errors import LawgovError, PageTimeoutError, ReadError
from lawgov_nlp.readers.load import ReadOutcome, Source, fingerprint, read_report, read_safely
from lawgov_nlp.readers.ocr import PageProgress, page_watcher
from lawgov_nlp.readers.worker import READY
from lawgov_nlp.report import Report

WINDOW = 64
"""Reports that may be read ahead of the one that is next: about what one run of the model takes."""

MOST_WORKERS = 4
"""More processes read faster than any model tags."""

_START = 120.0
"""Seconds that a worker may take to start; a network drive is slow, and the machine may be busy."""
_GRACE = 3.0
"""Seconds between asking a worker to end and killing it."""
_POLL = 0.5
"""Seconds: Windows can't interrupt a wait."""

# The worker gets this process's module path as it is. Nothing but `sys` may be imported before that: with -c the
# current folder leads the path, and a user's own `queue.py` there would be taken for the standard library's.
_BOOT = r"import sys; sys.path[:] = sys.argv.pop().split('\n'); from lawgov_nlp.readers.worker import main; main()"

_T = TypeVar("_T")


def default_workers() -> int:
    """Workers for many files: one core is left to the model; 0 where this Python can't start another one."""
    if getattr(sys, "frozen", False) or not sys.executable:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(cores - 1, 1), MOST_WORKERS)


@dataclass(kw_only=True)
class _Job:
    path: Path
    identify: bool
    done: threading.Event = field(default_factory=threading.Event)
    reading: ReadOutcome | None = None
    failure: BaseException | None = None

    def result(self) -> ReadOutcome:
        while not self.done.wait(_POLL):
            pass
        if self.failure is not None:
            raise self.failure
        assert self.reading is not None
        return self.reading


class ReadingPool:
    """Reads files in `workers` processes; a context manager, at whose end no process is left.

    Args:
        workers: Processes; 0 reads in this one, without a limit of time.
        timeout: Seconds that a file may take; of a file that is read by OCR, each page.

    Pages that OCR reads are told to the callback of `readers.ocr.watch_pages` in which the pool was made.

    Raises:
        ValueError: A negative number of workers, or no time at all.
    """

    def __init__(self, workers: int, timeout: float = 60.0) -> None:
        if workers < 0:
            raise ValueError(f"workers={workers}: expected 0 (read in this process) or more")
        if not 0 < timeout < threading.TIMEOUT_MAX:
            raise ValueError(f"timeout={timeout}: expected the seconds that a file may take, more than 0")
        if workers and default_workers() == 0:
            raise ValueError(f"workers={workers}, but this Python has no executable to start; use workers=0")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._servers = [_Server(self._jobs, timeout, page_watcher()) for _ in range(workers)]

    def __enter__(self) -> ReadingPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False

    def read(self, paths: Iterable[Path], *, identify: bool = False) -> Iterator[ReadOutcome]:
        """What came of each path, in order; paths are taken as needed, at most `WINDOW` ahead."""
        for _, reading in self.read_tasks(((path, path) for path in paths), identify=identify):
            assert reading is not None
            yield reading

    def read_tasks(
        self, tasks: Iterable[tuple[_T, Path | None]], *, identify: bool = False
    ) -> Iterator[tuple[_T, ReadOutcome | None]]:
        """Each task's own value with what came of its path, in order; a task without a path passes through.

        Raises:
            LawgovError: A worker process can't be started.
        """
        ahead: deque[tuple[_T, _Job | None]] = deque()
        for value, path in tasks:
            ahead.append((value, None if path is None else self._submit(path, identify)))
            if len(ahead) > (WINDOW if self._servers else 0):
                value, job = ahead.popleft()
                yield value, None if job is None else job.result()
        while ahead:
            value, job = ahead.popleft()
            yield value, None if job is None else job.result()

    def close(self) -> None:
        """End all workers, whatever they are at."""
        for _ in self._servers:
            self._jobs.put(None)
        for server in self._servers:
            server.end()
        until = time.monotonic() + _GRACE
        for server in self._servers:
            server.join(until)

    def _submit(self, path: Path, identify: bool) -> _Job:
        job = _Job(path=path, identify=identify)
        if self._servers:
            self._jobs.put(job)
            idle = next((server for server in self._servers if not server.started), None)
            if idle is not None:  # as many as there are files
                idle.start()
        else:
            job.reading = read_safely(path, identify=identify)
            job.done.set()
        return job


class _Server:
    """A thread that hands jobs to one worker process at a time and replaces the process where it is lost."""

    def __init__(
        self,
        jobs: queue.SimpleQueue[_Job | None],
        timeout: float,
        on_page: Callable[[PageProgress], None] | None = None,
    ) -> None:
        self._jobs, self._timeout, self._on_page = jobs, timeout, on_page
        self._folder = os.getcwd()  # relative paths mean the same to a worker that starts late
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        # A daemon: an interpreter that ends in the midst of a generator must not wait for files.
        self._thread = threading.Thread(target=self._serve, name="lawgov-reading", daemon=True)
        self.started = False

    def start(self) -> None:
        """Begin to serve; the process starts with the first job."""
        self.started = True
        self._thread.start()

    def end(self) -> None:
        """Ask the process to end; no other will start."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()

    def join(self, until: float) -> None:
        """Wait for the thread, and from the time `until` on kill the process: asking didn't help."""
        if not self.started:
            return
        self._thread.join(max(0.0, until - time.monotonic()))
        with self._lock:
            if self._process is not None:
                self._process.kill()
        self._thread.join()

    def _serve(self) -> None:
        try:
            while not self._closed and (job := self._jobs.get()) is not None:
                try:
                    job.reading = self._read(job)
                except BaseException as error:  # whoever waits for the job must hear of it
                    job.failure = error
                job.done.set()
        finally:
            self._drop()

    def _read(self, job: _Job) -> ReadOutcome:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        limit = _Limit(process, self._timeout)
        page: PageProgress | None = None
        try:
            pickle.dump((job.path, job.identify, self._timeout), process.stdin)
            process.stdin.flush()
            while isinstance(reading := pickle.load(process.stdout), PageProgress):
                if limit.over():
                    break
                page, limit = reading, _Limit(process, self._timeout)
                if self._on_page is not None:
                    self._on_page(page)
        except (OSError, EOFError, pickle.UnpicklingError):
            late = limit.over()
            code = self._drop()
            known = fingerprint(job.path) if job.identify else None
            if late and page is not None:
                return ReadOutcome(error=_page_late(page, self._timeout), fingerprint=known)
            if late:
                reason = f"took more than {self._timeout:g} s to read and was given up; open it and save it anew"
            else:
                reason = f"the process that read it {_death(code)}; open the file and save it anew"
            return ReadOutcome(error=ReadError(f"{job.path}: {reason}"), fingerprint=known)
        if isinstance(reading, PageProgress):  # the time ran out as the next page began
            self._drop()
            return ReadOutcome(
                error=_page_late(page or reading, self._timeout),
                fingerprint=fingerprint(job.path) if job.identify else None,
            )
        if limit.over():  # the answer came at the last moment, and the process is being ended
            self._drop()
        return reading

    def _running(self) -> subprocess.Popen[bytes]:
        """The worker, started anew where there is none."""
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            self._drop()  # it died while it had nothing to do
        with self._lock:
            if self._closed:
                raise ReadError("the reading was ended")
            process = self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, "\n".join(map(str, sys.path))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._folder,
                start_new_session=True,  # Ctrl-C is the parent's to handle
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        assert process.stdout is not None
        limit = _Limit(process, _START)
        try:
            said = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            said = None
        if limit.over() or said != READY:
            raise LawgovError(
                f"a process for reading can't be started: {sys.executable} {_death(self._drop())}; its reason stands "
                "on standard error. Read in the main process instead: workers=0, --workers 0"
            )
        return process

    def _drop(self) -> int:
        """End the process for good; its exit code."""
        process = self._process
        if process is None:
            return 0
        _end(process)
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # a request that nobody took
                pass
        with self._lock:
            self._process = None
        return process.returncode


def _page_late(page: PageProgress, seconds: float) -> PageTimeoutError:
    return PageTimeoutError(
        f"{page.path}: page {page.page} of {page.pages} took more than {seconds:g} s to read by OCR and was given up; "
        "give it more time (timeout=, --timeout), or take the page out"
    )


class _Limit:
    """Ends a process after some seconds, unless `over` is called before."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._reached = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def over(self) -> bool:
        """Stop the clock; whether the time had run out."""
        self._timer.cancel()
        self._timer.join()  # it may be at it
        return self._reached

    def _end(self) -> None:
        self._reached = True
        _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, so that it can end what it has begun, and kill it where it doesn't."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _death(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = {"SIGKILL": ", probably because the memory ran out"}.get(name, "")
    return f"was ended by {name}{why}"


_MANY = 16
"""Files from which on `tag_reports` starts processes: one takes about half a second, a file some hundredths."""


def read_reports(
    sources: Iterable[Source],
    on_error: Callable[[Source, LawgovError], None] | None = None,
    *,
    workers: int | None = None,
    timeout: float = 60.0,
) -> Generator[Report, None, None]:
    """Read reports in order; arguments as for `tag_reports`. Whoever doesn't read to the end closes the iterator.

    Raises:
        ValueError: While iterating: `workers` or `timeout` makes no sense.
        LawgovError: While iterating: a source can't be read and there is no `on_error`.
    """
    rest = iter(sources)
    head: list[Source] = []
    if workers is None:
        head = list(islice(rest, _MANY))
        workers = default_workers() if len(head) == _MANY else 0
    tasks = ((source, source if isinstance(source, Path) else None) for source in chain(head, rest))
    with ReadingPool(workers, timeout) as pool:
        for source, reading in pool.read_tasks(tasks):
            try:
                report = read_report(source) if reading is None else reading.result()
            except LawgovError as error:
                if on_error is None:
                    raise
                on_error(source, error)
            else:
                yield report
