"""The Python API: read, tag, find. Heavy imports happen in the function that needs them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from lawgov_nlp.errors import LawgovError, ReadError
from lawgov_nlp.folders import candidates
from lawgov_nlp.readers import MAX_CHARS, SUFFIXES, irregular
from lawgov_nlp.reading import read_path
from lawgov_nlp.report import Report
from lawgov_nlp.structure import parse_report
from lawgov_nlp.tagged_report import TaggedReport

Source = Path | str | Report
"""A `Path` is a file, a `str` the text itself, a `Report` is taken as it is."""

_MANY = 16
"""Files from which on `tag_reports` starts processes: one takes about half a second, a file some hundredths."""


def read_report(source: Source) -> Report:
    """Read a report and find its structure; no model is involved.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`, which is returned unchanged.

    Raises:
        ReadError: The file can't be read, or the text is empty, too long or a file's name.
    """
    if isinstance(source, Report):
        return source
    if isinstance(source, Path):
        return read_path(source)
    if not isinstance(source, str):
        raise TypeError(f"expected a Path (a file), a str (the text itself) or a Report; got {type(source).__name__}")
    _check_text(source)
    return parse_report(source)


def tag_report(
    source: Source, *, model: Path | str | None = None, device: str = "auto", backend: str = "auto"
) -> TaggedReport:
    """Read a report, label its paragraphs and extract its numeric indicators.

    The model is loaded at the first call and kept for the process.

    Args:
        source: A file (`Path`), the text itself (`str`), or a `Report`.
        model: Folder of another model than the shipped one, or `tiny`: a shipped one that is faster and less exact.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder: `auto`, `torch`, `openvino`, or one of them with a precision
            (`torch:float32`); `lawgov_nlp.backends.resolve_backend` says which is taken where.

    Raises:
        ReadError: The source can't be read as a report.
        ModelError: The model, the device or the backend isn't there.
    """
    report = read_report(source)
    from lawgov_nlp.tagger import tagger

    return tagger(model, device, backend).tag(report)


def tag_reports(
    sources: Iterable[Source],
    *,
    model: Path | str | None = None,
    device: str = "auto",
    backend: str = "auto",
    on_error: Callable[[Source, LawgovError], None] | None = None,
    workers: int | None = None,
    timeout: float = 60.0,
) -> Iterator[TaggedReport]:
    """Tag many reports; neighbouring reports share batches, the order is kept.

    Files are read in processes of their own while this one runs the model. A file that takes too long, eats the
    memory or crashes its reader is an error of that file; the others go on. A script needs no
    `if __name__ == "__main__"` for it. The processes end with the iteration.

    Args:
        sources: As for `tag_report`; may be a generator, which is read as needed.
        model: Folder of another model than the shipped one, or `tiny`: a shipped one that is faster and less exact.
        device: `auto` (CUDA where there is one), `cpu`, `cuda` or `cuda:N`.
        backend: What runs the encoder, as in `tag_report`.
        on_error: Called with each source that can't be read and its error, and the others go on; without it
            the first error is raised.
        workers: Processes that read files; 0 reads in this one, where nothing can end a file that hangs. None takes
            0 for fewer than 16 files, which are read sooner than a process starts, and else one less than there are
            cores, at most 4. Texts and `Report`s always stay in this process.
        timeout: Seconds that a worker may take for a file.

    Returns:
        One `TaggedReport` for each source that could be read; `source` says which file it was.

    Raises:
        TypeError: A single report instead of several.
        ValueError: While iterating: `workers` or `timeout` makes no sense.
        LawgovError: While iterating: a source can't be read and there is no `on_error`, or the model isn't there.
    """
    if isinstance(sources, (str, Path, Report)):
        raise TypeError("tag_reports takes several sources; for a folder give find_reports(folder), for one tag_report")
    return _tag_reports(sources, (model, device, backend), on_error, workers, timeout)


def _tag_reports(
    sources: Iterable[Source],
    choice: tuple[Path | str | None, str, str],
    on_error: Callable[[Source, LawgovError], None] | None,
    workers: int | None,
    timeout: float,
) -> Iterator[TaggedReport]:
    from lawgov_nlp.tagger import tagger

    chosen = tagger(*choice)
    # closed here, not when it is collected: a traceback may keep it, and with it the processes
    with closing(read_reports(sources, on_error, workers=workers, timeout=timeout)) as reports:
        yield from chosen.tag_many(reports)


def read_reports(
    sources: Iterable[Source],
    on_error: Callable[[Source, LawgovError], None] | None = None,
    *,
    workers: int | None = None,
    timeout: float = 60.0,
) -> Iterator[Report]:
    """Read reports in order; arguments as for `tag_reports`. Whoever doesn't read to the end closes the iterator.

    Raises:
        ValueError: While iterating: `workers` or `timeout` makes no sense.
        LawgovError: While iterating: a source can't be read and there is no `on_error`.
    """
    from lawgov_nlp.reading_pool import ReadingPool, default_workers

    rest = iter(sources)
    head: list[Source] = []
    if workers is None:
        head = list(islice(rest, _MANY))
        workers = default_workers() if len(head) == _MANY else 0
    tasks = ((source, source if isinstance(source, Path) else None) for source in chain(head, rest))
    with ReadingPool(workers, timeout) as pool:
        for source, reading in pool.read_tasks(tasks):
            try:
                if reading is None:
                    report = read_report(source)
                elif reading.report is None:
                    raise reading.error
                else:
                    report = reading.report
            except LawgovError as error:
                if on_error is None:
                    raise
                on_error(source, error)
            else:
                yield report


def find_reports(*paths: Path, on_error: Callable[[Path, LawgovError], None] | None = None) -> list[Path]:
    """Every file that a reader exists for, in and below the given folders, sorted; files are taken as given.

    Hidden files and the lock files that Word leaves (`~$…`) are passed over, and links to folders aren't followed.

    Args:
        paths: Files and folders.
        on_error: Called with what can't be a report though its name says so (a broken link, a pipe) and with folders
            that can't be opened; without it they are passed over.

    Raises:
        ReadError: A path doesn't exist, or a folder holds no such file.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_file():
            found.append(path)
            continue
        if not path.is_dir():
            raise ReadError(f"{path} doesn't exist; expected a file or a folder of reports")
        inside, problems = candidates(path)
        reasons = [(candidate, irregular(candidate)) for candidate in inside]
        files = [candidate for candidate, reason in reasons if reason is None]
        problems += ((candidate, reason) for candidate, reason in reasons if reason is not None)
        if not files and (on_error is None or not problems):
            raise ReadError(f"{path} holds no reports; expected files that end in {' '.join(SUFFIXES)}")
        found += files
        if on_error is not None:
            for problem in problems:
                on_error(*problem)
    return list(dict.fromkeys(found))


def _names_a_file(text: str) -> bool:
    if "\n" in text or len(text) > 300:
        return False
    try:
        return text.strip().lower().endswith(SUFFIXES) or Path(text).exists()
    except (OSError, ValueError):  # not even a possible name
        return False


def _check_text(text: str) -> None:
    if not text.strip():
        raise ReadError("the text is empty; expected a report. Did you mean a file? Then give a pathlib.Path")
    if _names_a_file(text):
        raise ReadError(
            f"{text!r} looks like a file's name, but a str is the text itself; give Path({text!r}) for a file"
        )
    if len(text) > MAX_CHARS:
        raise ReadError(f"the text has {len(text):,} characters; a report has at most {MAX_CHARS:,}. Is it several?")
    bad = re.search("[\ud800-\udfff]", text)
    if bad:
        raise ReadError(
            f"the text holds a lone surrogate (U+{ord(bad[0]):04X}) at character {bad.start()}; "
            "decode the file with its right encoding, or give a Path and let the reader do so"
        )
