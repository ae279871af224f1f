"""Read files in worker processes, with the results in order. A file that hangs or crashes its reader costs only itself.

A worker is `python -c …` with `readers.worker` and not a `multiprocessing` process. It never imports the caller's main
module, so a script needs no `if __name__ == "__main__"`, and notebooks work. In the main process, a thread serves each
worker. `concurrent.futures` doesn't fit: it can't end a worker that hangs, and a worker that dies breaks the whole
executor.
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

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.readers.load import ReadOutcome, Source, fingerprint, read_report, read_safely
from lawgov_nlp.readers.worker import READY
from lawgov_nlp.report import Report

WINDOW = 64
"""The number of reports that may be read in advance: about as many as one run of the model takes."""

MOST_WORKERS = 4
"""The most processes by default. More would read faster than any model tags."""

_START = 120.0
"""The seconds that a worker may take to start. A network drive may be slow, and the machine may be busy."""
_GRACE = 3.0
"""The seconds between asking a worker to end and killing it."""
_POLL = 0.5
"""The seconds after which a wait is repeated, because Windows can't interrupt a wait."""

# The worker gets the module path of this process. Before that, only `sys` may be imported: with -c, the current folder
# comes first in the path, and a user's own `queue.py` there would be imported instead of the standard library's.
_BOOT = r"import sys; sys.path[:] = sys.argv.pop().split('\n'); from lawgov_nlp.readers.worker import main; main()"

_T = TypeVar("_T")


def default_workers() -> int:
    """Return the number of workers for many files. One core is left to the model; 0 if Python can't start processes."""
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
    """Reads files in `workers` processes. It is a context manager; when it ends, no process is left.

    Args:
        workers: The number of processes; with 0, this process reads without a time limit.
        timeout: Seconds that a file may take.

    Raises:
        ValueError: The number of workers is negative, or `timeout` isn't above 0.
    """

    def __init__(self, workers: int, timeout: float = 60.0) -> None:
        if workers < 0:
            raise ValueError(f"workers={workers}: expected 0 (read in this process) or more")
        if not 0 < timeout < threading.TIMEOUT_MAX:
            raise ValueError(f"timeout={timeout}: expected the seconds that a file may take, more than 0")
        if workers and default_workers() == 0:
            raise ValueError(f"workers={workers}, but this Python has no executable to start; use workers=0")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._servers = [_Server(self._jobs, timeout) for _ in range(workers)]

    def __enter__(self) -> ReadingPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False

    def read(self, paths: Iterable[Path], *, identify: bool = False) -> Iterator[ReadOutcome]:
        """Yield the outcome for each path, in order. Paths are taken as needed, at most `WINDOW` in advance."""
        for _, reading in self.read_tasks(((path, path) for path in paths), identify=identify):
            assert reading is not None
            yield reading

    def read_tasks(
        self, tasks: Iterable[tuple[_T, Path | None]], *, identify: bool = False
    ) -> Iterator[tuple[_T, ReadOutcome | None]]:
        """Yield the value of each task with the outcome for its path, in order. Tasks without a path pass through.

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
        """End all workers, whatever they are doing."""
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
            if idle is not None:  # at most as many as there are files
                idle.start()
        else:
            job.reading = read_safely(path, identify=identify)
            job.done.set()
        return job


class _Server:
    """A thread that passes jobs to a worker process, one at a time, and replaces a lost process."""

    def __init__(self, jobs: queue.SimpleQueue[_Job | None], timeout: float) -> None:
        self._jobs, self._timeout = jobs, timeout
        self._folder = os.getcwd()  # Relative paths mean the same for a worker that starts later.
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        # A daemon, because an interpreter that ends within a generator must not wait for files.
        self._thread = threading.Thread(target=self._serve, name="lawgov-reading", daemon=True)
        self.started = False

    def start(self) -> None:
        """Start to serve. The process starts with the first job."""
        self.started = True
        self._thread.start()

    def end(self) -> None:
        """Ask the process to end, and start no other one."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.terminate()

    def join(self, until: float) -> None:
        """Wait for the thread until the time `until`, and kill the process if it hasn't ended by then."""
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
                except BaseException as error:  # The caller that waits for the job must get the error.
                    job.failure = error
                job.done.set()
        finally:
            self._drop()

    def _read(self, job: _Job) -> ReadOutcome:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        limit = _Limit(process, self._timeout)
        try:
            pickle.dump((job.path, job.identify, self._timeout), process.stdin)
            process.stdin.flush()
            reading = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):
            late = limit.over()
            code = self._drop()
            if late:
                reason = f"took more than {self._timeout:g} s to read and was given up; open it and save it anew"
            else:
                reason = f"the process that read it {_death(code)}; open the file and save it anew"
            known = fingerprint(job.path) if job.identify else None
            return ReadOutcome(error=ReadError(f"{job.path}: {reason}"), fingerprint=known)
        if limit.over():  # the answer came at the last moment, and the process is being ended
            self._drop()
        return reading

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the worker, and start one if there is none."""
        if self._process is not None:
            if self._process.poll() is None:
                return self._process
            self._drop()  # It died while it was idle.
        with self._lock:
            if self._closed:
                raise ReadError("the reading was ended")
            process = self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, "\n".join(map(str, sys.path))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._folder,
                start_new_session=True,  # The parent handles Ctrl-C.
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
        """End the process and return its exit code."""
        process = self._process
        if process is None:
            return 0
        _end(process)
        for stream in (process.stdin, process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # The process took no request.
                pass
        with self._lock:
            self._process = None
        return process.returncode


class _Limit:
    """Ends a process after some seconds, unless `over` is called first."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self._process = process
        self._reached = False
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def over(self) -> bool:
        """Stop the clock, and return whether the time had run out."""
        self._timer.cancel()
        self._timer.join()  # it may be at it
        return self._reached

    def _end(self) -> None:
        self._reached = True
        _end(self._process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, so that it can clean up, and kill it if it doesn't."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _death(code: int) -> str:
    """Describe how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = {"SIGKILL": ", probably because the memory ran out"}.get(name, "")
    return f"was ended by {name}{why}"


_MANY = 16
"""The number of files from which `tag_reports` starts processes. A start takes 0.5 s, a file some hundredths."""


def read_reports(
    sources: Iterable[Source],
    on_error: Callable[[Source, LawgovError], None] | None = None,
    *,
    workers: int | None = None,
    timeout: float = 60.0,
) -> Generator[Report, None, None]:
    """Read reports in order, with the arguments of `tag_reports`. If you stop early, close the iterator.

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
