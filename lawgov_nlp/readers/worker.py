"""The process that reads files for `readers.pool`: a file's path in, what came of it out, until the input ends.

Before each page that OCR reads, it sends a `PageProgress` first: the limit of time then holds for the page.

It speaks pickles over its standard input and output. A hanging or memory-eating file harms this process alone, which
is killed and replaced. torch and transformers are never loaded here.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lawgov_nlp.readers.load import read_safely
from lawgov_nlp.readers.ocr import PageProgress, watch_pages

READY = "lawgov reading worker"
"""The first thing that a worker says."""

MEMORY = 2 << 30
"""Bytes of address space that a worker may have, where the system can limit it; a file that needs more is refused. A
worker that reads reports takes some 30 MB; a docx near the 200 MB of XML that its reader takes at most needs more."""

OCR_MEMORY = 6 << 30
"""Bytes of address space from the first page on that a worker reads by OCR: the models take under 1 GB of memory, but
reserve 2 to 3 GB of addresses."""

_GRACE = 10
"""Seconds that a file may take beyond its limit before the worker ends itself, its parent being gone."""

_leaving = False


def main() -> None:
    """Answer requests `(path, identify, time limit in seconds)` until the input ends."""
    stream, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it, too, and ends its workers in order
    signal.signal(signal.SIGTERM, _leave)
    _limit_memory()
    requests: queue.SimpleQueue[tuple[Path, bool, float] | None] = queue.SimpleQueue()
    pickle.dump(READY, answers)
    answers.flush()
    threading.Thread(target=_listen, args=(stream, requests), daemon=True).start()
    while (request := requests.get()) is not None:
        path, identify, limit = request

        def page_begins(page: PageProgress, limit: float = limit) -> None:
            _limit_memory(OCR_MEMORY)
            _set_alarm(limit + _GRACE)
            pickle.dump(page, answers)
            answers.flush()

        with _alarm(limit + _GRACE), watch_pages(page_begins):
            answer = pickle.dumps(read_safely(path, identify=identify))
        try:
            answers.write(answer)
            answers.flush()
        except OSError:  # the parent is gone
            sys.exit()


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """The streams of requests and answers; what a library prints goes to standard error instead of between them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        os.dup2(nothing, 1)
    os.close(nothing)
    return requests, answers


def _listen(stream: BinaryIO, requests: queue.SimpleQueue[tuple[Path, bool, float] | None]) -> None:
    """Pass requests on; at the input's end, which is also the parent's death, end the process whatever it is at."""
    with contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            requests.put(pickle.load(stream))
    requests.put(None)
    if hasattr(signal, "pthread_kill"):
        main_thread = threading.main_thread().ident
        assert main_thread is not None  # it runs
        signal.pthread_kill(main_thread, signal.SIGTERM)
        time.sleep(_GRACE)  # for what the reader has to end
    os._exit(0)


def _leave(signum: int, frame: object) -> None:
    """End by an exception, so that what a reader has begun (LibreOffice, a folder of temporary files) is ended."""
    global _leaving
    if not _leaving:  # a second request must not break off the cleaning up
        _leaving = True
        sys.exit(128 + signum)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Lets the system end the process after so long: the last resort where its parent was killed."""
    _set_alarm(seconds)
    try:
        yield
    finally:
        _set_alarm(0)


def _set_alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(memory: int = MEMORY) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has the name and refuses the limit
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    main()
