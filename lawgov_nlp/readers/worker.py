"""The process that reads files for `readers.pool`: a file's path in, its `Reading` out, until the input ends.

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

READY = "lawgov reading worker"
"""The first answer of a worker."""

MEMORY = 2 << 30
"""Bytes of address space that a worker may have, where the system can limit it; a file that needs more is refused. A
worker that reads reports takes some 30 MB; a docx near the 200 MB of XML that its reader takes at most needs more."""

_GRACE = 10
"""The seconds after a file's limit at which the worker ends itself, in case its parent no longer exists."""

_leaving = False


def main() -> None:
    """Answer requests `(path, identify, time limit in seconds)` until the input ends."""
    stream, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent gets the signal, too, and ends its workers.
    signal.signal(signal.SIGTERM, _leave)
    _limit_memory()
    requests: queue.SimpleQueue[tuple[Path, bool, float] | None] = queue.SimpleQueue()
    pickle.dump(READY, answers)
    answers.flush()
    threading.Thread(target=_listen, args=(stream, requests), daemon=True).start()
    while (request := requests.get()) is not None:
        path, identify, limit = request
        with _alarm(limit + _GRACE):
            answer = pickle.dumps(read_safely(path, identify=identify))
        try:
            answers.write(answer)
            answers.flush()
        except OSError:  # The parent has ended.
            sys.exit()


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the streams of requests and answers. Output that libraries print is redirected to standard error."""
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
    """Pass requests on. When the input ends, as it does if the parent dies, end the process whatever it is doing."""
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
    """End by an exception, so that a reader can clean up (end LibreOffice, delete its temporary folder)."""
    global _leaving
    if not _leaving:  # A second request must not interrupt the clean-up.
        _leaving = True
        sys.exit(128 + signum)


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Let the system end the process after some seconds, as a last resort if the parent was killed."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has the name but refuses the limit.
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


if __name__ == "__main__":
    main()
